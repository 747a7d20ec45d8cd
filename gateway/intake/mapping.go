package intake

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// Mapping reads deliveries of a source that no code knows, by expressions in a
// file that anybody can write: see mappings/README.md.
//
// It keeps Parse's promises. What it costs to read a delivery is bounded
// whatever the file and the delivery hold, and a mapping that fails, for
// whatever reason, is an error of kind invalid that names file, line and
// field: the delivery goes to quarantine, as it came. A Mapping does not
// change and may be used concurrently.
type Mapping struct {
	name, about string
	each        *expression            // the elements that are alerts; nil: the delivery is one
	let         []*expression          // variables, in order
	when        *expression            // which elements are alerts; nil: all
	alert       map[string]*expression // by the names in alertFields
	labels      []*expression          // one for each label; nil where allLabels is
	allLabels   *expression
	note        *expression // for a person, where there is no alert
	reason      *expression // why the delivery holds none
}

// expression is a compiled expression and what its result is turned into.
type expression struct {
	name      string // of the variable or label
	place     string // field and file, as in alert.key (zabbix.yaml:12)
	source    string
	program   cel.Program
	values    map[string]string // what the words of a source stand for; in lower case
	otherwise string            // for words that are not known; "": none
}

// Name is the source whose deliveries the mapping reads.
func (m *Mapping) Name() string { return m.name }

// About says in a line what the mapping takes.
func (m *Mapping) About() string { return m.about }

// Parse reads a delivery of whatever source. The source is the beginning of
// every correlation key, so that two sources never tell of one problem by
// accident: many count their alerts from 1.
func (m *Mapping) Parse(d store.Delivery) (Result, error) { return parse(m.read, d) }

func (m *Mapping) read(d store.Delivery) (res Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			res, err = Result{}, invalid("cannot be read by mapping %s, which failed: %v", m.name, p)
		}
	}()
	in, err := readInput(d)
	if err != nil {
		return Result{}, err
	}
	r := run{left: maxDeliveryCost, vars: map[string]any{
		"body": types.DefaultTypeAdapter.NativeToValue(in.body), "text": in.text,
		"headers": in.headers, "received_at": d.ReceivedAt,
	}}
	res, err = r.result(m, d.Source)
	if err != nil {
		err = invalid("cannot be read by mapping %s: %v", m.name, err)
		if in.text != "" {
			err = invalid("%v; it is text, and no JSON", err)
		}
	}
	return res, err
}

// run is one reading of one delivery.
type run struct {
	vars map[string]any
	left uint64 // cost that may still be spent
}

func (r *run) result(m *Mapping, source string) (Result, error) {
	elements, err := r.elements(m.each)
	if err != nil {
		return Result{}, err
	}
	var res Result
	for i, e := range elements {
		r.vars["item"] = e
		a, is, err := r.alert(m)
		if err != nil {
			if len(elements) > 1 {
				err = fmt.Errorf("alert %d of %d: %w", i+1, len(elements), err)
			}
			return Result{}, err
		}
		if is {
			a.CorrelationKey = bounded(source+":"+a.CorrelationKey, MaxKey)
			res.Alerts = append(res.Alerts, a)
		}
	}
	if len(res.Alerts) > 0 {
		return res, nil
	}
	note, err := r.text(m.note)
	if res.Note = clean(note, maxNote); err != nil || res.Note != "" {
		return res, err
	}
	why, err := r.text(m.reason)
	switch why = clean(why, maxNote); {
	case err != nil:
		return Result{}, err
	case why != "":
		return Result{}, errors.New(why)
	case len(elements) == 0:
		return Result{}, fmt.Errorf("there is nothing in %s: %s", m.each.place, m.each.source)
	}
	return Result{}, fmt.Errorf("nothing in it is an alert by %s: %s", m.when.place, m.when.source)
}

// elements are what each alert is made from; one of nothing where each is nil.
func (r *run) elements(each *expression) ([]ref.Val, error) {
	if each == nil {
		return []ref.Val{types.NullValue}, nil
	}
	v, err := r.value(each)
	if err != nil {
		return nil, err
	}
	l, ok := some(v).(traits.Lister)
	if !ok {
		return nil, fmt.Errorf("%s gives %s and no list; list(…) makes one of it", each.place, kindOf(v))
	}
	var out []ref.Val
	for it := l.Iterator(); it.HasNext() == types.True; {
		if out = append(out, it.Next()); len(out) > MaxAlerts {
			return nil, fmt.Errorf("%s gives more than %d alerts; have the source send smaller groups", each.place, MaxAlerts)
		}
	}
	return out, nil
}

// alert makes an alert of what r.vars hold; is tells whether when lets it.
func (r *run) alert(m *Mapping) (a incident.Alert, is bool, err error) {
	for _, l := range m.let {
		v, err := r.value(l)
		if err != nil {
			return a, false, err
		}
		r.vars[l.name] = v
	}
	if m.when != nil {
		v, err := r.value(m.when)
		if err != nil {
			return a, false, err
		}
		if v != types.True && v != types.False && v != types.NullValue {
			return a, false, fmt.Errorf("%s gives %s and no condition", m.when.place, kindOf(v))
		}
		if v != types.True {
			return a, false, nil
		}
	}
	// The first failure stays; what is read after it is not looked at.
	text := func(name string, limit int) string {
		s, e := r.text(m.alert[name])
		err = firstError(err, e)
		return clean(s, limit)
	}
	at := func(name string) time.Time {
		t, e := r.time(m.alert[name])
		err = firstError(err, e)
		return t
	}
	key, e := r.text(m.alert["key"])
	if e == nil && strings.TrimSpace(key) == "" {
		e = fmt.Errorf("%s gives nothing to know the problem by", m.alert["key"].place)
	}
	err = firstError(err, e)
	fingerprint, e := r.text(m.alert["fingerprint"])
	err = firstError(err, e)
	a = incident.Alert{
		CorrelationKey: strings.TrimSpace(key), Fingerprint: bounded(firstNonEmpty(fingerprint, hash(key)), MaxFingerprint),
		Title: text("title", MaxTitle), Description: text("description", MaxDescription), Service: text("service", MaxService),
		StartsAt: at("starts_at"), EndsAt: at("ends_at"),
	}
	a.Status, e = r.status(m.alert["status"])
	err = firstError(err, e)
	a.Severity, e = r.severity(m.alert["severity"])
	err = firstError(err, e)
	a.Labels, e = r.labels(m)
	err = firstError(err, e)
	return a, err == nil, err
}

func (r *run) status(e *expression) (incident.AlertStatus, error) {
	word, err := r.text(e)
	if err != nil {
		return "", err
	}
	if s := incident.AlertStatus(statusText(word)); s.Valid() {
		return s, nil
	}
	if e.otherwise != "" {
		return incident.AlertStatus(e.otherwise), nil
	}
	return "", fmt.Errorf("%s gives %q, which is neither firing nor resolved; say under values what it stands for", e.place, clean(word, MaxLabelName))
}

func (r *run) severity(e *expression) (incident.Severity, error) {
	word, err := r.text(e)
	if err != nil || e == nil {
		return "", err
	}
	if s := incident.Severity(severityText(types.String(word))); s != "" {
		return s, nil
	}
	return incident.Severity(e.otherwise), nil
}

func (r *run) time(e *expression) (time.Time, error) {
	if e == nil {
		return time.Time{}, nil
	}
	v, err := r.value(e)
	if err != nil {
		return time.Time{}, err
	}
	return readTime(v), nil
}

func (r *run) labels(m *Mapping) (map[string]string, error) {
	out := map[string]string{}
	for _, l := range m.labels {
		v, err := r.text(l)
		if err != nil {
			return nil, err
		}
		out[l.name] = clean(v, MaxLabelValue)
	}
	if m.allLabels == nil {
		return out, nil
	}
	v, err := r.value(m.allLabels)
	if err != nil || v == types.NullValue {
		return out, err
	}
	all, ok := v.(traits.Mapper)
	if !ok {
		return nil, fmt.Errorf("%s gives %s and no map of labels; tags(…) may make one of it", m.allLabels.place, kindOf(v))
	}
	for it := all.Iterator(); it.HasNext() == types.True; {
		k := it.Next()
		out[text(k)] = clean(text(all.Get(k)), MaxLabelValue)
	}
	return out, nil
}

// text evaluates e as text, in the words that its values give; nil is "".
func (r *run) text(e *expression) (string, error) {
	if e == nil {
		return "", nil
	}
	v, err := r.value(e)
	if err != nil {
		return "", err
	}
	s := text(v)
	if own, known := e.values[strings.ToLower(strings.TrimSpace(s))]; known {
		return own, nil
	}
	return s, nil
}

// value evaluates e and takes what it costs from what is left.
func (r *run) value(e *expression) (ref.Val, error) {
	v, details, err := e.program.Eval(r.vars)
	if details != nil && details.ActualCost() != nil {
		if r.left < *details.ActualCost() {
			return nil, fmt.Errorf("%s: reading all of the delivery takes too many steps; have the source send less at once", e.place)
		}
		r.left -= *details.ActualCost()
	}
	var cancelled interpreter.EvalCancelledError
	switch {
	case errors.As(err, &cancelled):
		return nil, fmt.Errorf("%s takes too many steps for this delivery; look at less of it", e.place)
	case err != nil && strings.HasPrefix(err.Error(), "no such overload"):
		return nil, fmt.Errorf("%s puts together what does not fit, such as null and a number (%w); first(x, 0) gives a value to what may be missing", e.place, err)
	case err != nil:
		return nil, fmt.Errorf("%s: %s", e.place, clean(err.Error(), MaxDescription))
	}
	return v, nil
}

func kindOf(v ref.Val) string { return v.Type().TypeName() }

func firstError(before, now error) error {
	if before != nil {
		return before
	}
	return now
}
