package incident_test

import (
	"encoding/json"
	"os"
	"testing"

	"vigil/workflows/incident"
)

// TestActionHashes holds the hashes of testdata/actions.json, which the
// dashboards compute from the same file: both have to agree on every character,
// every number and every absent field.
func TestActionHashes(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/actions.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		About  string          `json:"about"`
		Action incident.Action `json:"action"`
		Hash   string          `json:"hash"`
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatal("testdata/actions.json has no vector")
	}
	for _, v := range vectors {
		if have := v.Action.Hash(); have != v.Hash {
			t.Errorf("%s: hash %s, wanted %s", v.About, have, v.Hash)
		}
	}
}
