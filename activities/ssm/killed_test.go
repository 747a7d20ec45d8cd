package ssm_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"vigil/activities"
	"vigil/activities/internal/awstest"
	"vigil/activities/ssm"
	"vigil/workflows/incident"
)

// TestKilledWhilePreparing: a kill switch that is thrown while a role is taken
// on stops the effect.
func TestKilledWhilePreparing(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(op string, _ *http.Request, _ []byte) awstest.Answer {
		if op != "AssumeRole" {
			t.Errorf("%s was sent", op)
		}
		time.Sleep(awstest.Slow)
		return awstest.XML("AssumeRole", `<Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2026-11-23T12:15:00Z</Expiration></Credentials>`)
	})
	x := mustExecutor(t, awstest.Config(s.URL), ssm.Config{Roles: map[incident.ActionType]string{incident.ActionRestartService: "arn:aws:iam::111122223333:role/vigil-act-restart"}}, nil)
	if err := awstest.Killed(t, x, restart); err == nil || activities.KindOf(err) != incident.KindConflict {
		t.Errorf("%v, want a refusal", err)
	}
}

// TestKilledWhileConnecting: and one that is thrown while a connection is made.
func TestKilledWhileConnecting(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(op string, _ *http.Request, _ []byte) awstest.Answer {
		t.Errorf("%s was sent", op)
		return awstest.Answer{Status: 500}
	})
	cfg := awstest.Config(s.URL)
	cfg.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: awstest.SlowDial}}
	if err := awstest.Killed(t, mustExecutor(t, cfg, ssm.Config{}, nil), restart); err == nil || activities.KindOf(err) != incident.KindConflict || !strings.Contains(err.Error(), "the kill switch is on") {
		t.Errorf("%v, want a refusal", err)
	}
}
