package intake

import (
	"bytes"
	"encoding/json"
	"math"
	"mime"
	"net/url"
	"strconv"
	"strings"

	"vigil/gateway/store"
)

// input is what the expressions of a mapping see of a delivery.
type input struct {
	body    any               // nil, bool, string, int64, uint64, float64, []any, map[string]any
	text    string            // the body where it is text and neither JSON nor a form
	headers map[string]string // names in lower case
}

// readInput decodes the body by its content type: a form into its fields, all
// else as JSON, which many senders call something else. Text that is no JSON
// is text where the content type says so.
func readInput(d store.Delivery) (input, error) {
	in := input{headers: make(map[string]string, len(d.Headers))}
	for name, v := range d.Headers {
		in.headers[strings.ToLower(name)] = strings.ToValidUTF8(v, "\uFFFD")
	}
	media, _, err := mime.ParseMediaType(d.ContentType)
	if err != nil {
		media = "" // told by the body instead
	}
	if media == "application/x-www-form-urlencoded" {
		in.body, err = readForm(d.Body)
		return in, err
	}
	in.body, err = readJSON(d.Body)
	if err != nil && strings.HasPrefix(media, "text/") && len(bytes.TrimSpace(d.Body)) > 0 {
		in.text, err = strings.ToValidUTF8(string(d.Body), "\uFFFD"), nil
	}
	return in, err
}

func readForm(raw []byte) (any, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, invalid("is empty")
	}
	values, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, invalid("is no form: %v", err)
	}
	fields := make(map[string]any, len(values))
	for name, list := range values {
		if len(list) > 1 {
			return nil, invalid("has the name %q twice in its form, and which one counts cannot be told", clean(name, MaxLabelName))
		}
		fields[strings.ToValidUTF8(name, "\uFFFD")] = strings.ToValidUTF8(list[0], "\uFFFD")
	}
	return fields, nil
}

// readJSON decodes a document in which people may have chosen every name.
func readJSON(raw []byte) (any, error) {
	var t tree
	err := decode(raw, &t, "*")
	return t.value, err
}

// tree is any JSON value. Its numbers keep every digit: see number.
type tree struct{ value any }

func (t *tree) UnmarshalJSON(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&t.value); err != nil {
		return err
	}
	t.value = numbers(t.value)
	return nil
}

// numbers replaces every json.Number in v, which check has found shallow.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return number(string(v))
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}

// number reads a JSON number: as int64 or uint64 where it is whole and fits, as
// float64 where that is exactly the number as written, and otherwise as the
// text that it came as. An id of thirty digits so stays the same id.
func number(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || decimal(s) != decimal(strconv.FormatFloat(f, 'e', -1, 64)) {
		return s
	}
	return f
}

// decimal writes a number in one way: its sign and digits without zeros at
// either end, and the power of ten that they are to be multiplied by.
func decimal(s string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	power, err := strconv.ParseInt(exponent, 10, 32)
	if err != nil && exponent != "" {
		return s // beyond every float64
	}
	sign := ""
	if rest, negative := strings.CutPrefix(mantissa, "-"); negative {
		sign, mantissa = "-", rest
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	short := strings.TrimRight(digits, "0")
	if short == "" {
		return "0"
	}
	power += int64(len(digits)-len(short)) - int64(len(fraction))
	return sign + short + "e" + strconv.FormatInt(power, 10)
}
