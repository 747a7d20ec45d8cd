package sender_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigil/gateway/sender"
)

const topic = "arn:aws:sns:eu-west-1:123456789012:alarms"

func TestSourcesFile(t *testing.T) {
	t.Parallel()
	_, sum := sender.NewSecret()
	s := open(t, `
sources:
  - name: pagerduty
    auth: {signature: {secret_files: [a, b]}}
  - name: grafana-eu
    format: grafana
    auth: {signature: {secret_files: [a]}}
  - name: sns
    auth: {sns: {topics: ["`+topic+`"], confirm: false}}
  - name: my.checks
    format: alertmanager
  - name: datadog
    auth: {header: {name: X-Vigil-Secret, sha256: [`+sum+`]}}
`, map[string]string{"a": oldSecret, "b": newSecret})
	want := map[string]string{"pagerduty": "pagerduty", "grafana-eu": "grafana", "sns": "sns", "my.checks": "alertmanager", "datadog": "datadog"}
	if got := s.Formats(); !maps.Equal(got, want) {
		t.Errorf("formats are %v, want %v", got, want)
	}
	if one, ok := s.Find("my.checks"); !ok || one.Auth != nil || one.Format != "alertmanager" {
		t.Errorf("my.checks is %+v, %v", one, ok)
	}
	if one, ok := s.Find("sns"); !ok || one.Auth == nil {
		t.Errorf("sns is %+v, %v", one, ok)
	}
	if _, ok := s.Find("nobody"); ok {
		t.Error("nobody is listed")
	}
	var none *sender.Sources
	if _, ok := none.Find("sns"); ok || len(none.Formats()) != 0 {
		t.Error("no file lists something")
	}
}

func TestWrongSourcesFiles(t *testing.T) {
	t.Parallel()
	_, sum := sender.NewSecret()
	files := map[string]string{"a": oldSecret, "short": "short", "lines": oldSecret + "\nx", "long": strings.Repeat("x", 2000), "ca": "no certificate"}
	for _, tc := range []struct{ name, yaml, want string }{
		{"empty", "", "it is empty"},
		{"no list", "sources: 3", "line 1"},
		{"nothing in it", "sources: []", "names no source"},
		{"unknown field", "sauces: []", "sauces"},
		{"two documents", "sources: [{name: a}]\n---\nsources: [{name: b}]", "second document"},
		{"not YAML", "sources: [", "line 1"},
		{"no object", "sources:\n- {name: a}\n- b", "line 3: a source must be an object"},
		{"unknown field of a source", "sources:\n- name: a\n  secret: x", `line 3: a source has a field "secret"`},
		{"field twice", "sources:\n- name: a\n  name: b", "line 3: a source has name twice"},
		{"no name", "sources:\n- format: grafana", `line 2: name ""`},
		{"name with a slash", "sources:\n- name: a/b", `line 2: name "a/b" will not do`},
		{"name in capitals", "sources:\n- name: Grafana", "lower-case"},
		{"long name", "sources:\n- name: " + strings.Repeat("a", 65), "up to 64"},
		{"name twice", "sources:\n- name: a\n- name: b\n- name: a", `line 4: "a" is in line 2 already`},
		{"format", "sources:\n- name: a\n  format: ../x", "line 3: format"},
		{"auth without a way", "sources:\n- name: a\n  auth: {}", "line 3: auth of \"a\" must have one of header, routing_key, signature, sns"},
		{"auth is null", "sources:\n- name: a\n  auth:", "line 3: auth of a must be an object"},
		{"auth none", "sources:\n- name: a\n  auth: none", "must be an object"},
		{"two ways", "sources:\n- name: a\n  auth:\n    header: {}\n    sns: {}", "line 4: auth of \"a\" must have one of"},
		{"unknown way", "sources:\n- name: a\n  auth:\n    password: {}", "line 4: auth of a has a field \"password\""},
		{"anchor", "sources:\n- &x {name: a}\n- *x", "line 3: a source must be an object"},

		{"header without hashes", "sources:\n- name: a\n  auth: {header: {name: X-A}}", "line 3: sha256 is missing"},
		{"header without a name", "sources:\n- name: a\n  auth: {header: {sha256: [" + sum + "]}}", "no name of an HTTP header"},
		{"header with a line end", "sources:\n- name: a\n  auth: {header: {name: \"X-A\\n\", sha256: [" + sum + "]}}", "no name of an HTTP header"},
		{"no hashes", "sources:\n- name: a\n  auth: {header: {name: X-A, sha256: []}}", "list of 1 to 8"},
		{"the secret itself", "sources:\n- name: a\n  auth:\n    header:\n      name: X-A\n      sha256:\n      - " + sum + "\n      - secret", "line 8: sha256 must be 64 hexadecimal digits"},
		{"routing key in clear", "sources:\n- name: a\n  auth: {routing_key: {sha256: [R0UT1NG]}}", "not the secret"},

		{"no secrets", "sources:\n- name: pagerduty\n  auth: {signature: {}}", "line 3: secret_files is missing"},
		{"secret in clear", "sources:\n- name: pagerduty\n  auth: {signature: {secret: x}}", "\"secret\", which is not known"},
		{"no such secret", "sources:\n- name: pagerduty\n  auth:\n    signature:\n      secret_files:\n      - a\n      - b", "line 7: secret of \"pagerduty\": open"},
		{"short secret", "sources:\n- name: pagerduty\n  auth: {signature: {secret_files: [short]}}", "5 bytes; use 16 or more"},
		{"long secret", "sources:\n- name: pagerduty\n  auth: {signature: {secret_files: [long]}}", "at most"},
		{"secret of two lines", "sources:\n- name: pagerduty\n  auth: {signature: {secret_files: [lines]}}", "several lines"},
		{"no header known", "sources:\n- name: forge\n  auth: {signature: {secret_files: [a]}}", "line 3: signature of \"forge\" needs the header"},
		{"encoding", "sources:\n- name: forge\n  auth: {signature: {secret_files: [a], header: X, encoding: rot13}}", "use base64, hex"},
		{"prefix with a comma", "sources:\n- name: forge\n  auth: {signature: {secret_files: [a], header: X, prefix: 'a,'}}", "comma"},
		{"timestamp from nowhere", "sources:\n- name: forge\n  auth: {signature: {secret_files: [a], header: X, require_timestamp: true}}", "timestamp_header"},
		{"not a flag", "sources:\n- name: grafana\n  auth: {signature: {secret_files: [a], require_timestamp: perhaps}}", "true or false"},

		{"no topics", "sources:\n- name: sns\n  auth: {sns: {}}", "topics is missing"},
		{"every topic", "sources:\n- name: sns\n  auth: {sns: {topics: ['*']}}", "no ARN of a topic"},
		{"a pattern", "sources:\n- name: sns\n  auth: {sns: {topics: ['arn:aws:sns:eu-west-1:123456789012:*']}}", "no ARN of a topic"},
		{"a bucket for a Region", "sources:\n- name: sns\n  auth: {sns: {topics: ['arn:aws:sns:s3:123456789012:alarms']}}", "no ARN of a topic"},
		{"a queue", "sources:\n- name: sns\n  auth: {sns: {topics: ['arn:aws:sqs:eu-west-1:123456789012:alarms']}}", "no ARN of a topic"},
		{"FIFO", "sources:\n- name: sns\n  auth: {sns: {topics: ['" + topic + ".fifo']}}", "no ARN of a topic"},
		{"another partition", "sources:\n- name: sns\n  auth: {sns: {topics: ['arn:aws-iso:sns:us-iso-east-1:123456789012:alarms']}}", "partitions"},
		{"host with a scheme", "sources:\n- name: sns\n  auth: {sns: {topics: ['" + topic + "'], certificate_host: 'http://127.0.0.1'}}", "no scheme"},
		{"host with a user", "sources:\n- name: sns\n  auth: {sns: {topics: ['" + topic + "'], certificate_host: 'a@b'}}", "one host"},
		{"any host", "sources:\n- name: sns\n  auth: {sns: {topics: ['" + topic + "'], certificate_host: '*.example.com'}}", "one host"},
		{"no such authority", "sources:\n- name: sns\n  auth: {sns: {topics: ['" + topic + "'], ca_file: nowhere}}", "ca_file: open"},
		{"no authority", "sources:\n- name: sns\n  auth: {sns: {topics: ['" + topic + "'], ca_file: ca}}", "no certificate in PEM"},
		{"verification off", "sources:\n- name: sns\n  auth: {sns: {topics: ['" + topic + "'], verify: false}}", "\"verify\", which is not known"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := sender.Open(write(t, tc.yaml, files), options(nil))
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "sources.yaml: ") {
				t.Errorf("error %v, want the file and %q in it", err, tc.want)
			}
		})
	}
	if _, err := sender.Open(filepath.Join(t.TempDir(), "none.yaml"), options(nil)); err == nil || !strings.Contains(err.Error(), "--sources-file") {
		t.Errorf("no file: %v", err)
	}
}

// eventually waits until ok, and fails the test when that takes too long.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("waited too long for %s", what)
		}
	}
}

// TestReload: the file and the secrets that it names are taken up as they
// change, and a broken version of either leaves the last good one in force.
func TestReload(t *testing.T) {
	t.Parallel()
	path := write(t, "sources: [{name: pagerduty, auth: {signature: {secret_files: [a]}}}]", map[string]string{"a": oldSecret})
	s, err := sender.Open(path, options(nil))
	must(t, err)
	secret := filepath.Join(filepath.Dir(path), "a")
	replace := func(path, content string) {
		must(t, os.WriteFile(path+".new", []byte(content), 0o600))
		must(t, os.Rename(path+".new", path))
	}
	takes := func(secret string) bool {
		_, err := check(t, s, "pagerduty", head("X-PagerDuty-Signature", "v1="+hexSum(secret, "{}")), []byte("{}"))
		return err == nil
	}

	replace(secret, newSecret)
	sender.Reload(s)
	if takes(oldSecret) || !takes(newSecret) {
		t.Error("the new secret was not taken up")
	}
	replace(secret, "x")
	sender.Reload(s)
	must(t, os.Remove(secret))
	sender.Reload(s)
	replace(path, "sources: [")
	sender.Reload(s)
	must(t, os.Remove(path))
	sender.Reload(s)
	if !takes(newSecret) {
		t.Error("a broken version was taken up")
	}
	// The file is right, but what it names comes later.
	replace(path, "sources:\n- {name: pagerduty, auth: {signature: {secret_files: [a, b]}}}\n- {name: late, format: grafana}")
	sender.Reload(s)
	if !takes(newSecret) {
		t.Error("half a version was taken up")
	}
	replace(secret, newSecret)
	replace(filepath.Join(filepath.Dir(path), "b"), oldSecret)
	sender.Reload(s)
	if !takes(oldSecret) || !takes(newSecret) || s.Formats()["late"] != "grafana" {
		t.Error("what was completed later was not taken up")
	}
}

// TestWatch: nobody has to ask for it.
func TestWatch(t *testing.T) {
	t.Parallel()
	path := write(t, "sources: [{name: a, format: grafana}]", nil)
	s, err := sender.Open(path, options(nil))
	must(t, err)
	go func() { _ = s.Watch(t.Context()) }() // ends with the test
	must(t, os.WriteFile(path, []byte("sources: [{name: a, format: sns}]"), 0o600))
	eventually(t, "the file to be reread", func() bool { return s.Formats()["a"] == "sns" })
}

func FuzzSourcesFile(f *testing.F) {
	f.Add("sources: [{name: pagerduty, auth: {signature: {secret_files: [a]}}}]")
	f.Add("sources:\n- name: sns\n  auth: {sns: {topics: ['" + topic + "']}}")
	f.Add("sources: [{name: a, auth: {header: {name: X, sha256: [x]}}}]")
	f.Add("sources: [&a {name: x}, *a]\n---\n")
	dir := f.TempDir()
	must(f, os.WriteFile(filepath.Join(dir, "a"), []byte(oldSecret), 0o600))
	f.Fuzz(func(t *testing.T, raw string) {
		formats, err := sender.Parse([]byte(raw), filepath.Join(dir, "sources.yaml"))
		for name, format := range formats {
			if !sender.Name.MatchString(name) || !sender.Name.MatchString(format) {
				t.Errorf("%q is read as %q", name, format)
			}
		}
		if err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}
