package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		env  map[string]string
		out  string // in what is printed
		err  string // in the error; "" is none
	}{
		{name: "help", args: []string{"--help"}, out: "--dev-principal"},
		{name: "help names every flag", args: []string{"-h"}, out: "-max-alert-bytes"},
		{name: "nobody may use it", err: "--token-file, or --dev-principal"},
		{name: "from the environment", env: map[string]string{"VIGIL_DEV_PRINCIPAL": "true", "VIGIL_LISTEN": ":8080"}, err: "listen on 127.0.0.1"},
		{name: "a flag before the environment", args: []string{"--listen", "nowhere"}, env: map[string]string{"VIGIL_LISTEN": ":8080"}, err: `"nowhere"`},
		{name: "unknown flag", args: []string{"--bogus"}, err: "bogus; see gateway --help"},
		{name: "unknown command", args: []string{"serve"}, err: `"serve" is not a command`},
		{name: "log level", args: []string{"--log-level", "loud"}, err: "debug, info, warn or error"},
		{name: "token", args: []string{"token", "alice", "approver"}, out: "token_sha256: "},
		{name: "token without role", args: []string{"token", "alice"}, err: "gateway token alice approver"},
		{name: "secret", args: []string{"secret"}, out: `sha256: ["`},
		{name: "secret of somebody", args: []string{"secret", "datadog"}, err: "takes no arguments"},
		{name: "sources file", args: []string{"--dev-principal", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir(), "--sources-file", "nowhere.yaml"}, err: "read the sources file (--sources-file)"},
		{name: "token with unknown role", args: []string{"token", "alice", "boss"}, err: "use viewer, responder"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			var out bytes.Buffer
			err := run(t.Context(), c.args, &out, &out)
			if !strings.Contains(out.String(), c.out) {
				t.Errorf("printed %q, want %q in it", &out, c.out)
			}
			if (c.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q in it", err, c.err)
			}
		})
	}
}
