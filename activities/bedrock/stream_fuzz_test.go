package bedrock_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"vigil/activities"
	"vigil/activities/bedrock"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

// FuzzStream: whatever bytes come back, there is either a whole answer or an
// error that says what kind it is, and what was read aloud is how the answer
// begins.
func FuzzStream(f *testing.F) {
	f.Add(said("end_turn", "one ", "two").Body)
	f.Add(stream(text(0, "I look."), tool(1, "t1", "query_metrics"), input(1, `{"a":`), input(1, `1}`), toolUse, metadata).Body)
	f.Add(stream(text(0, "so far"), `throttlingException {"message":"slow down"}`).Body)
	f.Add([]byte("<html>proxy</html>"))
	bodies := make(chan []byte, 1)
	s := awstest.Serve(f, func(string, *http.Request, []byte) awstest.Answer {
		a := awstest.Stream()
		a.Body = <-bodies
		return a
	})
	m := mustModel(f, awstest.Config(s.URL), bedrock.Config{}, nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		bodies <- body
		var aloud strings.Builder
		reply, err := m.Converse(t.Context(), ask, func(p string) { aloud.WriteString(p) })
		if err != nil {
			var e *incident.Error
			var paid *activities.PaidError
			if !errors.As(err, &e) || !errors.As(err, &paid) || paid.Provenance.Usage == nil {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		if reply.Text != aloud.String() || reply.StopReason == "" || reply.Text == "" && len(reply.Calls) == 0 {
			t.Errorf("%+v after %q", reply, aloud.String())
		}
	})
}
