package notify_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"vigil/activities/notify"
)

// TestDocumentedFile: the file that is documented is taken, and what it calls
// the default is the default.
func TestDocumentedFile(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../deploy/docs/telling-people.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(raw), "```yaml\n# notify.yaml\n")
	file, _, ended := strings.Cut(after, "```")
	if !found || !ended {
		t.Fatal("there is no notification file in the documentation")
	}
	f := mustParse(t, file)
	if !reflect.DeepEqual(f.Escalation, notify.DefaultEscalation) || len(f.Skipped) != 0 {
		t.Errorf("%v, %v", f.Escalation, f.Skipped)
	}
	if len(f.Nobody([]string{"on-call", "engineering leads"})) != 0 {
		t.Error("the default ladder has levels that are no teams")
	}
}
