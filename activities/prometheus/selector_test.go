package prometheus

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzSelectors: whatever a service is called, its name stays inside the
// string of its matcher, and the matcher matches it.
func FuzzSelectors(f *testing.F) {
	for _, s := range []string{"checkout", `a"} or up{x="`, `\`, `"`, "`", "\n", "a|b", ".*", "(", "ü", "\x00", `\"`, "$range", "{up}", "]#"} {
		f.Add(s)
	}
	source := &Source{labels: DefaultServiceLabels}
	f.Fuzz(func(t *testing.T, service string) {
		all, err := source.selectors(service)
		if service == "" || len(service) > maxName || !utf8.ValidString(service) {
			if err == nil {
				t.Fatalf("%q is taken", service)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			label, rest, _ := strings.Cut(s.matcher, "=")
			quoted, regular := strings.CutPrefix(rest, "~")
			value, err := strconv.Unquote(quoted) // fails on anything after the string's end
			if err != nil || !plainLabel.MatchString(label) {
				t.Fatalf("%q becomes %s: %v", service, s.matcher, err)
			}
			if !regular {
				if value != service {
					t.Fatalf("%q becomes %q", service, value)
				}
				continue
			}
			re, err := regexp.Compile("^(?:" + value + ")$") // as Prometheus anchors it
			if err != nil {
				t.Fatal(err)
			}
			name := service
			if label == "pod" {
				name += "-7d9c5b6f4-x2x7k"
			}
			if !re.MatchString(name) || re.MatchString("other"+name+"other") {
				t.Fatalf("%s does not match %q alone", s.matcher, name)
			}
		}
		in := inventory{metrics: map[string]found{"up": {selector: all[0]}}}
		for _, r := range []template{`sum(rate({up|a="b"}[$range]))`, `{up}`} {
			text, ok := r.fill(in, "1ms")
			if !ok || strings.Count(text, strconv.Quote(service)) < 1 {
				t.Fatalf("%s is filled as %s", r, text)
			}
		}
	})
}
