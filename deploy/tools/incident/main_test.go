package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, fault, answer string
		status              int
		says, fails         string
		stubborn            int
	}{
		{"begins", "memory_leak", `{"tick_ms":5000,"faults":[{"fault":"memory_leak","service":"payments","phase":"active"}]}`, 202, "began in payments", "", 0},
		{"is stubborn", "memory_leak", `{"tick_ms":5000}`, 202, "first 2 kinds", "", 2},
		{"says when", "memory_leak", `{"tick_ms":5000}`, 202, "within 1m15s", "", 0},
		{"clears", "clear", `{}`, 200, "recovers", "", 0},
		{"is refused", "memory_leak", `{"error":"a fault is active already"}`, 409, "", "a fault is active already", 0},
		{"is no sandbox", "memory_leak", `<html>`, 200, "", "no world", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var asked string
			var sent struct {
				Fault    string
				Stubborn int
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.Method + " " + r.URL.Path
				if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
					t.Error(err)
				}
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.answer)) // the client notices
			}))
			defer server.Close()
			var out strings.Builder
			err := run(&out, strings.TrimPrefix(server.URL, "http://"), "gateway", tc.fault, tc.stubborn)
			if sent.Fault != tc.fault || sent.Stubborn != tc.stubborn {
				t.Errorf("sent %+v", sent)
			}
			if asked != "POST /_world/fault" {
				t.Errorf("asked %q", asked)
			}
			if tc.fails == "" && (err != nil || !strings.Contains(out.String(), tc.says)) {
				t.Errorf("said %q, %v; want %q", out.String(), err, tc.says)
			}
			if tc.fails != "" && (err == nil || !strings.Contains(err.Error(), tc.fails)) {
				t.Errorf("got %v, want an error that says %q", err, tc.fails)
			}
		})
	}
}

func TestNoSandbox(t *testing.T) {
	t.Parallel()
	if err := run(&strings.Builder{}, "127.0.0.1:1", "gateway", "memory_leak", 0); err == nil || !strings.Contains(err.Error(), "task dev") {
		t.Errorf("got %v", err)
	}
}
