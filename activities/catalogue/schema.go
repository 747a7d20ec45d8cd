package catalogue

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schema is the JSON Schema of an entry's arguments. Arguments are texts; one
// that the schema wants to be a number or a boolean is looked at as that.
type schema struct {
	compiled *jsonschema.Schema // nil: anything goes
}

// newSchema compiles raw, which is empty where nothing is said of arguments.
func newSchema(raw []byte) (*schema, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return &schema{}, nil
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if _, ok := doc.(map[string]any); !ok {
		return nil, errors.New("a JSON Schema is a map that begins with type: object")
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(nowhere{})
	c.DefaultDraft(jsonschema.Draft2020)
	const here = "parameters.json"
	if err := c.AddResource(here, doc); err != nil {
		return nil, short(err)
	}
	s, err := c.Compile(here)
	if err != nil {
		return nil, short(err)
	}
	return &schema{s}, nil
}

// nowhere refuses to fetch schemas: a catalogue is one file.
type nowhere struct{}

func (nowhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is somewhere else; put what it says into the catalogue", url)
}

// short takes out of the library's error what names its own addresses.
func short(err error) error {
	var v *jsonschema.SchemaValidationError
	var inner *jsonschema.ValidationError
	if errors.As(err, &v) && errors.As(v.Err, &inner) {
		return errors.New(because(inner))
	}
	said, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(strings.ReplaceAll(said, "file://", ""))
}

// because lists what an instance does wrong, in one line.
func because(v *jsonschema.ValidationError) string {
	var said []string
	var walk func(*jsonschema.ValidationError)
	walk = func(v *jsonschema.ValidationError) {
		for _, cause := range v.Causes {
			walk(cause)
		}
		if unit := v.BasicOutput(); len(v.Causes) == 0 && unit.Error != nil {
			at := strings.Join(v.InstanceLocation, ".")
			if at != "" {
				at += ": "
			}
			said = append(said, at+unit.Error.String())
		}
	}
	walk(v)
	slices.Sort(said)
	return strings.Join(slices.Compact(said), "; ")
}

// property is what the schema says of one argument; nil where it says nothing.
func (s *schema) property(name string) *jsonschema.Schema {
	if s.compiled == nil {
		return nil
	}
	return s.compiled.Properties[name]
}

// names are the arguments that the schema knows.
func (s *schema) names() []string {
	if s.compiled == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.compiled.Properties))
}

// check says what is wrong with a step's arguments.
func (s *schema) check(arguments map[string]string, place string) error {
	if s.compiled == nil {
		return nil
	}
	instance := make(map[string]any, len(arguments))
	for name, v := range arguments {
		instance[name] = typed(s.compiled.Properties[name], v)
	}
	return complaint(s.compiled.Validate(instance), place)
}

// checkOne says what is wrong with one argument, whatever the others are.
func (s *schema) checkOne(name, value string) error {
	p := s.property(name)
	if p == nil {
		return nil
	}
	return complaint(p.Validate(typed(p, value)), "")
}

func complaint(err error, place string) error {
	var v *jsonschema.ValidationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &v):
		err = errors.New(because(v))
	}
	if place == "" {
		return err
	}
	return invalid("%s breaks its parameters: %v", place, err)
}

// typed is a text as the kind of value that the schema asks for, where it is
// one; otherwise the text, of which the schema then says what it should be.
func typed(p *jsonschema.Schema, text string) any {
	for depth := 0; p != nil && p.Types == nil && p.Ref != nil && depth < 8; depth++ {
		p = p.Ref
	}
	if p == nil || p.Types == nil {
		return text
	}
	for _, kind := range p.Types.ToStrings() {
		switch kind {
		case "integer":
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				return n
			}
		case "number":
			if f, err := strconv.ParseFloat(text, 64); err == nil && !strings.ContainsAny(text, "xXpPnNiI_") {
				return f
			}
		case "boolean":
			if text == "true" || text == "false" {
				return text == "true"
			}
		case "string":
			return text
		}
	}
	return text
}
