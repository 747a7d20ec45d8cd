// Package awstest holds what the tests of AWS adapters share: a server that
// speaks AWS's wire protocols to the real SDK clients, the answers that the SDK
// itself is tested with, and Conform, the promises that every adapter keeps.
package awstest

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/encoding/cbor"

	"vigil/activities"
)

// Credentials that requests are signed with. They are in no error message.
const (
	AccessKeyID     = "AKIAIOSFODNN7EXAMPLE"
	SecretAccessKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	SessionToken    = "session-canary-5f1d"
)

// RequestID is what every answer of a Server carries.
const RequestID = "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE"

// Answer is one HTTP answer.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON is a successful answer of a JSON protocol.
func JSON(body string) Answer {
	return Answer{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
}

// CBOR is a successful answer of the RPC v2 CBOR protocol.
func CBOR(body cbor.Value) Answer {
	return Answer{Status: 200, Header: http.Header{"Content-Type": {"application/cbor"}, "Smithy-Protocol": {"rpc-v2-cbor"}}, Body: cbor.Encode(body)}
}

// XML is a successful answer of the query protocol: result is what stands in
// the element that is named after the operation.
func XML(operation, result string) Answer {
	return Answer{Status: 200, Header: http.Header{"Content-Type": {"text/xml"}}, Body: fmt.Appendf(nil,
		"<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>", operation, result)}
}

// queryAction is the operation that a request of the query protocol asks for;
// "" where it speaks another.
func queryAction(r *http.Request, body []byte) string {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return ""
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return ""
	}
	return form.Get("Action")
}

// Exception is an error as the protocol of r has it.
func Exception(r *http.Request, status int, code, message string) Answer {
	h := http.Header{"X-Amzn-Errortype": {code}}
	if r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor" {
		h.Set("Content-Type", "application/cbor")
		h.Set("Smithy-Protocol", "rpc-v2-cbor")
		return Answer{Status: status, Header: h, Body: cbor.Encode(cbor.Map{"__type": cbor.String(code), "message": cbor.String(message)})}
	}
	var escaped bytes.Buffer
	if err := xml.EscapeText(&escaped, []byte(message)); err != nil {
		panic(err) // a buffer takes all
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return Answer{Status: status, Header: http.Header{"Content-Type": {"text/xml"}},
			Body: fmt.Appendf(nil, `<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`, code, &escaped)}
	}
	if r.URL.Query().Has("x-id") { // S3
		return Answer{Status: status, Header: http.Header{"Content-Type": {"application/xml"}},
			Body: fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, &escaped)}
	}
	h.Set("Content-Type", "application/json")
	return Answer{Status: status, Header: h, Body: fmt.Appendf(nil, `{"__type":%q,"message":%q}`, code, message)}
}

// Server answers SDK clients. Answer may be called from many requests at once.
type Server struct {
	URL string

	mu       sync.Mutex
	requests []Request
}

// Request is one request that a Server got.
type Request struct {
	Operation string
	Path      string
	Header    http.Header
	Body      []byte
}

// Serve starts a server for the life of the test.
func Serve(t testing.TB, answer func(op string, r *http.Request, body []byte) Answer) *Server {
	t.Helper()
	s := &Server{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client is gone
		}
		op := cmp.Or(queryAction(r, body), operation(r))
		s.mu.Lock()
		s.requests = append(s.requests, Request{Operation: op, Path: r.URL.EscapedPath(), Header: r.Header.Clone(), Body: body})
		s.mu.Unlock()
		a := answer(op, r, body)
		w.Header().Set("X-Amzn-Requestid", RequestID)
		for k, v := range a.Header {
			w.Header()[k] = v
		}
		w.WriteHeader(a.Status)
		_, _ = w.Write(a.Body) // a client that is gone is no matter of the server's
	}))
	t.Cleanup(srv.Close)
	s.URL = srv.URL
	return s
}

// Requests returns what came in so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Config is a configuration that leads to url.
func Config(url string) aws.Config {
	return aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(url),
		Credentials: credentials.NewStaticCredentialsProvider(AccessKeyID, SecretAccessKey, SessionToken)}
}

// operation is the API operation that a request asks for.
func operation(r *http.Request) string {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target[strings.LastIndex(target, ".")+1:]
	}
	if id := r.URL.Query().Get("x-id"); id != "" { // S3
		return id
	}
	switch last := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]; last {
	case "retrieve":
		if strings.HasPrefix(r.URL.Path, "/memories/") {
			return "RetrieveMemoryRecords"
		}
		return "Retrieve"
	case "events":
		return "CreateEvent"
	case "text":
		return "InvokeAgent"
	case "conversations":
		return "ChatSync"
	case "relevant-content":
		return "SearchRelevantContent"
	case "converse-stream":
		return "ConverseStream"
	case "converse":
		return "Converse"
	case "apply":
		return "ApplyGuardrail"
	case "ServiceGraph":
		return "GetServiceGraph"
	default:
		return last
	}
}

// Snapshot is the answer that the SDK's own tests of an operation read: every
// member that the service can send, filled. It ships with the SDK's module.
func Snapshot(t testing.TB, module, operation string) Answer {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/"+module).Output()
	if err != nil {
		t.Fatalf("find the module of %s: %v", module, err)
	}
	raw, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "response_snapshot", operation+".response.snap"))
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(bytes.NewReader(raw))
	a := Answer{Header: http.Header{}}
	for first := true; ; first = false {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("the snapshot of %s has no body: %v", operation, err)
		}
		line = strings.TrimRight(line, "\r\n")
		switch {
		case first:
			if a.Status, err = strconv.Atoi(line); err != nil {
				t.Fatal(err)
			}
			continue
		case line != "":
			name, value, _ := strings.Cut(line, ": ")
			a.Header.Add(name, value)
			continue
		}
		break
	}
	if a.Body, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	return a
}

// Recorder keeps the calls that adapters report.
type Recorder struct {
	mu    sync.Mutex
	calls []activities.Call
}

// Record keeps c.
func (r *Recorder) Record(c activities.Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
}

// Calls returns what was reported so far.
func (r *Recorder) Calls() []activities.Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]activities.Call(nil), r.calls...)
}
