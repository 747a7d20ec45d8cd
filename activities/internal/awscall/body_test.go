package awscall

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

type client func(*http.Request) (*http.Response, error)

func (c client) Do(r *http.Request) (*http.Response, error) { return c(r) }

// The SDK's request body answers WriteTo with io.EOF once it is closed, which
// net/http takes for a broken request: whatever adapter is used, net/http must
// never see that method.
func TestRequestBodiesHaveNoWriteTo(t *testing.T) {
	seen := false
	cfg := Prepare(aws.Config{HTTPClient: client(func(r *http.Request) (*http.Response, error) {
		seen = true
		if _, ok := r.Body.(io.WriterTo); ok {
			t.Error("the body has WriteTo")
		}
		raw, err := io.ReadAll(r.Body)
		if string(raw) != "hello" || err != nil {
			t.Errorf("the body reads %q, %v", raw, err)
		}
		return &http.Response{Body: http.NoBody}, nil
	})}, 0)
	r, err := http.NewRequest(http.MethodPost, "http://example.invalid", io.NopCloser(strings.NewReader("hello")))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Body.(io.WriterTo); !ok {
		t.Fatal("the request of this test has no WriteTo to begin with")
	}
	if _, err := cfg.HTTPClient.Do(r); err != nil || !seen {
		t.Fatal(err, seen)
	}
}
