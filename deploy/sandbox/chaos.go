package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigil/deploy/sandbox/world"
)

// ChaosMode is something that can be done to a call on purpose.
type ChaosMode string

// Modes of any operation.
const (
	ChaosNone          ChaosMode = "none"             // nothing: a call of a script that is to go well
	ChaosThrottle      ChaosMode = "throttled"        // the service's throttling error; nothing is done
	ChaosUnavailable   ChaosMode = "unavailable"      // the service's error for not now, 503 where it has one
	ChaosAccessDenied  ChaosMode = "access_denied"    // the error names the IAM action that is missing
	ChaosNotFound      ChaosMode = "not_found"        // what the path names does not exist
	ChaosQuota         ChaosMode = "quota"            // a quota is used up
	ChaosFailing       ChaosMode = "failing"          // the service's internal error
	ChaosError         ChaosMode = "error"            // the error code given; nothing is done
	ChaosSlow          ChaosMode = "slow"             // wait, then answer as usual
	ChaosHang          ChaosMode = "hanging"          // never answer; nothing is done
	ChaosDoThenTimeout ChaosMode = "do_then_time_out" // do it, and never answer
	ChaosMalformed     ChaosMode = "malformed"        // do it, and answer with half a body that looks whole
	ChaosStreamCut     ChaosMode = "stream_cut"       // do it, and cut the connection in the middle of the answer
)

// Modes of operations that stream.
const (
	ChaosStreamException ChaosMode = "stream_exception" // an exception frame in the middle; error names it
	ChaosStreamHanging   ChaosMode = "stream_hanging"   // nothing more comes from the middle on
)

// Modes of models. From not_json on the call goes well and the answer is bad.
const (
	ChaosNotReady       ChaosMode = "not_ready"
	ChaosModelTimeout   ChaosMode = "model_timeout"
	ChaosModelError     ChaosMode = "model_error"
	ChaosCompromised    ChaosMode = "compromised" // obeys what it reads and does the worst that it can
	ChaosNotJSON        ChaosMode = "not_json"
	ChaosProse          ChaosMode = "prose_around_json"
	ChaosWrongSchema    ChaosMode = "wrong_schema"
	ChaosUnknownTool    ChaosMode = "unknown_tool"
	ChaosBadToolInput   ChaosMode = "bad_tool_input"
	ChaosNaN            ChaosMode = "nan_confidence"
	ChaosEmpty          ChaosMode = "empty"
	ChaosCitesNothing   ChaosMode = "cites_nothing"
	ChaosCitesUnknown   ChaosMode = "cites_unknown"
	ChaosTruncated      ChaosMode = "truncated" // max_tokens in the middle of the JSON
	ChaosEndlessTools   ChaosMode = "endless_tools"
	ChaosHuge           ChaosMode = "huge"
	ChaosGuardIntervene ChaosMode = "intervened" // the guardrail blocks
)

// Modes of operations that begin something that runs on: an automation, or the
// deployment of an UpdateService. The call itself goes well.
const (
	ChaosExecutionFails ChaosMode = "execution_fails" // it fails after ms, at its step
	ChaosExecutionHangs ChaosMode = "execution_hangs" // it stops at its step; after ms it is given up, 0 for never
)

// ChaosPartial is a mode of operations on many messages: every other one of
// them fails, the first among them.
const ChaosPartial ChaosMode = "partial"

// Modes of guardrails, besides intervened.
const ChaosAnonymized ChaosMode = "anonymized" // masks something, whether or not there is anything to mask

var (
	anyModes = []ChaosMode{ChaosNone, ChaosThrottle, ChaosUnavailable, ChaosAccessDenied, ChaosNotFound, ChaosQuota, ChaosFailing, ChaosError,
		ChaosSlow, ChaosHang, ChaosDoThenTimeout, ChaosMalformed, ChaosStreamCut}
	streamModes = []ChaosMode{ChaosStreamException, ChaosStreamHanging}
	modelModes  = []ChaosMode{ChaosNotReady, ChaosModelTimeout, ChaosModelError, ChaosCompromised, ChaosNotJSON, ChaosProse, ChaosWrongSchema,
		ChaosUnknownTool, ChaosBadToolInput, ChaosNaN, ChaosEmpty, ChaosCitesNothing, ChaosCitesUnknown, ChaosTruncated, ChaosEndlessTools,
		ChaosHuge, ChaosGuardIntervene}
	executionModes = []ChaosMode{ChaosExecutionFails, ChaosExecutionHangs}
	batchModes     = []ChaosMode{ChaosPartial}
	guardModes     = []ChaosMode{ChaosGuardIntervene, ChaosAnonymized}
)

// modesOf lists what can be done to an operation.
func modesOf(operation string) []ChaosMode {
	switch operation {
	case "Converse":
		return slices.Concat(anyModes, modelModes)
	case "ConverseStream":
		return slices.Concat(anyModes, streamModes, modelModes)
	case "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "SendMessageBatch":
		return slices.Concat(anyModes, batchModes)
	case "StartAutomationExecution", "UpdateService":
		return slices.Concat(anyModes, executionModes)
	case "InvokeAgent":
		return slices.Concat(anyModes, streamModes)
	case "ApplyGuardrail":
		return slices.Concat(anyModes, guardModes)
	}
	return anyModes
}

// ChaosRule is done to the next calls of an operation that fit it.
type ChaosRule struct {
	Operation string      `json:"operation"`          // such as ConverseStream, Converse* or *
	Service   string      `json:"service,omitempty"`  // such as bedrock-runtime; empty: any
	Model     string      `json:"model,omitempty"`    // part of a model's id, such as nova-pro; empty: any
	Incident  string      `json:"incident,omitempty"` // of the request's metadata; empty: any
	Mode      ChaosMode   `json:"mode,omitempty"`
	Modes     []ChaosMode `json:"modes,omitempty"` // instead of mode and count: a script, one for each call
	Count     int         `json:"count"`           // how many calls are left; default 1, -1 for all
	MS        int64       `json:"ms,omitempty"`    // slow: how long; hanging, do_then_time_out: when to cut the connection, 0 for never; execution_…: see there
	Error     string      `json:"error,omitempty"` // error, stream_exception: the code, such as ModelErrorException
	Step      string      `json:"step,omitempty"`  // execution_…: act (the default), before anything is changed, or waitUntilStable, after that
	Done      int         `json:"done"`            // how many calls it was done to
}

func (r ChaosRule) validate() error {
	modes := r.Modes
	if len(modes) == 0 {
		modes = []ChaosMode{r.Mode}
	} else if r.Mode != "" || r.Count != 0 {
		return fmt.Errorf("chaos has modes, and mode %q with count %d besides; use the one or the other", r.Mode, r.Count)
	}
	if r.Operation == "" {
		return fmt.Errorf("chaos needs an operation, such as ConverseStream, Converse* or *")
	}
	var names []string
	for _, op := range operations {
		if r.names(op.name) && !slices.Contains(names, op.name) {
			names = append(names, op.name)
		}
	}
	names = append(names, slices.DeleteFunc(slices.Clone(tellOperations), func(name string) bool { return !r.names(name) })...)
	if len(names) == 0 {
		return fmt.Errorf("there is no operation %q", r.Operation)
	}
	for _, m := range modes {
		fits := func(name string) bool { return slices.Contains(modesOf(name), m) }
		switch {
		case !slices.ContainsFunc(names, fits):
			return fmt.Errorf("there is no chaos mode %q of %s; there are %v", m, r.Operation, modesOf(names[0]))
		case m == ChaosError && r.Error == "":
			return fmt.Errorf("chaos mode error needs an error code, such as ModelErrorException")
		case m == ChaosSlow && r.MS <= 0:
			return fmt.Errorf("chaos mode slow needs ms above 0")
		}
	}
	if r.Step != "" && r.Step != world.StepAct && r.Step != world.StepSettle {
		return fmt.Errorf("there is no step %q; there are %s and %s", r.Step, world.StepAct, world.StepSettle)
	}
	if r.MS < 0 || r.Count < -1 {
		return fmt.Errorf("ms is %d and count %d; neither may be negative, but for count -1", r.MS, r.Count)
	}
	return nil
}

// names reports whether the rule is about an operation.
func (r ChaosRule) names(operation string) bool {
	ok, err := path.Match(r.Operation, operation)
	return ok && err == nil
}

// target is what rules are held against.
type target struct{ service, operation, model, incident string }

// strike is what is done to one call. The zero value is nothing.
type strike struct {
	mode  ChaosMode
	ms    int64
	error string
	step  string
}

// fate is what becomes of what a call begins.
func (st strike) fate() world.Fate {
	kind := map[ChaosMode]world.FateKind{ChaosExecutionFails: world.FateFails, ChaosExecutionHangs: world.FateHangs}[st.mode]
	if kind == "" {
		return world.Fate{}
	}
	return world.Fate{Kind: kind, Step: cmp.Or(st.step, world.StepAct), After: time.Duration(st.ms) * time.Millisecond}
}

// cuts reports whether the answer is to break off in the middle.
func (st strike) cuts() bool { return st.mode == ChaosStreamCut || st.mode == ChaosMalformed }

// exception is the error that ends a stream.
func (st strike) exception() string {
	if st.error == "" {
		return "ModelStreamErrorException"
	}
	return st.error
}

// chaos holds the rules. The first one that fits a call is used.
type chaos struct {
	mu    sync.Mutex
	rules []ChaosRule
}

func newChaos() *chaos { return &chaos{} }

func (c *chaos) add(r ChaosRule) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Count == 0 {
		r.Count = max(1, len(r.Modes))
	}
	r.Done = 0
	c.rules = append(c.rules, r)
}

// take returns what is to be done to a call, and counts it.
func (c *chaos) take(t target) strike {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.rules {
		r := &c.rules[i]
		if r.Count == 0 || !r.names(t.operation) || (r.Service != "" && r.Service != t.service) ||
			!strings.Contains(t.model, r.Model) || (r.Incident != "" && r.Incident != t.incident) {
			continue
		}
		mode := r.Mode
		if len(r.Modes) > 0 {
			mode = r.Modes[r.Done]
		}
		if !slices.Contains(modesOf(t.operation), mode) {
			continue
		}
		if r.Count > 0 {
			r.Count--
		}
		r.Done++
		return strike{mode, r.MS, r.Error, r.Step}
	}
	return strike{}
}

func (c *chaos) list() []ChaosRule {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]ChaosRule{}, c.rules...)
}

func (c *chaos) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rules = nil
}

// chaosHeader lets a client choose what is done to one call of its own:
// "throttled", or "slow;ms=50", or "error;code=ModelErrorException".
const chaosHeader = "X-Vigil-Chaos"

// asked reads what a request itself asks for.
func asked(r *http.Request, operation string) (strike, *apiError) {
	v := r.Header.Get(chaosHeader)
	if v == "" {
		return strike{}, nil
	}
	mode, rest, _ := strings.Cut(v, ";")
	st := strike{mode: ChaosMode(mode)}
	for _, p := range strings.Split(rest, ";") {
		key, value, _ := strings.Cut(p, "=")
		switch key {
		case "ms":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return st, errorf("ValidationException", "%s: ms is %q, not a number.", chaosHeader, value)
			}
			st.ms = n
		case "code":
			st.error = value
		case "step":
			st.step = value
		}
	}
	rule := ChaosRule{Operation: operation, Mode: st.mode, MS: st.ms, Error: st.error, Step: st.step}
	if err := rule.validate(); err != nil {
		return st, errorf("ValidationException", "%s: %v.", chaosHeader, err)
	}
	return st, nil
}

// incidentOf is the incident that a request says it belongs to: in the request
// metadata of a model call, in the metadata of what a memory is to keep, or as
// the session of an agent or a memory.
func incidentOf(body []byte) string {
	var in struct {
		RequestMetadata map[string]string `json:"requestMetadata"`
		Metadata        map[string]struct {
			StringValue string `json:"stringValue"`
		} `json:"metadata"`
		SessionID string `json:"sessionId"`
	}
	if json.Unmarshal(body, &in) != nil {
		return "" // not JSON, or not of this shape: it says nothing of an incident
	}
	return cmp.Or(in.RequestMetadata["incident"], in.Metadata["incident_id"].StringValue, in.SessionID)
}
