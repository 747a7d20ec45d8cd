package actionrole_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vigil/activities"
	"vigil/activities/internal/actionrole"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

const role = "arn:aws:iam::111122223333:role/vigil-act-scale"

var effect = incident.Effect{IncidentID: "inc-checkout-7f3k2m", ActionHash: "9f86d081", Step: 2, Undo: true, Type: incident.ActionScaleService, Target: "checkout"}

func needs(p actionrole.Place) []actionrole.Statement {
	return []actionrole.Statement{{Effect: "Allow", Action: []string{"ecs:UpdateService"}, Resource: []string{"arn:" + p.Partition + ":ecs:" + p.Region + ":" + p.Account + ":service/prod/checkout"}}}
}

func mustRoles(t *testing.T, s *awstest.Server, rec activities.Recorder) *actionrole.Roles {
	t.Helper()
	r, err := actionrole.New(awstest.Config(s.URL), map[incident.ActionType]string{incident.ActionScaleService: role}, rec)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer {
		return awstest.XML("AssumeRole", `<Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2026-11-23T12:15:00Z</Expiration></Credentials>`)
	})
	rec := &awstest.Recorder{}
	provider, err := mustRoles(t, s, rec).Credentials(t.Context(), effect, needs)
	if err != nil {
		t.Fatal(err)
	}
	c, err := provider.Retrieve(t.Context())
	if err != nil || c.AccessKeyID != "ASIA1" || c.SessionToken != "token" {
		t.Errorf("%+v, %v", c, err)
	}
	form, err := url.ParseQuery(string(s.Requests()[0].Body))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"RoleArn": role, "RoleSessionName": "vigil-" + effect.Token(), "SourceIdentity": effect.IncidentID, "DurationSeconds": "900",
		"Policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecs:UpdateService"],"Resource":["arn:aws:ecs:us-east-1:111122223333:service/prod/checkout"]}]}`} {
		if form.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, form.Get(name), want)
		}
	}
	if calls := rec.Calls(); len(calls) != 1 || calls[0].Provenance.Service != "sts" {
		t.Errorf("recorded %+v", calls)
	}
}

// TestRefusals: an effect that gets no credentials has not happened, whatever
// the reason.
func TestRefusals(t *testing.T) {
	t.Parallel()
	exception := func(status int, code string) func(*http.Request) awstest.Answer {
		return func(r *http.Request) awstest.Answer { return awstest.Exception(r, status, code, "no") }
	}
	for name, c := range map[string]struct {
		answer func(*http.Request) awstest.Answer
		change func(*incident.Effect)
		want   incident.Kind
		sent   int
	}{
		"forbidden":      {exception(403, "AccessDenied"), nil, incident.KindDenied, 1},
		"a bad policy":   {exception(400, "MalformedPolicyDocument"), nil, incident.KindInvalid, 1},
		"throttled":      {exception(400, "Throttling"), nil, incident.KindThrottled, 1},
		"away":           {exception(503, "ServiceUnavailable"), nil, incident.KindConflict, 1},
		"broken":         {func(*http.Request) awstest.Answer { panic(http.ErrAbortHandler) }, nil, incident.KindConflict, 1},
		"no credentials": {func(*http.Request) awstest.Answer { return awstest.XML("AssumeRole", "") }, nil, incident.KindConflict, 1},
		"no role":        {nil, func(e *incident.Effect) { e.Type = incident.ActionDrainTraffic }, incident.KindDenied, 0},
		"no class":       {nil, func(e *incident.Effect) { e.Type = "" }, incident.KindDenied, 0},
		"no incident":    {nil, func(e *incident.Effect) { e.IncidentID = "" }, incident.KindInvalid, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Serve(t, func(_ string, r *http.Request, _ []byte) awstest.Answer { return c.answer(r) })
			e := effect
			if c.change != nil {
				c.change(&e)
			}
			got, err := mustRoles(t, s, nil).Credentials(t.Context(), e, needs)
			if got != nil || err == nil || incident.KindOf(err) != c.want || len(s.Requests()) != c.sent {
				t.Errorf("%v, %v after %d requests; want %s after %d", got, err, len(s.Requests()), c.want, c.sent)
			}
		})
	}
	s := awstest.Serve(t, nil)
	long := func(actionrole.Place) []actionrole.Statement {
		return []actionrole.Statement{{Resource: []string{strings.Repeat("x", 2048)}}}
	}
	if _, err := mustRoles(t, s, nil).Credentials(t.Context(), effect, long); incident.KindOf(err) != incident.KindInvalid || len(s.Requests()) != 0 {
		t.Errorf("a policy that is too long: %v", err)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for arn, class := range map[string]incident.ActionType{"vigil": incident.ActionScaleService, "arn:aws:iam::1:user/x": incident.ActionScaleService,
		"arn:aws:s3:::role/x": incident.ActionScaleService, role: "dance", "arn:aws:iam::1:role/*": incident.ActionScaleService} {
		if _, err := actionrole.New(awstest.Config("http://127.0.0.1"), map[incident.ActionType]string{class: arn}, nil); err == nil || incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("%s for %s: %v", arn, class, err)
		}
	}
	none, err := actionrole.New(awstest.Config("http://127.0.0.1"), nil, nil)
	if err != nil || none != nil {
		t.Fatal(none, err)
	}
	if p, err := none.Credentials(t.Context(), incident.Effect{}, needs); p != nil || err != nil {
		t.Errorf("without roles: %v, %v", p, err)
	}
}

var allowed = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// TestSourceIdentity: whatever an incident is called, STS takes its identity,
// ids that it takes as they are stay as they are, and no two become one.
func TestSourceIdentity(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.OneOf(rapid.StringN(1, 200, -1), rapid.StringMatching(`[a-z0-9-]{1,70}`), rapid.StringMatching(`a{60}[/ ]{1,9}`)), 2, 2, rapid.ID[string]).Draw(t, "ids")
		var got [2]string
		for i, id := range ids {
			var err error
			if got[i], err = actionrole.SourceIdentity(id); err != nil || !allowed.MatchString(got[i]) {
				t.Fatalf("%q becomes %q, %v", id, got[i], err)
			}
			if allowed.MatchString(id) && got[i] != id {
				t.Fatalf("%q becomes %q", id, got[i])
			}
		}
		if got[0] == got[1] {
			t.Fatalf("%q and %q are both %q", ids[0], ids[1], got[0])
		}
	})
}

func TestStatementJSON(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(actionrole.Statement{Effect: "Allow", Action: []string{"iam:PassRole"}, Resource: []string{"*"},
		Condition: map[string]map[string]string{"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}})
	if want := `{"Effect":"Allow","Action":["iam:PassRole"],"Resource":["*"],"Condition":{"StringEquals":{"iam:PassedToService":"ssm.amazonaws.com"}}}`; err != nil || string(raw) != want {
		t.Errorf("%s, %v", raw, err)
	}
}
