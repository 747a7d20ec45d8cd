package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// schemaID names the schema; it is a name, not an address.
const schemaID = "urn:vigil:protocol:1"

// enums are the closed sets. A named string type that is not here is an open
// set (incident.Cause, incident.Metric, incident.ActionType) and stays a string.
var enums = map[reflect.Type][]string{
	typeOf[incident.Severity]():          values(incident.Severities),
	typeOf[incident.Status]():            values(incident.Statuses),
	typeOf[incident.Phase]():             values(incident.Phases),
	typeOf[incident.PhaseState]():        values(incident.PhaseStates),
	typeOf[incident.Agent]():             values(incident.Agents),
	typeOf[incident.AgentState]():        values(incident.AgentStates),
	typeOf[incident.Outcome]():           values(incident.Outcomes),
	typeOf[incident.HandoverReason]():    values(incident.HandoverReasons),
	typeOf[incident.AlertStatus]():       values(incident.AlertStatuses),
	typeOf[incident.MemberState]():       values(incident.MemberStates),
	typeOf[incident.EvidenceKind]():      values(incident.EvidenceKinds),
	typeOf[incident.Verdict]():           values(incident.Verdicts),
	typeOf[incident.Autonomy]():          values(incident.Autonomies),
	typeOf[incident.Risk]():              values(incident.Risks),
	typeOf[incident.ProposalState]():     values(incident.ProposalStates),
	typeOf[incident.ExecutionState]():    values(incident.ExecutionStates),
	typeOf[incident.VerificationState](): values(incident.VerificationStates),
	typeOf[incident.Origin]():            values(incident.Origins),
	typeOf[incident.Role]():              values(incident.Roles),
	typeOf[incident.Kind]():              values(incident.Kinds),
	typeOf[incident.Purpose]():           values(incident.Purposes),
	typeOf[incident.BlastRadius]():       values(incident.BlastRadii),
	typeOf[incident.Mode]():              values(incident.Modes),
	typeOf[incident.RemediationState]():  values(incident.RemediationStates),
	typeOf[incident.HolderState]():       values(incident.HolderStates),
	typeOf[incident.NotificationKind]():  values(incident.NotificationKinds),
	typeOf[incident.DeliveryState]():     values(incident.DeliveryStates),
	typeOf[event.RouteReason]():          values(event.RouteReasons),
	typeOf[event.BudgetScope]():          values(event.BudgetScopes),
	typeOf[event.GuardrailOutcome]():     values(event.GuardrailOutcomes),
	typeOf[event.EstimateMethod]():       values(event.EstimateMethods),
	typeOf[event.TrendDirection]():       values(event.TrendDirections),
}

// frames are the frames that are not events, by their type.
var frames = []struct {
	name string
	kind string
	data any
}{
	{"Hello", event.FrameHello, event.Hello{}},
	{"Welcome", event.FrameWelcome, event.Welcome{}},
	{"Snapshot", event.FrameSnapshot, event.Snapshot{}},
	{"Position", event.FramePosition, event.Position{}},
	{"ErrorFrame", event.FrameError, event.ErrorFrame{}},
	{"ModelDelta", event.TypeModelDelta, event.ModelDelta{}},
}

// systemEvents are the latest-value events, by their type.
var systemEvents = []struct {
	name string
	kind string
	data any
}{
	{"SystemHealthEvent", event.TypeSystemHealth, event.SystemHealthMetrics{}},
	{"BusinessMetricsEvent", event.TypeBusinessMetrics, event.BusinessMetrics{}},
	{"AWSServicesEvent", event.TypeAWSServices, event.AWSServices{}},
	{"ControlsChangedEvent", event.TypeControlsChanged, incident.Controls{}},
}

// closeCodes names the close codes for code that reads the schema.
var closeCodes = map[string]int{
	"shutdown":     event.CloseShutdown,
	"slow":         event.CloseSlow,
	"no_pong":      event.CloseNoPong,
	"unavailable":  event.CloseUnavailable,
	"bad_hello":    event.CloseBadHello,
	"protocol":     event.CloseProtocol,
	"unauthorized": event.CloseUnauthorized,
	"too_large":    event.CloseTooLarge,
	"rate":         event.CloseRate,
}

type builder struct {
	reflector *jsonschema.Reflector
	defs      jsonschema.Definitions
	amended   map[reflect.Type]bool
}

func buildSchema() ([]byte, error) {
	b := &builder{
		// Unknown fields are allowed: fields get added, and a page that was
		// loaded before an upgrade must go on reading.
		reflector: &jsonschema.Reflector{Anonymous: true, AllowAdditionalProperties: true, Mapper: mapType, Namer: nameOf},
		defs:      jsonschema.Definitions{},
		amended:   map[reflect.Type]bool{},
	}
	for _, source := range []string{".", "../incident"} {
		if err := b.reflector.AddGoComments("vigil/workflows/event", source, jsonschema.WithFullComment()); err != nil {
			return nil, fmt.Errorf("read the comments in %s: %w", source, err)
		}
	}
	b.addEnums()
	b.addPoint()
	b.addTargetState()
	serverFrames := b.addEvents()
	serverFrames = append(serverFrames, b.addSystemEvents()...)
	for _, f := range frames {
		b.add(reflect.TypeOf(f.data))
		b.fixType(b.defs[f.name], f.kind)
		if f.name != "Hello" {
			serverFrames = append(serverFrames, f.name)
		}
	}
	b.addUnion("ServerFrame", "Every frame that the gateway sends.", serverFrames)
	b.add(typeOf[event.View]())
	// What the gateway answers.
	b.add(typeOf[incident.LeaseState]())
	b.add(typeOf[event.BusinessSeries]())
	b.add(typeOf[event.IncidentFigures]())
	b.add(typeOf[event.Definition]())

	root := &jsonschema.Schema{
		Version: "https://json-schema.org/draft/2020-12/schema", ID: schemaID, Title: "Vigil protocol",
		Description: "Generated from the Go structs by workflows/event/gen. Do not edit.",
		Definitions: b.defs,
		Extras: map[string]any{"x-vigil": map[string]any{
			"protocol": event.Protocol, "close_codes": closeCodes, "close_reasons": event.CloseReasons,
			"topics": []string{event.TopicIncidents},
		}},
	}
	return indent(root)
}

// mapType refers to enums, points and target states by name, and leaves the
// rest to reflection.
func mapType(t reflect.Type) *jsonschema.Schema {
	if _, ok := enums[t]; ok || t == typeOf[incident.Point]() || t == typeOf[incident.TargetState]() {
		return ref(nameOf(t))
	}
	return nil
}

// nameOf is the name of t in the schema. Two packages may use a word for two
// things; the schema has one name for each.
func nameOf(t reflect.Type) string {
	switch t {
	case typeOf[incident.SystemEvent]():
		return "PlatformEvent" // SystemEvent is the frame
	case typeOf[incident.Delivery]():
		return "NotificationDelivery" // a delivery is what an alert source posts
	case typeOf[incident.DeliveryState]():
		return "NotificationState"
	case typeOf[incident.Span]():
		return "Freeze"
	}
	return t.Name()
}

// addPoint describes a point as it marshals itself: a pair, not an object.
func (b *builder) addPoint() {
	t := typeOf[incident.Point]()
	two := uint64(2)
	b.defs[t.Name()] = &jsonschema.Schema{
		Type: "array", Description: b.reflector.CommentMap[t.PkgPath()+"."+t.Name()],
		PrefixItems: []*jsonschema.Schema{{Type: "number"}, {Type: "number"}}, MinItems: &two, MaxItems: &two,
	}
	b.amended[t] = true
}

// addTargetState describes what an executor reads of a target: names and
// values of any plain kind.
func (b *builder) addTargetState() {
	t := typeOf[incident.TargetState]()
	plain := []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}
	b.defs[t.Name()] = &jsonschema.Schema{
		Type: "object", Description: b.reflector.CommentMap[t.PkgPath()+"."+t.Name()],
		AdditionalProperties: &jsonschema.Schema{AnyOf: plain},
	}
	b.amended[t] = true
}

func (b *builder) addEnums() {
	for t, set := range enums {
		s := &jsonschema.Schema{Type: "string", Description: b.reflector.CommentMap[t.PkgPath()+"."+t.Name()]}
		for _, v := range set {
			s.Enum = append(s.Enum, v)
		}
		b.defs[nameOf(t)] = s
	}
}

// addEvents adds one definition per event type, the envelope with its type
// and data fixed, so that readers can tell them apart by type.
func (b *builder) addEvents() []string {
	envelope := typeOf[event.Event]()
	b.add(envelope)
	var names []string
	for _, kind := range event.Types() {
		data, err := event.Event{Type: kind, Data: json.RawMessage("{}")}.Decode()
		if err != nil {
			panic("gen: the catalogue does not know its own type: " + err.Error())
		}
		t := reflect.TypeOf(data).Elem()
		b.add(t)
		names = append(names, b.addEnvelope(b.defs["Event"], t.Name()+"Event", string(kind), t.Name()))
	}
	delete(b.defs, "Event")
	b.addUnion("IncidentEvent", "One thing that happened to an incident.", names)
	return names
}

func (b *builder) addSystemEvents() []string {
	b.add(typeOf[event.SystemEvent]())
	envelope := b.defs["SystemEvent"]
	var names []string
	for _, e := range systemEvents {
		t := reflect.TypeOf(e.data)
		b.add(t)
		names = append(names, b.addEnvelope(envelope, e.name, e.kind, t.Name()))
	}
	b.addUnion("SystemEvent", envelope.Description, names)
	return names
}

func (b *builder) addEnvelope(envelope *jsonschema.Schema, name, kind, data string) string {
	s := *envelope
	s.Description = b.defs[data].Description
	s.Properties = jsonschema.NewProperties()
	for p := envelope.Properties.Oldest(); p != nil; p = p.Next() {
		s.Properties.Set(p.Key, p.Value)
	}
	s.Properties.Set("data", ref(data))
	b.fixType(&s, kind)
	b.defs[name] = &s
	return name
}

func (b *builder) fixType(s *jsonschema.Schema, kind string) {
	s.Properties.Set("type", &jsonschema.Schema{Const: kind})
}

func (b *builder) addUnion(name, description string, of []string) {
	s := &jsonschema.Schema{Description: description}
	for _, n := range of {
		s.OneOf = append(s.OneOf, ref(n))
	}
	b.defs[name] = s
}

// add reflects t and all that it is made of into the definitions.
func (b *builder) add(t reflect.Type) {
	for name, s := range b.reflector.ReflectFromType(t).Definitions {
		if _, have := b.defs[name]; !have {
			b.defs[name] = s
		}
	}
	b.amend(t)
}

// amend tells the schema of t what the reflector does not know of
// encoding/json: omitzero makes a field optional as omitempty does, and a nil
// slice or map without either is written as null.
func (b *builder) amend(t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || b.amended[t] || t == typeOf[time.Time]() {
		return
	}
	s := b.defs[nameOf(t)]
	b.amended[t] = s != nil // a struct that was only embedded so far has no schema yet
	var required []string
	for _, f := range reflect.VisibleFields(t) {
		tag := strings.Split(f.Tag.Get("json"), ",")
		b.amend(f.Type)
		if s == nil || f.Anonymous && tag[0] == "" {
			continue
		}
		optional := slices.Contains(tag[1:], "omitempty") || slices.Contains(tag[1:], "omitzero")
		if !optional {
			required = append(required, tag[0])
		}
		if f.Type.Kind() == reflect.Slice && f.Type != typeOf[json.RawMessage]() && !optional {
			p, _ := s.Properties.Get(tag[0])
			s.Properties.Set(tag[0], &jsonschema.Schema{Description: p.Description,
				OneOf: []*jsonschema.Schema{{Type: "array", Items: p.Items}, {Type: "null"}}})
		}
	}
	if s != nil {
		s.Required = required
	}
}

func ref(name string) *jsonschema.Schema { return &jsonschema.Schema{Ref: "#/$defs/" + name} }

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

func values[S ~string](set []S) []string {
	out := make([]string, len(set))
	for i, v := range set {
		out[i] = string(v)
	}
	return out
}

// indent encodes v for people: two spaces, no HTML escapes, one line end.
func indent(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := json.Indent(&buf, unescapeHTML(raw), "", "  "); err != nil {
		return nil, err
	}
	buf.WriteByte('\n')
	return buf.Bytes(), nil
}

// unescapeHTML undoes what json.Marshal does for HTML: goldens hold arrows
// and ampersands that people read.
func unescapeHTML(raw []byte) []byte {
	for escaped, plain := range map[string]string{`\u003c`: "<", `\u003e`: ">", `\u0026`: "&"} {
		raw = bytes.ReplaceAll(raw, []byte(escaped), []byte(plain))
	}
	return raw
}
