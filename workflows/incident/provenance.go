package incident

// Origin says whether a value comes from the user's systems, from a recording,
// or from the sandbox.
type Origin string

const (
	OriginLive      Origin = "live"
	OriginRecorded  Origin = "recorded"
	OriginSimulated Origin = "simulated"
)

var Origins = []Origin{OriginLive, OriginRecorded, OriginSimulated}

func (o Origin) Valid() bool { return contains(Origins, o) }

// Provenance says where a value came from. Every event and every piece of
// evidence carries one; fields that do not apply are absent.
type Provenance struct {
	Origin    Origin `json:"origin"`
	Service   string `json:"service,omitempty"`   // AWS service or adapter: bedrock, cloudwatch, workflow, person
	Operation string `json:"operation,omitempty"` // API operation, such as Converse
	Model     string `json:"model,omitempty"`
	RequestID string `json:"request_id,omitempty"`
	LatencyMS int64  `json:"latency_ms,omitempty"`
	Attempt   int32  `json:"attempt,omitempty"` // above 1: repeated after a crash or a failure
	Lost      int32  `json:"lost,omitempty"`    // earlier attempts that were sent and whose answer nobody saw: paid for again
	Usage     *Usage `json:"usage,omitempty"`
	Principal string `json:"principal,omitempty"` // the person who caused it
}

// Usage is what a model call consumed. CostMicros is nil where the price of
// the model is not known: unknown, never zero.
type Usage struct {
	InputTokens  int64  `json:"input_tokens"`
	OutputTokens int64  `json:"output_tokens"`
	CacheTokens  int64  `json:"cache_tokens,omitempty"`    // of the input, read from or written to the cache
	TextUnits    int64  `json:"text_units,omitempty"`      // of a guardrail, all policies together
	CostMicros   *int64 `json:"cost_usd_micros,omitempty"` // millionths of a US dollar
}
