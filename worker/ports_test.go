package worker

import (
	"testing"
	"time"

	"vigil/workflows/incident"
)

func TestOneDeploymentFromTwoSourcesIsOneChange(t *testing.T) {
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	got := once([]incident.Change{
		{Service: "checkout", Kind: "deployment", Version: "42", Before: "41", At: at},
		{Service: "checkout", Kind: "deployment", Actor: "ci", At: at.Add(2 * time.Second)},
		{Service: "checkout", Kind: "deployment", Version: "43", At: at.Add(4 * time.Second)},
		{Service: "checkout", Kind: "configuration", At: at.Add(4 * time.Second)},
		{Service: "checkout", Kind: "deployment", Version: "42", At: at.Add(time.Minute)},
	})
	if len(got) != 4 || got[0].Actor != "ci" || got[0].Before != "41" {
		t.Errorf("%+v", got)
	}
}
