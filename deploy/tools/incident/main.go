// Command incident makes something go wrong in the sandbox that `task dev`
// runs, and says what to look at. The incident itself is opened by the alarm
// that the world raises when it notices.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"vigil/deploy/sandbox/world"
)

// alarmTicks is how many steps of the world a fault takes at most until the
// alarm is raised.
const alarmTicks = 15

func main() {
	sandbox := flag.String("sandbox", env("VIGIL_SANDBOX_ADDR", "127.0.0.1:4566"), "`address` of the sandbox")
	gateway := flag.String("gateway", env("VIGIL_GATEWAY_ADDR", "127.0.0.1:8080"), "`address` of the gateway")
	stubborn := flag.Int("stubborn", 0, "how many kinds of right `actions` do nothing before one helps")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: incident [--stubborn N] [FAULT | clear]\n\nFaults: "+strings.Join(names(), ", "))
		flag.PrintDefaults()
	}
	flag.Parse()
	fault := "bad_deployment"
	if flag.NArg() > 0 {
		fault = flag.Arg(0)
	}
	if err := run(os.Stdout, *sandbox, *gateway, fault, *stubborn); err != nil {
		fmt.Fprintln(os.Stderr, "incident:", err)
		os.Exit(1)
	}
}

// names are the faults, and the false alarms, of the world.
func names() []string {
	var out []string
	for _, f := range append(slices.Clone(world.Faults), world.FalseAlarms...) {
		out = append(out, string(f))
	}
	return out
}

// state is what of the world's answer is needed.
type state struct {
	TickMS int64 `json:"tick_ms"`
	Faults []struct {
		Fault   string `json:"fault"`
		Service string `json:"service"`
		Phase   string `json:"phase"`
	} `json:"faults"`
}

func run(out io.Writer, sandbox, gateway, fault string, stubborn int) error {
	s, err := start(sandbox, fault, stubborn)
	if err != nil {
		return err
	}
	if fault == "clear" {
		fmt.Fprintln(out, "The fault is over; the telemetry recovers over the next points.")
		return nil
	}
	service := "a service"
	for _, f := range s.Faults {
		if f.Fault == fault && f.Phase == "active" {
			service = f.Service
		}
	}
	within := alarmTicks * time.Duration(s.TickMS) * time.Millisecond
	fmt.Fprintf(out, `%s began in %s. It builds up; the sandbox raises its alarm within %s.

  Watch it      http://%s/ops
  The world     http://%s/_world
  AWS calls     http://%s/_calls
  What was done http://%s/_effects
`, fault, service, within, gateway, sandbox, sandbox, sandbox)
	if stubborn > 0 {
		fmt.Fprintf(out, "\nIt is stubborn: the first %d kinds of right actions succeed and do nothing.\n", stubborn)
	}
	return nil
}

// start asks the sandbox for the fault.
func start(sandbox, fault string, stubborn int) (state, error) {
	body, err := json.Marshal(map[string]any{"fault": fault, "stubborn": stubborn})
	if err != nil {
		return state{}, err
	}
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Post("http://"+sandbox+"/_world/fault", "application/json", bytes.NewReader(body))
	if err != nil {
		return state{}, fmt.Errorf("no sandbox answers at %s: %w; is `go tool task dev` running?", sandbox, err)
	}
	raw, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return state{}, fmt.Errorf("read the sandbox's answer: %w", err)
	}
	if resp.StatusCode >= 300 {
		return state{}, fmt.Errorf("the sandbox refuses %s: %s: %s", fault, resp.Status, strings.TrimSpace(string(raw)))
	}
	var s state
	if err := json.Unmarshal(raw, &s); err != nil {
		return state{}, fmt.Errorf("the sandbox answers what is no world: %w", err)
	}
	return s, nil
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}
