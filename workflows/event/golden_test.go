package event_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const schemaURL = "urn:vigil:protocol:1"

// mustSchema compiles one definition of the generated schema.
func mustSchema(tb testing.TB, definition string) *jsonschema.Schema {
	tb.Helper()
	raw, err := os.ReadFile("schema/protocol.json")
	if err != nil {
		tb.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		tb.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(schemaURL, doc); err != nil {
		tb.Fatal(err)
	}
	s, err := c.Compile(schemaURL + "#/$defs/" + definition)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func mustValidate(tb testing.TB, s *jsonschema.Schema, raw []byte) {
	tb.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		tb.Errorf("does not match the schema: %v", err)
	}
}

func mustGolden(tb testing.TB, name string) []byte {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "golden", name+".json"))
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// TestCatalogue: every Type constant is in the catalogue, makes a payload of
// that very type, and has a golden file.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	declared := typeConstants(t)
	if len(declared) == 0 {
		t.Fatal("no constant of type Type found in catalogue.go")
	}
	known := map[event.Type]bool{}
	for _, kind := range event.Types() {
		known[kind] = true
	}
	for name, kind := range declared {
		if !known[kind] {
			t.Errorf("%s (%s) is not in the catalogue", name, kind)
			continue
		}
		delete(known, kind)
		data, err := event.Event{Type: kind, Data: json.RawMessage("{}")}.Decode()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if data.EventType() != kind {
			t.Errorf("the catalogue makes a %s for %s", data.EventType(), kind)
		}
		mustGolden(t, string(kind))
	}
	for kind := range known {
		t.Errorf("the catalogue has %s, which no constant names", kind)
	}
}

// typeConstants reads the constants of type Type from the source, so that a
// forgotten catalogue entry is found.
func typeConstants(tb testing.TB) map[string]event.Type {
	tb.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "catalogue.go", nil, 0)
	if err != nil {
		tb.Fatal(err)
	}
	found := map[string]event.Type{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != "Type" {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			tb.Fatal(err)
		}
		found[spec.Names[0].Name] = event.Type(value)
		return true
	})
	return found
}

// TestGoldenEvents: each matches the schema, and decoding and encoding it
// again loses nothing, of the envelope nor of the data.
func TestGoldenEvents(t *testing.T) {
	t.Parallel()
	schema := mustSchema(t, "IncidentEvent")
	for _, kind := range event.Types() {
		paths, err := filepath.Glob(filepath.Join("testdata", "golden", string(kind)+"*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			name := strings.TrimSuffix(filepath.Base(path), ".json")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				raw := mustGolden(t, name)
				mustValidate(t, schema, raw)
				checkEvent(t, raw)
			})
		}
	}
}

func checkEvent(t *testing.T, raw []byte) {
	t.Helper()
	var e event.Event
	mustUnmarshal(t, raw, &e)
	data, err := e.Decode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := event.New(data, e.IncidentID, e.RunID, e.Seq, e.At, e.Provenance)
	if err != nil {
		t.Fatal(err)
	}
	if e.Seq == 0 {
		again.ID = e.ID // whoever made it names it
	}
	again.Epoch, again.Offset, again.PublishedAt = e.Epoch, e.Offset, e.PublishedAt
	sameJSON(t, raw, mustMarshal(t, again))
}

// frames says which Go type and which definition each frame's golden has.
var frames = map[string]struct {
	definition string
	value      any
}{
	event.FrameHello:          {"Hello", &event.Hello{}},
	event.FrameWelcome:        {"Welcome", &event.Welcome{}},
	event.FrameSnapshot:       {"Snapshot", &event.Snapshot{}},
	event.FramePosition:       {"Position", &event.Position{}},
	event.FrameError:          {"ErrorFrame", &event.ErrorFrame{}},
	event.TypeModelDelta:      {"ModelDelta", &event.ModelDelta{}},
	event.TypeSystemHealth:    {"SystemHealthEvent", &event.SystemHealthMetrics{}},
	event.TypeBusinessMetrics: {"BusinessMetricsEvent", &event.BusinessMetrics{}},
	event.TypeAWSServices:     {"AWSServicesEvent", &event.AWSServices{}},
	event.TypeControlsChanged: {"ControlsChangedEvent", &incident.Controls{}},
}

func TestGoldenFrames(t *testing.T) {
	t.Parallel()
	union := mustSchema(t, "ServerFrame")
	for name, f := range frames {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := mustGolden(t, name)
			mustValidate(t, mustSchema(t, f.definition), raw)
			if name != event.FrameHello {
				mustValidate(t, union, raw)
			}
			value := reflect.New(reflect.TypeOf(f.value).Elem()).Interface()
			if !strings.HasSuffix(f.definition, "Event") {
				mustUnmarshal(t, raw, value)
				sameJSON(t, raw, mustMarshal(t, value))
				return
			}
			var e event.SystemEvent
			mustUnmarshal(t, raw, &e)
			mustUnmarshal(t, e.Data, value)
			e.Data = mustMarshal(t, value)
			sameJSON(t, raw, mustMarshal(t, e))
		})
	}
}

// TestSchemaRefuses: a schema that lets everything through proves nothing.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	schema := mustSchema(t, "ServerFrame")
	opened := string(mustGolden(t, "incident.opened"))
	for name, raw := range map[string]string{
		"unknown type":            strings.Replace(opened, `"type": "incident.opened"`, `"type": "incident.invented"`, 1),
		"data of another type":    strings.Replace(opened, `"type": "incident.opened"`, `"type": "decision.made"`, 1),
		"severity not in the set": strings.Replace(opened, `"severity": "high"`, `"severity": "terrible"`, 1),
		"no title":                strings.Replace(opened, `"title":`, `"titel":`, 1),
		"time that is none":       strings.Replace(opened, `"at": "2026`, `"at": "yesterday 2026`, 1),
		"seq that is no number":   strings.Replace(opened, `"seq": 1`, `"seq": "1"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if raw == opened {
				t.Fatal("the replacement changed nothing")
			}
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			if schema.Validate(v) == nil {
				t.Error("the schema accepts it")
			}
		})
	}
}

func TestCloseCodes(t *testing.T) {
	t.Parallel()
	for code, reason := range event.CloseReasons {
		if reason == "" || code < 4000 || code > 4999 {
			t.Errorf("close code %d (%q) is outside the range for applications or has no reason", code, reason)
		}
	}
	for code, may := range map[int]bool{1000: true, 1006: true, 4000: true, 4003: true, 4099: true, 4100: false, 4104: false, 4999: false, 5000: true} {
		if event.MayReconnect(code) != may {
			t.Errorf("MayReconnect(%d) is %v", code, !may)
		}
	}
}

func mustUnmarshal(tb testing.TB, raw []byte, v any) {
	tb.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		tb.Fatal(err)
	}
}

func mustMarshal(tb testing.TB, v any) []byte {
	tb.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// sameJSON compares values, not spelling: a key that got lost, and a number
// that lost digits, differ.
func sameJSON(tb testing.TB, want, have []byte) {
	tb.Helper()
	decode := func(raw []byte) (v any) {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			tb.Fatal(err)
		}
		return v
	}
	if !reflect.DeepEqual(decode(want), decode(have)) {
		tb.Errorf("differs:\nwant %s\nhave %s", want, have)
	}
}
