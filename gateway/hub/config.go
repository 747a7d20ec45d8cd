package hub

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config holds the hub's limits and deadlines. Zero values mean the defaults
// given with each field.
type Config struct {
	// CheckOrigin decides on the Origin header of an upgrade. Default: the
	// Origin's host must be the request's Host; a request without Origin passes.
	CheckOrigin func(*http.Request) bool
	// MaxClients is how many sockets there may be; more are answered 503.
	// Default 10,000.
	MaxClients int

	QueueFrames int // backlog of one client in frames; default 4,096
	QueueBytes  int // backlog of one client in bytes; default 1 MB
	// The log must hold at least what a client may be behind, so smaller
	// values are raised to that. The log is also what a returning client
	// resumes from without asking the Source.
	LogFrames int // default 8,192
	LogBytes  int // default 8 MB
	// ResumeLimit is how many frames the Source is asked for when a cursor is
	// older than the log. Default 1,000; whoever is further behind gets a snapshot.
	ResumeLimit int

	ReadLimit     int64         // size of a client frame; default 64 KB
	ClientRate    int           // client frames per second, and burst; default 20
	HelloWait     time.Duration // from upgrade to hello; default 10 s
	WriteWait     time.Duration // for one frame to leave; default 10 s
	CloseWait     time.Duration // for the close handshake; default 1 s
	PingPeriod    time.Duration // default 5 s; must be shorter than PongWait
	PongWait      time.Duration // default 20 s
	PositionEvery time.Duration // default 5 s
	SourceWait    time.Duration // for one read of the Source; default 10 s

	Registerer prometheus.Registerer // default: metrics are kept, but not registered
	Log        *slog.Logger          // default: discard
}

func (c Config) withDefaults() Config {
	def(&c.MaxClients, 10_000)
	def(&c.QueueFrames, 4_096)
	def(&c.QueueBytes, 1<<20)
	def(&c.LogFrames, 8_192)
	def(&c.LogBytes, 8<<20)
	def(&c.ResumeLimit, 1_000)
	def(&c.ReadLimit, 64<<10)
	def(&c.ClientRate, 20)
	def(&c.HelloWait, 10*time.Second)
	def(&c.WriteWait, 10*time.Second)
	def(&c.CloseWait, time.Second)
	def(&c.PingPeriod, 5*time.Second)
	def(&c.PongWait, 20*time.Second)
	def(&c.PositionEvery, 5*time.Second)
	def(&c.SourceWait, 10*time.Second)
	c.LogFrames = max(c.LogFrames, c.QueueFrames)
	c.LogBytes = max(c.LogBytes, c.QueueBytes)
	if c.PingPeriod >= c.PongWait {
		c.PingPeriod = c.PongWait / 2
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func def[T int | int64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}
