package worker

import (
	"context"
	"errors"
	"strings"
	"testing"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"google.golang.org/grpc"

	"vigil/workflows/incident"
)

// operator is a Temporal server's operator service with some attributes.
type operator struct {
	operatorservice.OperatorServiceClient
	have   map[string]enums.IndexedValueType
	refuse error
	added  map[string]enums.IndexedValueType
}

func (o *operator) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: o.have}, nil
}

func (o *operator) AddSearchAttributes(_ context.Context, r *operatorservice.AddSearchAttributesRequest, _ ...grpc.CallOption) (*operatorservice.AddSearchAttributesResponse, error) {
	o.added = r.GetSearchAttributes()
	return nil, o.refuse
}

func TestOnlyMissingAttributesAreAdded(t *testing.T) {
	o := &operator{have: map[string]enums.IndexedValueType{incident.AttrPhase: enums.INDEXED_VALUE_TYPE_KEYWORD}}
	if err := registerAttributes(t.Context(), o, "default"); err != nil {
		t.Fatal(err)
	}
	if _, again := o.added[incident.AttrPhase]; again || len(o.added) != len(searchAttributes)-1 {
		t.Errorf("added %v", o.added)
	}
	o = &operator{have: searchAttributes}
	if err := registerAttributes(t.Context(), o, "default"); err != nil || o.added != nil {
		t.Errorf("with all of them there: %v, added %v", err, o.added)
	}
}

func TestWorkerRefusesToStartWithoutAttributes(t *testing.T) {
	o := &operator{refuse: errors.New("Request unauthorized.")}
	err := registerAttributes(t.Context(), o, "prod")
	if err == nil || !strings.Contains(err.Error(), "temporal operator search-attribute create --namespace prod") ||
		!strings.Contains(err.Error(), "unauthorized") {
		t.Errorf("%v", err)
	}
	o = &operator{have: map[string]enums.IndexedValueType{incident.AttrNeedsHuman: enums.INDEXED_VALUE_TYPE_KEYWORD}}
	if err := registerAttributes(t.Context(), o, "prod"); err == nil || !strings.Contains(err.Error(), incident.AttrNeedsHuman) {
		t.Errorf("an attribute of the wrong type: %v", err)
	}
	o = &operator{refuse: errors.New("search attribute IncidentPhase already exists")}
	if err := registerAttributes(t.Context(), o, "prod"); err != nil {
		t.Errorf("another worker was first: %v", err)
	}
}
