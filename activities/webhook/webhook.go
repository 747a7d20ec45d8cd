package webhook

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"vigil/activities"
	"vigil/workflows/incident"
)

const service = "webhook"

// Executor acts through hooks.
type Executor struct {
	hooks    map[string]Hook
	client   *http.Client
	recorder activities.Recorder
	now      func() time.Time
}

var _ activities.Executor = (*Executor)(nil)

// New makes an Executor of hooks as Load gives them. recorder may be
// nil. The secrets and headers are read once, to see that they can be.
func New(hooks []Hook, recorder activities.Recorder) (*Executor, error) {
	x := &Executor{hooks: map[string]Hook{}, client: newClient(), recorder: recorder, now: time.Now}
	for _, h := range hooks {
		if all := h.check(); len(all) > 0 {
			return nil, incident.Errorf(incident.KindInvalid, "webhook %s: %s: %s", h.Name, all[0].field, all[0].what)
		}
		if _, err := h.credentials(); err != nil {
			return nil, err
		}
		x.hooks[h.Name] = h
	}
	return x, nil
}

// hook is the one that an effect names.
func (x *Executor) hook(e incident.Effect) (Hook, error) {
	h, ok := x.hooks[e.Document]
	if !ok {
		names := []string{}
		for n := range x.hooks {
			names = append(names, n)
		}
		slices.Sort(names)
		return h, incident.Errorf(incident.KindInvalid, "webhook: there is no hook %q; there are %s", e.Document, strings.Join(names, ", "))
	}
	return h, nil
}

// body is the request to act, exactly as it is sent.
func body(e incident.Effect) ([]byte, error) {
	if e.ActionHash == "" || e.Step < 1 || e.Target == "" {
		return nil, incident.Errorf(incident.KindInvalid, "webhook: the effect is of no action: it has no hash, no step or no target, and its token would not be its own")
	}
	arguments := e.Arguments
	if arguments == nil {
		arguments = map[string]string{}
	}
	return json.Marshal(Request{IncidentID: e.IncidentID, ActionHash: e.ActionHash, Step: e.Step, Undo: e.Undo, Document: e.Document, Target: e.Target,
		Arguments: arguments, Token: e.Token()})
}

// Call is the request that Start posts. Its address is told by its host alone:
// the rest may be a secret.
func (x *Executor) Call(e incident.Effect) (incident.Call, error) {
	h, err := x.hook(e)
	if err != nil {
		return incident.Call{}, err
	}
	raw, err := body(e)
	return incident.Call{Service: service, Operation: "POST " + h.Name + " at " + host(h.URL), Request: raw}, err
}

// Start posts the effect to its hook.
func (x *Executor) Start(ctx context.Context, e incident.Effect) (string, incident.Provenance, error) {
	h, err := x.hook(e)
	if err != nil {
		return "", incident.Provenance{}, err
	}
	raw, err := body(e)
	if err != nil {
		return "", incident.Provenance{}, err
	}
	if err := activities.LastLook(ctx); err != nil {
		return "", incident.Provenance{}, err
	}
	got, p, err := x.send(ctx, h, request{method: http.MethodPost, address: h.URL, body: raw, key: e.Token(), known: e.Token()})
	if err != nil {
		return "", p, err
	}
	return got.answer.id(h.StatusURL != "", e.Token()), p, nil
}

// Find asks for the token at status_url.
func (x *Executor) Find(ctx context.Context, e incident.Effect) (string, error) {
	h, err := x.hook(e)
	if err != nil {
		return "", err
	}
	if h.StatusURL == "" {
		return "", incident.Errorf(incident.KindInvalid, "webhook %s: it has no status_url, so what became of a request whose answer was lost cannot be read back; ask whoever runs it", h.Name)
	}
	got, _, err := x.status(ctx, h, e, "")
	switch {
	case incident.KindOf(err) == incident.KindNotFound && err != nil:
		return "", nil
	case err != nil:
		return "", err
	}
	return got.id(true, e.Token()), nil
}

// Get asks status_url, or goes by what the hook answered at once.
func (x *Executor) Get(ctx context.Context, e incident.Effect, id string) (incident.ExecutionState, string, incident.Provenance, error) {
	h, err := x.hook(e)
	if err != nil {
		return "", "", incident.Provenance{}, err
	}
	if h.StatusURL == "" {
		state, detail := told(id)
		return state, detail, incident.Provenance{Origin: incident.OriginLive, Service: service, Operation: h.Name}, nil
	}
	a, p, err := x.status(ctx, h, e, id)
	switch {
	case incident.KindOf(err) == incident.KindNotFound && err != nil:
		return incident.ExecutionUnknown, "the hook took it, and no longer knows of it", p, nil
	case err != nil:
		return "", "", p, err
	}
	return a.State, a.Detail, p, nil
}

// status asks what became of a token.
func (x *Executor) status(ctx context.Context, h Hook, e incident.Effect, id string) (Answer, incident.Provenance, error) {
	if e.ActionHash == "" || e.Step < 1 {
		return Answer{}, incident.Provenance{}, incident.Errorf(incident.KindInvalid, "webhook: the effect is of no action: it has no hash or no step")
	}
	ask := url.Values{"token": {e.Token()}, "document": {e.Document}}
	if id != "" && id != e.Token() {
		ask.Set("id", id)
	}
	got, p, err := x.send(ctx, h, request{method: http.MethodGet, address: with(h.StatusURL, ask)})
	if err != nil {
		return Answer{}, p, err
	}
	var stated struct{ State string }
	if json.Unmarshal(got.body, &stated) != nil || stated.State == "" { // silence is no success here
		return Answer{}, p, incident.Errorf(incident.KindInternal, "webhook %s: its status_url answers without a state; it must answer {\"id\", \"state\", \"detail\"}", h.Name)
	}
	return got.answer, p, nil
}

// Observe asks state_url. A number is a float64, as JSON has it.
func (x *Executor) Observe(ctx context.Context, e incident.Effect) (incident.TargetState, incident.Provenance, error) {
	h, err := x.hook(e)
	if err != nil {
		return nil, incident.Provenance{}, err
	}
	if h.StateURL == "" {
		return incident.TargetState{"kind": "other"}, incident.Provenance{Origin: incident.OriginLive, Service: service, Operation: h.Name}, nil
	}
	got, p, err := x.send(ctx, h, request{method: http.MethodGet, address: with(h.StateURL, url.Values{"document": {e.Document}, "target": {e.Target}})})
	if err != nil {
		return nil, p, err
	}
	var state incident.TargetState
	if err := json.Unmarshal(got.body, &state); err != nil || state == nil {
		return nil, p, incident.Errorf(incident.KindInternal, "webhook %s: its state_url answers no JSON object", h.Name)
	}
	for name, value := range state {
		switch v := value.(type) {
		case string:
			state[name] = got.mask(v)
		case float64, bool:
		default:
			return nil, p, incident.Errorf(incident.KindInternal, "webhook %s: its state_url answers with a %q that is no string, number or boolean", h.Name, name)
		}
	}
	return state, p, nil
}

// with adds parameters to an address that may have some.
func with(address string, more url.Values) string {
	u, err := url.Parse(address)
	if err != nil {
		return address // checked when it was configured
	}
	q := u.Query()
	for k, v := range more {
		q[k] = v
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
