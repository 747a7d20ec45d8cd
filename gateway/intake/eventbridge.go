package intake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// bridgeEvent is an event as EventBridge delivers it.
type bridgeEvent struct {
	DetailType scalar          `json:"detail-type"`
	Source     scalar          `json:"source"`
	Account    scalar          `json:"account"`
	Time       scalar          `json:"time"`
	Region     scalar          `json:"region"`
	Resources  []scalar        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`

	detail node
}

// bridgeKinds are the kinds of events that tell of a problem or of its end, by
// detail-type; outcomes and scalings have more of them in tables.
var bridgeKinds = map[string]func(bridgeEvent) (Result, error){
	"GuardDuty Finding":                     guardDuty,
	"Inspector2 Finding":                    inspector,
	"Security Hub Findings - Imported":      securityHub,
	"Security Hub Findings - Custom Action": securityHub,
	"Config Rules Compliance Change":        configRule,
	"ECR Image Scan":                        imageScan,
	"AWS Health Event":                      health,
	"AWS Health Abuse Event":                health,
	"ECS Task State Change":                 ecsTask,
	"ECS Container Instance State Change":   ecsInstance,
	"ECS Service Action":                    ecsService,
	"ECS Deployment State Change":           ecsService,
}

// eventBridge reads events of EventBridge, from an API destination or a pipe:
// one, or a list.
// https://docs.aws.amazon.com/eventbridge/latest/ref/events-structure.html
//
// What is one problem depends on the kind of event, by its detail-type, and the
// reader of each kind says so: an alarm, a finding, an event of AWS Health, the
// deployment group, pipeline, service or scaling group that fails. Keys of our
// own making have account and region in them. Firing and resolved are the
// states that the reader names. Severity is what AWS says, by its own word or
// band; where it says none, neither do we. A state that is no problem and no
// end of one, and every kind of event that is not known here (state changes of
// instances, API calls by CloudTrail, …), is recorded for a person: an event
// alone does not say whether it was wanted.
func eventBridge(d store.Delivery) (Result, error) {
	body := bytes.TrimSpace(d.Body)
	if !bytes.HasPrefix(body, []byte("[")) {
		return bridgeOne(body)
	}
	var list []json.RawMessage
	if err := decode(body, &list, "*"); err != nil {
		return Result{}, err
	}
	if len(list) == 0 {
		return Result{}, invalid("is a list without events")
	}
	return gather("event", list, func(raw json.RawMessage) (Result, error) { return bridgeOne(raw) })
}

func bridgeOne(raw []byte) (Result, error) {
	res, ok, err := awsMessage(raw)
	if err == nil && !ok {
		err = invalid(`is no EventBridge event: it has no "detail-type"`)
	}
	return res, err
}

// bridgeMessage reads an event that is no alarm. ok is false where raw is no event.
func bridgeMessage(raw []byte) (res Result, ok bool, err error) {
	var is struct {
		DetailType scalar `json:"detail-type"`
	}
	if err := decode(raw, &is, "*"); err != nil {
		return Result{}, false, err
	}
	if strings.TrimSpace(string(is.DetailType)) == "" {
		return Result{}, false, nil
	}
	var e bridgeEvent
	if err := decode(raw, &e, "detail"); err != nil {
		return Result{}, true, err
	}
	e.detail = readNode(e.Detail)
	kind := strings.TrimSpace(string(e.DetailType))
	if o, known := outcomes[kind]; known {
		res, err = o.read(e)
	} else if s, known := scalings[kind]; known {
		res, err = s.read(e)
	} else if read := bridgeKinds[kind]; read != nil {
		res, err = read(e)
	} else {
		res = e.record("which says nothing of a problem by itself")
	}
	if err != nil {
		err = invalid("is an EventBridge event %q that %v", clean(kind, MaxLabelName), err)
	}
	return res, true, err
}

// record makes a note of the event.
func (e bridgeEvent) record(why string) Result {
	about := ""
	if len(e.Resources) > 0 {
		about = " about " + string(e.Resources[0])
	}
	if name := e.detail.first("eventName"); name != "" {
		about += " (" + name + ")"
	}
	if state := e.detail.first("state", "status", "lastStatus", "state-name"); state != "" && !strings.HasPrefix(state, "{") {
		about += " in state " + state
	}
	return Result{Note: fmt.Sprintf("EventBridge event %q from %s, account %s, region %s,%s, %s.",
		clean(string(e.DetailType), MaxLabelName), e.Source, e.Account, e.Region, clean(about, MaxLabelValue), why)}
}

// alert begins an alert whose problem has no name that is unique by itself:
// the key is made of kind, account, region and names, all of which must be
// there. The member is the problem itself until told otherwise.
func (e bridgeEvent) alert(kind string, names ...string) (incident.Alert, error) {
	for _, n := range names {
		if n == "" {
			return incident.Alert{}, invalid("does not name what it is about")
		}
	}
	return e.keyed(strings.Join([]string{kind, string(e.Account), string(e.Region), strings.Join(names, "/")}, ":")), nil
}

// keyed begins an alert whose problem has a key that is unique by itself.
func (e bridgeEvent) keyed(key string) incident.Alert {
	a := incident.Alert{CorrelationKey: key, Fingerprint: hash(key), Status: incident.AlertFiring, StartsAt: stamp(string(e.Time)),
		Labels: map[string]string{"account": string(e.Account), "region": string(e.Region), "event_source": string(e.Source), "event_type": string(e.DetailType)}}
	if len(e.Resources) > 0 {
		a.Labels["resource"] = string(e.Resources[0])
	}
	return a
}

// end makes it the end of the problem, where it is one.
func end(a incident.Alert, over bool) incident.Alert {
	if over {
		a.Status, a.EndsAt = incident.AlertResolved, a.StartsAt
	}
	return a
}

func one(a incident.Alert) Result { return Result{Alerts: []incident.Alert{a}} }
