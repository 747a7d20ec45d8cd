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

// System event types. They carry the latest value and no number.
const (
	TypeSystemHealth    = "system.health"
	TypeBusinessMetrics = "business.metrics"
	TypeAWSServices     = "aws.services"
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

// BusinessMetrics is what incidents cost in time. Every figure is computed
// from closed incidents in the store; nil where there are none.
type BusinessMetrics struct {
	IncidentsOpen     int      `json:"incidents_open"`
	IncidentsClosed   int      `json:"incidents_closed"`
	Remediated        int      `json:"remediated"`
	MTTRSeconds       *float64 `json:"mttr_seconds,omitempty"` // mean, opened until resolved
	MTTRLowerSeconds  *float64 `json:"mttr_lower_seconds,omitempty"`
	MTTRUpperSeconds  *float64 `json:"mttr_upper_seconds,omitempty"` // 95 % interval, Student's t; from 2 incidents on
	MTTASeconds       *float64 `json:"mtta_seconds,omitempty"`       // mean, opened until acknowledged
	SampleSize        int      `json:"sample_size"`
	ModelCostMicros   int64    `json:"model_cost_usd_micros"`
	ModelCallsUnknown int      `json:"model_calls_unknown_price"`
}

// AWSServiceMetrics is one AWS service (and model, where it has one) as the
// worker measured it since it started.
type AWSServiceMetrics struct {
	Service      string          `json:"service"`
	Model        string          `json:"model,omitempty"`
	Calls        int64           `json:"calls"`
	Errors       int64           `json:"errors"`
	AverageMS    *float64        `json:"average_latency_ms,omitempty"`
	InputTokens  int64           `json:"input_tokens"`
	OutputTokens int64           `json:"output_tokens"`
	CostMicros   *int64          `json:"cost_usd_micros,omitempty"` // nil: price unknown
	Health       string          `json:"health"`                    // healthy, degraded, error
	LastError    string          `json:"last_error,omitempty"`
	Origin       incident.Origin `json:"origin"`
}

// AWSServices is the data of aws.services.
type AWSServices struct {
	Services []AWSServiceMetrics `json:"services"`
}
