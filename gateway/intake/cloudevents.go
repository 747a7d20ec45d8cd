package intake

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// cloudEvent is one event, in whichever mode it came.
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
type cloudEvent struct {
	attributes scalars // all but data, extensions among them
	data       []byte  // as it came; JSON where it is JSON
	undecoded  bool    // data_base64 was none
}

// cloudEvents reads CloudEvents 1.0 in structured mode (one event, or a batch)
// and in binary mode (attributes in ce- headers).
//
// The correlation key is source and subject, or source and type where there is
// no subject; a last word of the type that tells the status (.fired,
// .resolved, …) is left out of it. The member is the type. An event is firing,
// unless its type or its data say that it is over (see ceStatus). Data that
// holds a CloudWatch alarm is read as that alarm, key included.
func cloudEvents(d store.Delivery) (Result, error) {
	events, err := ceRead(d)
	if err != nil {
		return Result{}, err
	}
	var all Result
	for i, e := range events {
		one, err := e.result()
		if err != nil {
			if len(events) > 1 {
				err = invalid("has an event (%d of %d) that %v", i+1, len(events), err)
			}
			return Result{}, err
		}
		all.Alerts = append(all.Alerts, one.Alerts...)
		all.Note = strings.TrimSpace(all.Note + "\n" + one.Note)
	}
	return all, nil
}

func ceRead(d store.Delivery) ([]cloudEvent, error) {
	media, _, err := mime.ParseMediaType(d.ContentType)
	if err != nil {
		media = "" // told by the body instead
	}
	body := bytes.TrimSpace(d.Body)
	headers := ceHeaders(d.Headers)
	switch {
	case media == "application/cloudevents-batch+json", media != "application/cloudevents+json" && len(headers) == 0 && bytes.HasPrefix(body, []byte("[")):
		var list []json.RawMessage
		if err := decode(body, &list, "data"); err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return nil, invalid("is a batch without events")
		}
		if len(list) > MaxAlerts {
			return nil, invalid("is a batch of %d events, and %d is the limit", len(list), MaxAlerts)
		}
		var out []cloudEvent
		for _, raw := range list {
			e, err := ceStructured(raw)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
		return out, nil
	case media == "application/cloudevents+json" || len(headers) == 0:
		e, err := ceStructured(body)
		return []cloudEvent{e}, err
	case strings.HasPrefix(media, "application/cloudevents"):
		return nil, invalid("is a CloudEvent in format %s; send JSON", media)
	}
	headers["datacontenttype"] = scalar(d.ContentType)
	return []cloudEvent{{attributes: headers, data: d.Body}}, nil
}

// ceHeaders returns the attributes of binary mode, percent-decoded as the
// HTTP binding has it; a value that is not well encoded stays as it is.
func ceHeaders(in map[string]string) scalars {
	out := scalars{}
	for k, v := range in {
		name, ok := strings.CutPrefix(strings.ToLower(k), "ce-")
		if !ok || name == "" {
			continue
		}
		if plain, err := url.PathUnescape(v); err == nil {
			v = plain
		}
		out[name] = scalar(v)
	}
	return out
}

func ceStructured(raw []byte) (cloudEvent, error) {
	var members map[string]json.RawMessage
	if err := decode(raw, &members, "data"); err != nil {
		return cloudEvent{}, err
	}
	e := cloudEvent{attributes: scalars{}}
	for k, v := range members {
		switch k {
		case "data":
			e.data = v
		case "data_base64":
			var text string
			if json.Unmarshal(v, &text) == nil {
				plain, err := base64.StdEncoding.DecodeString(text)
				e.data, e.undecoded = plain, err != nil
			}
		default:
			var s scalar
			if err := s.UnmarshalJSON(v); err != nil {
				return cloudEvent{}, invalid("has an attribute %q that cannot be read", clean(k, MaxLabelName))
			}
			e.attributes[k] = s
		}
	}
	return e, nil
}

func (e cloudEvent) result() (Result, error) {
	for _, name := range []string{"specversion", "type", "source", "id"} {
		if e.attributes.get(name) == "" {
			return Result{}, invalid("is no CloudEvent: it has no %q", name)
		}
	}
	if v := e.attributes.get("specversion"); !strings.HasPrefix(v, "1.") {
		return Result{}, invalid("is a CloudEvent of version %q; 1.0 is read here", clean(v, MaxLabelName))
	}
	data := bytes.TrimSpace(e.data)
	if bytes.HasPrefix(data, []byte("{")) && json.Valid(data) {
		if a, ok, err := parseAlarm(data); err != nil {
			return Result{}, err
		} else if ok {
			return a.result()
		}
	}
	fields := ceFields(data)
	stem, word := ceStem(e.attributes.get("type"))
	source, subject := e.attributes.get("source"), e.attributes.get("subject")
	a := incident.Alert{
		CorrelationKey: source + " " + firstNonEmpty(subject, stem), Fingerprint: hash(source, subject, stem),
		Status:      ceStatus(word, fields),
		Severity:    labelSeverity(scalars{"severity": scalar(firstNonEmpty(e.attributes.get("severity"), fields.get("severity"))), "priority": scalar(firstNonEmpty(e.attributes.get("priority"), fields.get("priority")))}),
		Service:     firstNonEmpty(e.attributes.get(serviceLabels...), fields.get(serviceLabels...)),
		Title:       firstNonEmpty(fields.get("title", "summary", "name"), strings.TrimSpace(e.attributes.get("type")+" "+subject)),
		Description: e.describe(data, fields), Labels: e.attributes.strings(), StartsAt: moment(e.attributes["time"]),
	}
	if a.Status == incident.AlertResolved {
		a.EndsAt = a.StartsAt
	}
	return Result{Alerts: []incident.Alert{a}}, nil
}

// ceFields returns the members of data where it is an object; values that are
// objects themselves are of no use here.
func ceFields(data []byte) scalars {
	var fields scalars
	if json.Unmarshal(data, &fields) != nil {
		return nil
	}
	for k, v := range fields {
		if strings.HasPrefix(string(v), "{") || strings.HasPrefix(string(v), "[") {
			delete(fields, k)
		}
	}
	return fields
}

var (
	wordsFiring   = []string{"firing", "fired", "triggered", "opened", "open", "raised", "alarm", "alerting", "active", "started", "problem"}
	wordsResolved = []string{"resolved", "closed", "cleared", "recovered", "recovery", "ended", "inactive", "ok", "normal"}
)

// ceStem splits a type's last word off where it tells the status.
func ceStem(typ string) (stem, word string) {
	if i := strings.LastIndexByte(typ, '.'); i > 0 {
		last := strings.ToLower(typ[i+1:])
		if slices.Contains(wordsFiring, last) || slices.Contains(wordsResolved, last) {
			return typ[:i], last
		}
	}
	return typ, ""
}

// ceStatus says whether the event tells of the end of a problem: by status or
// state in its data, else by the last word of its type. All else is firing:
// whoever posts here has something to report.
func ceStatus(word string, fields scalars) incident.AlertStatus {
	if own := strings.ToLower(fields.get("status", "state")); slices.Contains(wordsFiring, own) || slices.Contains(wordsResolved, own) {
		word = own
	}
	if slices.Contains(wordsResolved, word) {
		return incident.AlertResolved
	}
	return incident.AlertFiring
}

func (e cloudEvent) describe(data []byte, fields scalars) string {
	var text string
	switch {
	case e.undecoded:
		return "The event's data_base64 is not base64 and was left out."
	case len(data) == 0:
		return ""
	case fields.get("description", "message", "detail") != "":
		return fields.get("description", "message", "detail")
	case json.Unmarshal(data, &text) == nil:
		return text
	case utf8.Valid(data):
		return string(data)
	}
	return "The event's data is binary."
}
