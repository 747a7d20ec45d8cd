package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigil/workflows/incident"
)

// TestNoData holds that eval runs, and says what it could not measure, where
// the recorded incidents are not there.
func TestNoData(t *testing.T) {
	t.Setenv("VIGIL_TESTDATA", t.TempDir())
	var out bytes.Buffer
	if err := run(t.Context(), &out, options{seeds: 1, only: "petshop,opensre,nab,made"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"commit ", "petshop: not measured", "opensre: not measured", "nab: not measured", "memory_leak", "of 1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
	if err := run(t.Context(), &out, options{seeds: 1, only: "petshop", folders: map[string]string{"petshop": filepath.Join(t.TempDir(), "none")}}); err == nil {
		t.Error("no error for a folder that is named and is not there")
	}
	if err := run(t.Context(), &out, options{seeds: 1, only: "petship"}); err == nil {
		t.Error("no error for a data set that there is not")
	}
}

// TestPetShopForm holds that a folder of the same form is read wherever its
// issues are, and that the service at fault is found in it.
func TestPetShopForm(t *testing.T) {
	header := "microservice,a,a,a,b,b,b\nmetric,latency,availability,requests,latency,availability,requests\nstatistic,Average,Average,Sum,Average,Average,Sum\nunix_timestamp,,,,,,\n"
	rows := func(from, n int, a, b string) string {
		var s strings.Builder
		for i := range n {
			ts := 1_700_000_000 + 300*(from+i)
			jitter := []string{"0", "1", "2", "1"}[i%4]
			s.WriteString(strings.NewReplacer("T", itoa(ts), "A", a+jitter, "B", b+jitter).Replace("T.0,A,100.0,300.0,B,,290.0\n"))
		}
		return s.String()
	}
	for _, layout := range []string{"regime/test/issue_3", "regime/issue3", "issue3"} {
		root := t.TempDir()
		home := filepath.Join(root, strings.Split(layout, "/")[0])
		if !strings.Contains(layout, "/") {
			home = root
		}
		write := func(name, text string) {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(filepath.Join(home, "noissue", "metrics.csv"), header+rows(0, 60, "0.10", "0.02"))
		write(filepath.Join(home, "graph.csv"), ",a,b\na,0.0,1.0\nb,0.0,0.0\n")
		write(filepath.Join(root, layout, "metrics.csv"), header+rows(900, 6, "0.90", "0.80"))
		write(filepath.Join(root, layout, "target.json"), `{"target":{"node":"a","metric":"latency","agg":"Average"},"root_cause":{"node":"b"}}`)
		got, err := evalPetShop(t.Context(), &bytes.Buffer{}, root, options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || got[0].cases != 1 || got[0].top1 != 1 || got[0].healthy != 3 || got[0].falsely != 0 {
			t.Errorf("%s: got %+v", layout, got[0])
		}
	}
}

func itoa(n int) string {
	if n == 0 {
		return ""
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

func TestZScore(t *testing.T) {
	at := func(i int) time.Time { return time.Unix(int64(i), 0) }
	points := func(v ...float64) (out []incident.Point) {
		for i, x := range v {
			out = append(out, incident.Point{At: at(i), Value: x})
		}
		return out
	}
	for _, tc := range []struct {
		name   string
		points []incident.Point
		want   float64
		ok     bool
	}{
		{"two deviations", points(1, -1, 1, -1, 2), 2, true},
		{"constant past", points(1, 1, 1, 1, 2), 0, false},
		{"nothing after", points(1, 2, 3, 4), 0, false},
		{"no past", nil, 0, false},
	} {
		if z, ok := zScore(tc.points, at(3)); ok != tc.ok || math.Abs(z-tc.want) > 1e-9 {
			t.Errorf("%s: got %v, %v; want %v, %v", tc.name, z, ok, tc.want, tc.ok)
		}
	}
}

func TestTable(t *testing.T) {
	suspects := []incident.Suspect{{Service: "a", Cause: "x", Score: 0.8}, {Service: "b", Cause: "y", Score: 0.4}}
	r := &row{set: "some", answered: statistics}
	r.add(question{service: "a", cause: "x"}, answer{suspects: suspects, took: time.Millisecond}, true)
	r.add(question{service: "b", cause: "y"}, answer{suspects: suspects, took: 3 * time.Millisecond}, true)
	r.add(question{service: "b", cause: "z"}, answer{suspects: suspects, took: 5 * time.Millisecond}, true)
	r.add(question{}, answer{took: 2 * time.Millisecond}, true)
	r.add(question{}, answer{suspects: suspects, took: 4 * time.Millisecond}, true)
	var out bytes.Buffer
	write(&out, "title", []*row{r, {set: "empty", answered: "nobody"}})
	for _, want := range []string{"some", "3   33.3%   66.7%           1 of 2", "0.392      3ms", "0       -       -                -      -       0s"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}
