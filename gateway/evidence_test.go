package gateway_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigil/activities/keeper"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// kept writes content as a worker keeps it and returns the reference that a
// worker would give, which knows the directory by another name.
func kept(t testing.TB, dir, content string) (ref, path string) {
	t.Helper()
	sum := sha256.Sum256([]byte(content))
	name := hex.EncodeToString(sum[:])
	path = filepath.Join(dir, name[:2], name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, []byte(content), 0o600))
	return (&url.URL{Scheme: "file", Path: "/var/lib/worker/evidence/" + name[:2] + "/" + name}).String(), path
}

func TestWholeEvidence(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	keep, err := keeper.NewDirectory(dir) // as workers keep it
	must(t, err)
	good, err := keep.Keep(t.Context(), []byte(`{"id":"E1","series":[]}`))
	must(t, err)
	elsewhere, _ := kept(t, dir, `{"id":"E0"}`)
	changed, path := kept(t, dir, `{"id":"E2"}`)
	must(t, os.WriteFile(path, []byte(`{"id":"EX"}`), 0o600))
	gone, path := kept(t, dir, `{"id":"E3"}`)
	must(t, os.Remove(path))
	linked, path := kept(t, dir, `{"secret":true}`)
	must(t, os.Rename(path, filepath.Join(outside, "secret")))
	must(t, os.Symlink(filepath.Join(outside, "secret"), path))
	notJSON, _ := kept(t, dir, "<script>")
	must(t, os.WriteFile(filepath.Join(dir, "tokens.yaml"), []byte(`{}`), 0o600))

	r := start(t, func(s *setup) { s.cfg.EvidenceDir = dir })
	r.open("inc-1")
	cases := []struct {
		id, ref string
		bytes   int64
		status  int
		words   string
	}{
		{"E1", good, 99, 200, ""},
		{"E0", elsewhere, 99, 200, ""},
		{"E2", changed, 99, 409, "its hash is another"},
		{"E3", gone, 99, 404, "not there any more"},
		{"E4", linked, 99, 503, "cannot be read"},
		{"E5", notJSON, 99, 409, "not what was kept"},
		{"E6", "s3://evidence/vigil/abc", 99, 409, "kept at s3://evidence/vigil/abc"},
		{"E7", "", 99, 404, "only the shortened form"},
		{"E8", "", 0, 404, "was not shortened"},
		{"E9", "file:///etc/passwd", 99, 409, "kept at file:///etc/passwd"},
		{"E10", "file://" + dir + "/tokens.yaml", 99, 409, "kept at"},
		{"E11", "file://" + dir + "/ab/../../" + filepath.Base(outside) + "/secret", 99, 409, "kept at"},
		{"E12", "\x00", 99, 409, "kept at"},
	}
	for i, c := range cases {
		r.publish("inc-1", int64(i+2), &event.EvidenceCollected{Evidence: incident.Evidence{ID: c.id, Kind: incident.EvidenceMetric, Ref: c.ref, Bytes: c.bytes}})
	}
	r.until("inc-1", int64(len(cases)+1))
	for _, c := range cases {
		a := r.expect(c.id, r.do("GET", "/api/v1/incidents/inc-1/evidence/"+c.id+"/whole", nil, as(incident.RoleViewer)), c.status, c.words)
		if c.status == 200 && (!strings.HasPrefix(string(a.body), `{"id":"`+c.id+`"`) || a.header.Get("Content-Type") != "application/json") {
			t.Errorf("%s is %s %s", c.id, a.header.Get("Content-Type"), a.body)
		}
	}
	for _, path := range []string{"/api/v1/incidents/inc-1/evidence/E99/whole", "/api/v1/incidents/none/evidence/E1/whole",
		"/api/v1/incidents/inc-1/evidence/..%2f..%2ftokens.yaml/whole"} {
		r.expect(path, r.do("GET", path, nil, as(incident.RoleViewer)), 404, "")
	}
	without := start(t)
	without.open("inc-1")
	without.publish("inc-1", 2, &event.EvidenceCollected{Evidence: incident.Evidence{ID: "E1", Ref: good, Bytes: 99}})
	without.until("inc-1", 2)
	without.expect("no directory", without.do("GET", "/api/v1/incidents/inc-1/evidence/E1/whole", nil, as(incident.RoleViewer)), 409, "--evidence-dir")
}

const wholeContent = `{"id":"E-whole"}`

// withKept gives a gateway a directory in which a piece of evidence is kept.
func withKept(s *setup) { s.cfg.EvidenceDir = filepath.Join(s.cfg.DataDir, "evidence") }

// publishKept publishes that piece as event seq of an incident.
func (r *rig) publishKept(id string, seq int64) {
	r.tb.Helper()
	ref, _ := kept(r.tb, filepath.Join(r.dir, "evidence"), wholeContent)
	r.publish(id, seq, &event.EvidenceCollected{Evidence: incident.Evidence{ID: "E-whole", Kind: incident.EvidenceMetric, Ref: ref, Bytes: int64(len(wholeContent)),
		Provenance: incident.Provenance{Origin: incident.OriginLive}}})
	r.until(id, seq)
}
