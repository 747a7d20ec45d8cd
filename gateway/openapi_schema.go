package gateway

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// closedSets are the types whose values are known. Named strings that are not
// here are open sets and stay strings.
var closedSets = map[reflect.Type][]any{
	reflect.TypeFor[incident.Severity]():          set(incident.Severities),
	reflect.TypeFor[incident.Status]():            set(incident.Statuses),
	reflect.TypeFor[incident.Phase]():             set(incident.Phases),
	reflect.TypeFor[incident.PhaseState]():        set(incident.PhaseStates),
	reflect.TypeFor[incident.Agent]():             set(incident.Agents),
	reflect.TypeFor[incident.AgentState]():        set(incident.AgentStates),
	reflect.TypeFor[incident.Outcome]():           set(incident.Outcomes),
	reflect.TypeFor[incident.HandoverReason]():    set(incident.HandoverReasons),
	reflect.TypeFor[incident.AlertStatus]():       set(incident.AlertStatuses),
	reflect.TypeFor[incident.EvidenceKind]():      set(incident.EvidenceKinds),
	reflect.TypeFor[incident.Verdict]():           set(incident.Verdicts),
	reflect.TypeFor[incident.Risk]():              set(incident.Risks),
	reflect.TypeFor[incident.ProposalState]():     set(incident.ProposalStates),
	reflect.TypeFor[incident.ExecutionState]():    set(incident.ExecutionStates),
	reflect.TypeFor[incident.VerificationState](): set(incident.VerificationStates),
	reflect.TypeFor[incident.Origin]():            set(incident.Origins),
	reflect.TypeFor[incident.HolderState]():       set(incident.HolderStates),
	reflect.TypeFor[incident.RemediationState]():  set(incident.RemediationStates),
	reflect.TypeFor[incident.Role]():              set(incident.Roles),
	reflect.TypeFor[incident.Kind]():              set(incident.Kinds),
	reflect.TypeFor[event.Type]():                 set(event.Types()),
	reflect.TypeFor[event.BudgetScope]():          set(event.BudgetScopes),
	reflect.TypeFor[store.DeliveryState]():        set(deliveryStates),
}

func set[T ~string](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

const componentsPath = "#/components/schemas/"

// schemas turns Go types into the document's components.
type schemas struct {
	reflector *jsonschema.Reflector
	types     map[string]reflect.Type // by component name
	made      map[string]*jsonschema.Schema
}

func newSchemas() *schemas {
	s := &schemas{types: map[string]reflect.Type{}, made: map[string]*jsonschema.Schema{}}
	s.reflector = &jsonschema.Reflector{Anonymous: true, AllowAdditionalProperties: true, Mapper: s.closed}
	return s
}

// written are the types that write themselves as something else than their
// fields, which the reflector cannot know.
var written = map[reflect.Type]func() *jsonschema.Schema{
	reflect.TypeFor[incident.Point](): func() *jsonschema.Schema {
		two := uint64(2)
		return &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Type: "number"}, MinItems: &two, MaxItems: &two,
			Description: "milliseconds since 1970, and the value"}
	},
}

// closed refers to closed sets, and to types that write themselves, by name.
func (s *schemas) closed(t reflect.Type) *jsonschema.Schema {
	if schema, ok := written[t]; ok {
		if s.claim(t) {
			s.made[t.Name()] = schema()
		}
		return &jsonschema.Schema{Ref: componentsPath + t.Name()}
	}
	values, ok := closedSets[t]
	if !ok {
		return nil
	}
	if s.claim(t) {
		s.made[t.Name()] = &jsonschema.Schema{Type: "string", Enum: values}
	}
	return &jsonschema.Schema{Ref: componentsPath + t.Name()}
}

// claim reserves the component name of t, and reports whether it was free.
// Two types of one name cannot both be components: rename one of them.
func (s *schemas) claim(t reflect.Type) bool {
	have, taken := s.types[t.Name()]
	if taken && have != t {
		panic(fmt.Sprintf("gateway: %v and %v would both be %s in the OpenAPI document", have, t, t.Name()))
	}
	s.types[t.Name()] = t
	return !taken
}

// of returns the schema of v's type: a reference where it has a name.
func (s *schemas) of(v any) *jsonschema.Schema {
	t := reflect.TypeOf(v)
	if c := s.closed(t); c != nil {
		return c
	}
	r := s.reflector.ReflectFromType(t)
	r.Version = ""
	for name, def := range r.Definitions {
		if _, have := s.made[name]; !have {
			s.made[name] = def
		}
	}
	r.Definitions = nil
	s.amend(t)
	return r
}

// amend adds what the reflector does not know of encoding/json: omitzero
// makes a field optional, and a nil slice is written as null.
func (s *schemas) amend(t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if _, own := written[t]; own || t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
		return
	}
	def := s.made[t.Name()]
	if def != nil && !s.claim(t) {
		return // done before
	}
	var required []string
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		s.amend(f.Type)
		if def == nil || f.Anonymous && name == "" || name == "-" {
			continue
		}
		optional := slices.Contains(strings.Split(options, ","), "omitempty") || slices.Contains(strings.Split(options, ","), "omitzero")
		if !optional {
			required = append(required, name)
		}
		if p, ok := def.Properties.Get(name); ok && !optional && f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() != reflect.Uint8 {
			def.Properties.Set(name, &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "array", Items: p.Items}, {Type: "null"}}})
		}
	}
	if def != nil {
		def.Required = required
	}
}

// components returns all schemas, with references as OpenAPI writes them.
func (s *schemas) components() (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for name, def := range s.made {
		raw, err := rewrite(def)
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
		out[name] = raw
	}
	return out, nil
}

// rewrite encodes a schema with references as OpenAPI writes them.
func rewrite(s *jsonschema.Schema) (json.RawMessage, error) {
	raw, err := json.Marshal(s)
	return json.RawMessage(strings.ReplaceAll(string(raw), `"#/$defs/`, `"`+componentsPath)), err
}
