package awscall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"vigil/workflows/incident"
)

// errRendered ends a call whose request is wanted and not its answer.
var errRendered = errors.New("rendered, not sent")

// Render returns the body of a request exactly as the SDK writes it, and sends
// nothing: call makes the call of a JSON protocol with the option it is given,
// which takes the request out of the SDK's hands before it has an address or a
// signature.
func Render(call func(option func(*middleware.Stack) error) error) (json.RawMessage, error) {
	var body []byte
	err := call(func(s *middleware.Stack) error {
		return s.Serialize.Add(middleware.SerializeMiddlewareFunc("VigilRender", func(_ context.Context, in middleware.SerializeInput, _ middleware.SerializeHandler) (
			out middleware.SerializeOutput, metadata middleware.Metadata, err error) {
			r, ok := in.Request.(*smithyhttp.Request)
			if !ok {
				return out, metadata, fmt.Errorf("a request of type %T", in.Request)
			}
			if body, err = io.ReadAll(r.GetStream()); err != nil {
				return out, metadata, err
			}
			return out, metadata, errRendered
		}), middleware.After)
	})
	switch {
	case !errors.Is(err, errRendered):
		return nil, incident.Errorf(incident.KindInvalid, "the request cannot be written: %v", err)
	case !json.Valid(body):
		return nil, incident.Errorf(incident.KindInternal, "the request is no JSON; is it of a JSON protocol?")
	}
	return body, nil
}
