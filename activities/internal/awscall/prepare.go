package awscall

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"vigil/activities/internal/sendguard"
	"vigil/workflows/incident"
)

// simulatedHeader is set on every answer that does not come from AWS.
const simulatedHeader = "X-Vigil-Simulated"

// connectTimeout bounds dialling: an address that does not answer in this
// time will not answer at all.
const connectTimeout = 5 * time.Second

// Prepare returns cfg with what this package promises: one attempt, no
// adaptive rate limiting, a silence of at most readTimeout, and a look at every
// answer. Each adapter prepares its own copy, so it does not matter how cfg was
// loaded; preparing a prepared cfg again is a mistake that the SDK reports.
func Prepare(cfg aws.Config, readTimeout time.Duration) aws.Config {
	cfg = cfg.Copy()
	cfg.RetryMode = aws.RetryModeStandard
	cfg.RetryMaxAttempts = 1
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok && cfg.HTTPClient == nil {
		client, ok = awshttp.NewBuildableClient(), true
	}
	if ok {
		cfg.HTTPClient = client.
			WithDialerOptions(func(d *net.Dialer) { d.Timeout = connectTimeout }).
			WithReadTimeout(readTimeout)
	}
	cfg.HTTPClient = plainBodies{cfg.HTTPClient}
	cfg.APIOptions = append(cfg.APIOptions[:len(cfg.APIOptions):len(cfg.APIOptions)], func(s *middleware.Stack) error {
		return s.Deserialize.Add(middleware.DeserializeMiddlewareFunc("VigilSighting", look), middleware.After)
	})
	return cfg
}

// plainBodies hides every method of a request's body but Read and Close, and
// has the guard of an effect looked at before it is read.
//
// The SDK's body has a WriteTo that returns io.EOF once the body is closed,
// which the SDK does as soon as the headers of an answer are in. net/http may
// still be asking that body whether it has more; it takes the error for a
// broken request and tears the connection down with the answer half read
// (smithy-go v1.28.8, transport/http/internal/io/safe.go). Read, which answers
// the same question, says io.EOF without harm.
type plainBodies struct{ client aws.HTTPClient }

func (p plainBodies) Do(r *http.Request) (*http.Response, error) {
	return p.client.Do(sendguard.Hold(r))
}

// sighting is what the middleware saw of a call.
type sighting struct {
	connected atomic.Bool // from then on something may have been sent
	attempts  int
	requestID string
	origin    incident.Origin // "" where no answer came
}

type sightingKey struct{}

func look(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	seen, ok := ctx.Value(sightingKey{}).(*sighting)
	if !ok {
		return out, metadata, err
	}
	seen.attempts++
	if r, ok := out.RawResponse.(*smithyhttp.Response); ok && r != nil && r.Response != nil && r.StatusCode != 0 {
		seen.origin = incident.OriginLive
		if strings.EqualFold(r.Header.Get(simulatedHeader), "true") {
			seen.origin = incident.OriginSimulated
		}
		seen.requestID = r.Header.Get("X-Amzn-Requestid")
		if seen.requestID == "" {
			seen.requestID = r.Header.Get("X-Amz-Request-Id")
		}
	}
	return out, metadata, err
}
