package event

import (
	"encoding/json"
	"time"

	"vigil/workflows/incident"
)

// Protocol is the version of the WebSocket protocol.
const Protocol = 1

// Frame types besides the event types of the catalogue.
const (
	FrameHello    = "hello"    // client → server
	FrameWelcome  = "welcome"  // server → client
	FrameSnapshot = "snapshot" // server → client
	FramePosition = "position" // server → client
	FrameError    = "error"    // server → client, before a close
)

// Topics that a client may ask for. System events come with either.
const TopicIncidents = "incidents"

// Cursor is a place in the stream of events: "I have everything up to here".
// Offset alone is not enough. Suppose a client has seen offset 40, the stream
// is restored from a backup that ends at 30, and ten other events follow: the
// stream is at 40 again, and the client would believe that it missed nothing.
// Epoch is a random id that changes whenever the stream is made anew.
type Cursor struct {
	Epoch  string `json:"epoch"`
	Offset uint64 `json:"offset"`
}

// Hello is the first frame of a client. Without a cursor it gets a snapshot.
type Hello struct {
	Type     string   `json:"type"`
	Protocol int      `json:"protocol"`
	Topics   []string `json:"topics"`
	Cursor   *Cursor  `json:"cursor,omitempty"`
}

// Welcome answers Hello. Resumed says that the frames that follow continue
// the client's cursor; otherwise a snapshot comes next.
type Welcome struct {
	Type      string             `json:"type"`
	Protocol  int                `json:"protocol"`
	Epoch     string             `json:"epoch"`
	Resumed   bool               `json:"resumed"`
	Principal incident.Principal `json:"principal"`
	At        time.Time          `json:"at"`
}

// Snapshot replaces all that the client knows about the topic.
type Snapshot struct {
	Type      string    `json:"type"`
	Epoch     string    `json:"epoch"`
	Offset    uint64    `json:"offset"` // the incidents are exactly as of here
	Incidents []Summary `json:"incidents"`
}

// Position says up to where the client's topics are complete. It comes every
// five seconds; RTTMS is the round trip as the server measured it by ping and
// pong, 0 before the first.
type Position struct {
	Type   string  `json:"type"`
	Epoch  string  `json:"epoch"`
	Offset uint64  `json:"offset"`
	RTTMS  float64 `json:"rtt_ms"`
}

// ErrorFrame tells why the socket is about to close.
type ErrorFrame struct {
	Type    string `json:"type"`
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// TypeModelDelta is the type of a ModelDelta.
const TypeModelDelta = "model.delta"

// ModelDelta is a piece of what a model is saying, as it arrives. It is
// ephemeral: nothing keeps it, pieces may be missing, and the model.called
// event of the same agent and turn takes the place of all of them. A piece of
// a higher attempt voids those of the attempts before; Index counts from 0.
type ModelDelta struct {
	Type       string          `json:"type"`
	IncidentID string          `json:"incident_id"`
	RunID      string          `json:"run_id"`
	Agent      incident.Agent  `json:"agent"`
	Turn       int             `json:"turn"`
	Attempt    int32           `json:"attempt"`
	Index      int             `json:"index"`
	Text       string          `json:"text"`
	Origin     incident.Origin `json:"origin"`
}

// System event types. They carry the latest value and no number.
const (
	TypeSystemHealth    = "system.health"
	TypeBusinessMetrics = "business.metrics"
	TypeAWSServices     = "aws.services"
	TypeControlsChanged = "controls.changed" // incident.Controls
)

// SystemEvent is the frame of a system event.
type SystemEvent struct {
	Type       string              `json:"type"`
	At         time.Time           `json:"at"`
	Provenance incident.Provenance `json:"provenance"`
	Data       json.RawMessage     `json:"data"`
}

// SystemHealthMetrics is the state of Vigil itself, as one gateway sees it.
// Absent parts are nil, never a made-up number.
type SystemHealthMetrics struct {
	Components           []ComponentHealth `json:"components"`
	OpenIncidents        int               `json:"open_incidents"`
	InboxPending         int64             `json:"inbox_pending"`
	InboxQuarantined     int64             `json:"inbox_quarantined"`
	InboxPoisoned        int64             `json:"inbox_poisoned"`  // dispatches that keep failing and hold up their key
	SilencesActive       int               `json:"silences_active"` // silences and maintenance windows that hold now
	DeliveriesLost       int64             `json:"deliveries_lost"` // refused because too large
	WebSocketConnections int               `json:"websocket_connections"`
	WebSocketLatencyMS   *float64          `json:"websocket_latency_ms,omitempty"` // median round trip
	EventPublishLagMS    *float64          `json:"event_publish_lag_ms,omitempty"` // happened until seen by this gateway, latest event
	ProjectionOffset     uint64            `json:"projection_offset"`
	EventsPerSecond      float64           `json:"events_per_second"`
	GatewayUptimeSeconds float64           `json:"gateway_uptime_seconds"`
	WorkersPolling       *int              `json:"workers_polling,omitempty"`
}

// ComponentHealth is one part: temporal, stream, store, worker.
type ComponentHealth struct {
	Name   string `json:"name"`
	State  string `json:"state"` // healthy, degraded, down
	Detail string `json:"detail,omitempty"`
}

// AWSServiceMetrics is one AWS service (and model, where it has one) as one
// worker measured it since it started. Latencies are of the latest calls that
// were answered, in milliseconds; nil where there were none.
type AWSServiceMetrics struct {
	Service           string           `json:"service"`
	Model             string           `json:"model,omitempty"`
	Calls             int64            `json:"calls"`
	Errors            int64            `json:"errors"`
	ErrorsByKind      map[string]int64 `json:"errors_by_kind,omitempty"` // by incident.Kind
	AverageMS         *float64         `json:"average_latency_ms,omitempty"`
	P50MS             *float64         `json:"p50_latency_ms,omitempty"`
	P95MS             *float64         `json:"p95_latency_ms,omitempty"`
	P99MS             *float64         `json:"p99_latency_ms,omitempty"`
	InputTokens       int64            `json:"input_tokens"`
	OutputTokens      int64            `json:"output_tokens"`
	CacheTokens       int64            `json:"cache_tokens"`
	TextUnits         int64            `json:"text_units"`
	CostMicros        *int64           `json:"cost_usd_micros,omitempty"` // nil: no price of any of it is known
	UnknownPriced     int64            `json:"unknown_priced_calls"`
	Breaker           string           `json:"breaker,omitempty"` // closed, open, half_open
	BreakerUntil      time.Time        `json:"breaker_until,omitzero"`
	Limited           int64            `json:"limited_calls"` // refused or held back by our own rate limit
	Health            string           `json:"health"`        // healthy, degraded, error
	LastError         string           `json:"last_error,omitempty"`
	GuardrailOutcomes map[string]int64 `json:"guardrail_outcomes,omitempty"`
	Origin            incident.Origin  `json:"origin,omitempty"` // absent: nothing ever answered, so nobody knows who would have
}

// AWSServices is the data of aws.services.
type AWSServices struct {
	Worker   string              `json:"worker"` // which worker measured it
	Services []AWSServiceMetrics `json:"services"`
	Today    *Spend              `json:"today,omitempty"` // of all workers; nil where it cannot be read
}

// Spend is what models used on one day (UTC), all incidents together.
type Spend struct {
	Day           string          `json:"day"` // 2006-01-02
	Used          incident.Budget `json:"used"`
	Cap           incident.Budget `json:"cap"` // zero: no cap
	UnknownPriced int64           `json:"unknown_priced_calls"`
}
