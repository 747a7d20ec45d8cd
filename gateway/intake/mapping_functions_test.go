package intake_test

import (
	"strconv"
	"strings"
	"testing"

	"vigil/gateway/intake"
)

// result is what an expression gives, as text, for a body.
func result(t testing.TB, expression, body string) string {
	t.Helper()
	m := mapping(t, "  description: |-\n    "+strings.ReplaceAll(expression, "\n", "\n    "))
	res, err := m.Parse(delivery("t", body))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return res.Alerts[0].Description
}

func TestMappingNumbersKeepTheirDigits(t *testing.T) {
	for in, want := range map[string]string{
		"1502709956288000110": "1502709956288000110", "-9223372036854775808": "-9223372036854775808", "18446744073709551615": "18446744073709551615",
		"123456789012345678901234567890": "123456789012345678901234567890", "97.007606": "97.007606", "0.1": "0.1", "1.10": "1.1", "1e3": "1000",
		"1E-3": "0.001", "100": "100", "-0": "0", "-0.0": "-0", "0.000": "0", "0.30000000000000004": "0.30000000000000004",
		"0.1000000000000000055511151231257827": "0.1000000000000000055511151231257827", "1e400": "1e400", "1e99999999999": "1e99999999999", "12e-1": "1.2",
	} {
		if got := result(t, `text(body.n)`, `{"n":`+in+`}`); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
		if got := result(t, `text(body)`, `{"n":`+in+`}`); !strings.Contains(got, strings.Trim(want, "-")) && in != "1e3" {
			t.Errorf("%s becomes %s within JSON", in, got)
		}
	}
}

func TestMappingExpressions(t *testing.T) {
	const body = `{"a":{"b":{"c":1}},"list":[{"x":"y","n":2},{"x":"z","n":5}],"empty":"","blank":" ","zero":0,"no":false,"null":null,"word":"High",
		"in":7,"Alert-Name":"N","alert_name":"n","obj":{"k":"v"},"big":18446744073709551615,"f":1.5,"s":"a,b;c","json":"{\"k\":[1,1502709956288000110]}"}`
	for expression, want := range map[string]string{
		// What is not there.
		`body.none.x[3].y`: "", `body.a.b.c`: "1", `body["in"]`: "7", `body.list[1].x`: "z", `body.list[2].x`: "", `body.list[-1]`: "", `body.word.x`: "",
		`body.word[0]`: "", `headers["x"]`: "", `headers.x`: "", `has(body.a.b)`: "true", `has(body["null"])`: "false", `has(body.none.x)`: "false",
		`body.none == null`: "true", `body.a != null`: "true", `size(body.none)`: "0", `body.none.size()`: "0", `size(body.list)`: "2", `"x" in body.none`: "false", `"k" in body.obj`: "true",
		`body.none.map(x, x.y)`: "[]", `body.none.exists(x, true)`: "false", `body.none.all(x, false)`: "true", `body.list.map(x, x.none)`: "[null,null]",
		`body.none.contains("a")`: "false", `body.zero.startsWith("0")`: "true", `body.none.matches("^$")`: "true", `body.word.endsWith("gh")`: "true",
		`"is " + body.none + "!"`: "is !", `body.zero + " left"`: "0 left", `1 + body.zero`: "1", `[1] + [body.zero]`: "[1,0]", `body.list.filter(x, x.n > 3)[0].x`: "z",
		`text == ""`: "true", `received_at`: "2026-11-23T14:00:00Z", `received_at.getHours()`: "14",
		// Helpers.
		`first(body.none, body.empty, body.blank, body.zero, 1)`: "0", `first(body.no, 1)`: "false", `first([], {}, null)`: "", `first(["", "x"])`: "x", `first(body.word)`: "High", `first(body.obj)`: `{"k":"v"}`,
		`pick(body, ["alertname"])`: "N", `pick(body, ["alert_name"])`: "n", `pick(body, ["obj", "list", "empty", "WORD"])`: "High", `pick(body.none, ["a"])`: "",
		`pick([null, body.obj, body], ["k"])`: "v", `pick(body, ["zero"])`: "0", `pick(body, [1])`: "", `pick(body, "k")`: "",
		`text(body.obj)`: `{"k":"v"}`, `text("<a&b>")`: "<a&b>", `text(["<", 1.5, null, true, timestamp(0), b"x", 2u])`: `["<",1.5,null,true,"1970-01-01T00:00:00Z","x",2]`, `text(duration("90s"))`: "90s", `text(1e21)`: "1000000000000000000000",
		`severity("P1")`: "critical", `severity(2)`: "high", `severity("Warning")`: "medium", `severity("odd")`: "", `severity(null)`: "", `severity(0)`: "critical",
		`hash("a", "b") == hash("ab", "")`: "false", `hash("a", 1) == hash("a", "1")`: "true", `size(hash(body))`: "16",
		`json(body.json).k[1]`: "1502709956288000110", `json(body.word).k`: "", `json(body.none)`: "", `json("{\"a\":1,\"a\":2}")`: "",
		`list(body.none)`: "[]", `list(body.zero)`: "[0]", `list(body.list)[1].x`: "z", `list(body.obj)[0].k`: "v",
		`tags(["a:b", "c=d:e", "f", " ", 5])`: `{"a":"b","c":"d:e","f":"true"}`, `tags("a:b, c")`: `{"a":"b","c":"true"}`, `tags([{"tag":"a","value":"b"},{"name":"c"},{"x":1}])`: `{"a":"b","c":""}`,
		`tags(body.none)`: "{}", `tags(body.obj)`: `{"k":"v"}`, `tags("")`: "{}",
		`merge({"a": 1, "b": 1}, null, {"b": 2})`: `{"a":1,"b":2}`, `merge(body.obj)`: `{"k":"v"}`, `merge(body.none, 1)`: "{}",
		`body.word.lower()`: "high", `"ä".upper()`: "Ä", `body.none.trim()`: "", `" x ".trim()`: "x", `body.zero.lower()`: "0",
		`body.s.split(",")`: `["a","b;c"]`, `body.s.split(",").join("-")`: "a-b;c", `[1, null, 2].join(", ")`: "1, , 2", `body.none.join(",")`: "", `body.s.replace(",", ""). replace(";", "+")`: "ab+c",
		`"id=42;".find("id=([0-9]+)")`: "42", `"id=42".find("[0-9]+")`: "42", `"x".find("y")`: "", `body.none.find("a*")`: "",
		`body.word == "High" ? "yes" : "no"`: "yes", "body.word +\n\"!\"": "High!",
	} {
		if got := result(t, expression, body); got != want {
			t.Errorf("%s gives %q, want %q", expression, got, want)
		}
	}
}

func TestMappingTimes(t *testing.T) {
	for in, want := range map[string]string{
		`"2017-06-30T22:25:43Z"`: "2017-06-30T22:25:43Z", `"2017-06-30T22:25:43.5+02:00"`: "2017-06-30T20:25:43.5Z", `"2017-06-30T22:25:43+0200"`: "2017-06-30T20:25:43Z",
		`"2017-06-30T22:25:43"`: "2017-06-30T22:25:43Z", `"2017-06-30 22:25:43"`: "2017-06-30T22:25:43Z", `" 2017.06.30 22:25:43 "`: "2017-06-30T22:25:43Z", `"2017/06/30 22:25:43"`: "2017-06-30T22:25:43Z",
		`"2017-06-30 22:25:43 UTC"`: "2017-06-30T22:25:43Z", `"2017-06-30 22:25:43 +0100"`: "2017-06-30T21:25:43Z", `"2017-06-30 22:25:43+01:00"`: "2017-06-30T21:25:43Z", `"Fri, 30 Jun 2017 22:25:43 GMT"`: "2017-06-30T22:25:43Z",
		`"Fri, 30 Jun 2017 22:25:43 +0200"`: "2017-06-30T20:25:43Z",
		// A zone that nobody here knows is not UTC.
		`"2017-06-30 22:25:43 XYZ"`: "",
		`1498861543`:                "2017-06-30T22:25:43Z", `"1498861543"`: "2017-06-30T22:25:43Z", `1498861543.25`: "2017-06-30T22:25:43.25Z", `1600457850876`: "2020-09-18T19:37:30.876Z", `1600457850876.7`: "2020-09-18T19:37:30.876Z",
		`1600457850876123`: "2020-09-18T19:37:30.876123Z", `1600457850876123456`: "2020-09-18T19:37:30.876123456Z",
		`0`: "", `-5`: "", `"0"`: "", `1e300`: "", `"NaN"`: "", `null`: "", `"yesterday"`: "", `""`: "", `true`: "", `{}`: "", `"0000-01-01T00:00:00+23:59"`: "", `18446744073709551615`: "", strconv.Quote(strings.Repeat("1", 99)): "",
	} {
		if got := result(t, `time(body.t)`, `{"t":`+in+`}`); got != want {
			t.Errorf("%s is read as %q, want %q", in, got, want)
		}
		m := mapping(t, "  starts_at: body.t")
		res, err := m.Parse(delivery("t", `{"t":`+in+`}`))
		if err != nil || strings.TrimSuffix(row(res.Alerts[0])[strings.LastIndex(row(res.Alerts[0]), "| ")+2:], "-") != want {
			t.Errorf("starts_at of %s: %+v, %v", in, res, err)
		}
	}
}

// What is wrong with a file is said with its place, and with what would be right.
func TestMappingFileErrors(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"empty":            {"", "t.yaml is empty; a mapping has name, about,"},
		"only a comment":   {"# x\n", "is empty"},
		"not YAML":         {"name: [", "t.yaml:1: did not find"},
		"a ternary":        {mappingFile(`  service: body.x ? "a" : "b"`), `t.yaml:7: mapping values are not allowed in this context (an expression that begins with a quote`},
		"a list":           {"- a", "the file: here belong names with values"},
		"two documents":    {mappingFile() + "---\nname: b\n", "one file holds one mapping"},
		"too large":        {strings.Repeat("#", intake.MaxMappingBytes+1), "at most 65536 bytes"},
		"no name":          {"about: x\nalert: {}", "t.yaml:1: name: is missing"},
		"no about":         {"name: x\nalert: {}", "t.yaml:1: about: is missing"},
		"odd name":         {strings.Replace(mappingFile(), "name: t", "name: T 1", 1), `t.yaml:1: name: "T 1" cannot be part of an address`},
		"no alert":         {"name: t\nabout: t\n", "alert: is missing"},
		"no key":           {"name: t\nabout: t\nalert: {title: body.t, status: body.s}", "t.yaml:3: alert.key: is missing"},
		"unknown field":    {mappingFile("foo: 1"), "t.yaml:7: foo: there is no such field; there are name, about, each,"},
		"unknown in alert": {mappingFile("  summary: body.x"), "t.yaml:7: alert.summary: there is no such field; there are key,"},
		"twice":            {mappingFile("  service: body.x", "  service: body.y"), `t.yaml:8: alert: "service" is no name, or a second time the same`},
		"merge key":        {"a: &a {}\n<<: *a\n", `"<<" is no name`},
		"alias":            {"x: &a body.x\n" + mappingFile("  service: *a"), "t.yaml:8: alert.service: an expression belongs here, such as body.service"},
		"empty expression": {mappingFile("  service:"), "alert.service: an expression belongs here"},
		"unknown variable": {mappingFile("  service: bod.x"), "t.yaml:7: alert.service: there is no \"bod\" (did you mean 'body'?); there are body, text, headers, received_at"},
		"a bare word":      {mappingFile("  service: shop"), `for the text itself write '"shop"', for a field of the delivery body.shop`},
		"unknown function": {mappingFile("  service: frist(body.x)"), `there is no "frist" (did you mean 'first'?)`},
		"a function, uncalled": {mappingFile("  service: text(lower)"),
			`"lower" is a function, and has to be called`},
		"wrong arguments":      {mappingFile("  service: pick(body)"), "found no matching overload for 'pick' applied to '(dyn)'"},
		"no arguments":         {mappingFile("  service: first()"), "first needs values to choose from"},
		"item without each":    {mappingFile("  service: item.x"), `there is no "item"`},
		"note of an item":      {mappingFile("each: body.l", "note: item.x"), `note: there is no "item"`},
		"ends early":           {mappingFile("  service: body.x +"), "the expression ends where more belongs, in\n    body.x +\n            ^"},
		"optional":             {mappingFile("  service: body.?x"), "write body.a.b: what is not there is null"},
		"a word of CEL":        {mappingFile("  service: body.in"), `is written body["in"]`},
		"another":              {mappingFile("  service: body.null"), `is written body["in"]`},
		"the line in a block":  {mappingFile("  service: |-", "    body.x +", "    bod.y"), "t.yaml:9: alert.service: there is no \"bod\""},
		"regular expression":   {mappingFile(`  service: body.x.find("(")`), "t.yaml:7: alert.service: error parsing regexp"},
		"regular expression 2": {mappingFile(`  service: body.x.matches("(")`), "error parsing regexp"},
		"when of a text":       {mappingFile(`when: text(body)`), `when: gives string; it has to give a condition, such as body.state == "open"`},
		"each of a text":       {mappingFile(`each: text(body)`), "each: gives string; it has to give a list"},
		"labels of a list":     {mappingFile(`  labels: list(body)`), "alert.labels: gives list(dyn); it has to give a map"},
		"time of a condition":  {mappingFile(`  starts_at: body.x == 1`), "alert.starts_at: gives bool; it has to give a time"},
		"labels, a bad one":    {mappingFile("  labels:", "    a: bod"), "t.yaml:8: alert.labels.a: there is no"},
		"status values":        {strings.Replace(mappingFile(), `'"firing"'`, "{from: body.s, values: {a: down}, else: up}", 1), `alert.status.values.a: "down" is no status; use firing or resolved`},
		"status else":          {strings.Replace(mappingFile(), `'"firing"'`, "{from: body.s, else: up}", 1), `alert.status.else: "up" is no status`},
		"severity values":      {mappingFile("  severity: {from: body.s, values: {a: worst}}"), `"worst" is no severity; use critical, high, medium or low`},
		"values twice":         {mappingFile("  severity: {from: body.s, values: {a: low, A: high}}"), `alert.severity.values: "a" is there twice`},
		"values of a list":     {mappingFile("  severity: {from: body.s, values: [a]}"), "alert.severity.values: here belong names with values"},
		"value of a map":       {mappingFile("  severity: {from: body.s, values: {a: {b: c}}}"), "a single word belongs here"},
		"values without from":  {mappingFile("  severity: {values: {a: low}}"), "alert.severity.from: is missing"},
		"values of a title":    {mappingFile("  description: {from: body.x}"), "alert.description: an expression belongs here"},
		"else of a service":    {mappingFile("  service: {from: body.x, else: a}"), "leave else out"},
		"variable name":        {mappingFile("let: {A-b: body.x}"), "let.A-b: a variable is named with a-z"},
		"variable like a call": {mappingFile("let: {text: body.x}"), "let.text: a variable is named"},
		"variable like body":   {mappingFile("let: {body: body.x}"), "what is there already"},
		"long expression":      {mappingFile("  service: '" + strings.Repeat("1+", 2500) + "1'"), "exceeds limit"},
		"deep expression":      {mappingFile("  service: '" + strings.Repeat("(", 1000) + "1" + strings.Repeat(")", 1000) + "'"), "recursion"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := intake.NewMapping("/etc/vigil/t.yaml", []byte(c.file))
			wantInvalid(t, err, c.want)
			if m != nil {
				t.Error("an error and a mapping")
			}
		})
	}
	// A variable that is wrong is reported once, not wherever it is used.
	_, err := intake.NewMapping("t.yaml", []byte(mappingFile("  service: x", "  description: x", "let: {x: bod}")))
	if err == nil || strings.Count(err.Error(), "t.yaml:") != 1 {
		t.Errorf("%v", err)
	}
}
