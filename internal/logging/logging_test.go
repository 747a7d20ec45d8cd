package logging_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"vigil/internal/logging"
)

func TestNewRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ level, format, want string }{
		{"loud", "json", "use debug, info, warn or error"},
		{"fatal", "json", "use debug, info, warn or error"},
		{"info", "xml", "use console or json"},
		{"", "", ""},
		{"DEBUG", "JSON", ""},
	} {
		_, err := logging.New(c.level, c.format)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("New(%q, %q): %v", c.level, c.format, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("New(%q, %q) = %v, want an error that says %q", c.level, c.format, err, c.want)
		}
	}
}

func TestNewFileWritesOneJSONObjectPerLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	l, err := logging.NewFile("info", "json", path)
	if err != nil {
		t.Fatal(err)
	}
	l.Debug("not this one")
	l.Info("this one", zap.String("incident_id", "inc-1"))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal(raw, &line); err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	if line["msg"] != "this one" || line["incident_id"] != "inc-1" {
		t.Errorf("line is %v", line)
	}
}

func TestTemporalKeepsLevelAndFields(t *testing.T) {
	t.Parallel()
	core, seen := observer.New(zap.InfoLevel)
	l := logging.Temporal(zap.New(core))
	l.Debug("chatter")
	l.Warn("activity failed", "Attempt", 2)
	entries := seen.All()
	if len(entries) != 1 {
		t.Fatalf("%d entries, want the warning alone", len(entries))
	}
	e := entries[0]
	if e.Message != "activity failed" || e.LoggerName != "temporal" || e.ContextMap()["Attempt"] != int64(2) {
		t.Errorf("entry is %+v %v", e, e.ContextMap())
	}
}
