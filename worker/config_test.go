package worker

import (
	"flag"
	"io"
	"strings"
	"testing"

	"vigil/workflows/incident"
)

func configured(t *testing.T, args ...string) (incident.Settings, error) {
	t.Helper()
	c := DefaultConfig()
	fs := flag.NewFlagSet("worker", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	c.Flags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return c.settings()
}

func TestBadSettingsSayWhatWouldBeRight(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--verify-points=1", "use 2 or more"},
		{"--lookback=0s", "must be positive"},
		{"--escalation-ladder=,", "name at least one level"},
		{"--alert-queue-url=" + aQueue, "say so with --gateway-url"},
		{"--gateway-url=http://gateway:8080", "name a queue with --alert-queue-url"},
		{"--alert-queue-url=vigil-alerts --gateway-url=http://gateway:8080", "aws sqs get-queue-url prints it"},
		{"--alert-queue-url=" + aQueue + " --alert-queue-url=" + aQueue + " --gateway-url=http://gateway:8080", "names 111122223333/vigil-alerts twice"},
		{"--alert-queue-url=" + aQueue + " --gateway-url=gateway:8080", "write it as https://"},
		{"--alert-queue-url=" + aQueue + " --gateway-url=http://gateway:8080 --gateway-token-file=/nowhere", "read --gateway-token-file"},
		{"--alert-queue-url=" + aQueue + " --gateway-url=http://gateway:8080 --alert-queue-batch=11", "1 to 10"},
	} {
		_, err := configured(t, strings.Fields(c.args)...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, wanted %q in it", c.args, err, c.want)
		}
	}
}

const aQueue = "https://sqs.eu-west-1.amazonaws.com/111122223333/vigil-alerts"

// Queues may be named one by one and several at a time; nobody need use any.
func TestQueuesAreNamedInParts(t *testing.T) {
	c := DefaultConfig()
	fs := flag.NewFlagSet("worker", flag.ContinueOnError)
	c.Flags(fs)
	err := fs.Parse([]string{"--alert-queue-url", aQueue + ", " + aQueue + "2", "--alert-queue-url", aQueue + "3", "--gateway-url", "http://gateway:8080"})
	if err != nil || strings.Join(c.QueueURLs, " ") != aQueue+" "+aQueue+"2 "+aQueue+"3" || fs.Lookup("alert-queue-url").Value.String() != strings.ReplaceAll(strings.Join(c.QueueURLs, " "), " ", ",") {
		t.Errorf("%v, %v", err, c.QueueURLs)
	}
	if _, err := c.settings(); err != nil {
		t.Error(err)
	}
}

func TestAdminCommandIsComplete(t *testing.T) {
	got := adminCommand("prod", searchAttributes)
	want := "  temporal operator search-attribute create --namespace prod --name IncidentNeedsHuman --type Bool" +
		" --name IncidentPhase --type Keyword --name IncidentService --type Keyword --name IncidentSeverity --type Keyword"
	if got != want {
		t.Errorf("got\n%s\nwanted\n%s", got, want)
	}
}

// A worker that uses AWS for nothing but a queue need not be told a region:
// the queue's URL names it.
func TestQueuesNeedNoRegion(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	c := DefaultConfig()
	c.QueueURLs = []string{aQueue, aQueue + ".fifo"}
	queues, err := openQueues(t.Context(), c, Deps{}, nil)
	if err != nil || len(queues) != 2 || queues[0].Name() != "111122223333/vigil-alerts" || queues[1].Name() != "111122223333/vigil-alerts.fifo" {
		t.Errorf("%v, %v", queues, err)
	}
}
