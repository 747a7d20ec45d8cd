package bedrock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	smithydocument "github.com/aws/smithy-go/document"
)

// toDocument makes the SDK's document of a JSON object, which is what both
// schemas and inputs of tools are. Numbers keep their digits.
func toDocument(raw json.RawMessage) (document.Interface, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("not one JSON value but more")
	}
	if _, ok := v.(map[string]any); !ok {
		return nil, fmt.Errorf("not a JSON object")
	}
	d := document.NewLazyDocument(documentValue(v))
	// The SDK leaves an error of this step out of the request's.
	if _, err := d.MarshalSmithyDocument(); err != nil {
		return nil, fmt.Errorf("the SDK cannot encode it: %w", err)
	}
	return d, nil
}

// documentValue puts the SDK's number in the place of encoding/json's, which
// it would send as a string.
func documentValue(v any) any {
	switch v := v.(type) {
	case json.Number:
		return smithydocument.Number(v)
	case map[string]any:
		for k, e := range v {
			v[k] = documentValue(e)
		}
	case []any:
		for i, e := range v {
			v[i] = documentValue(e)
		}
	}
	return v
}
