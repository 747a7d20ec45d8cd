package worker

import (
	"context"
	"fmt"
	"sort"
	"strings"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"

	"vigil/workflows/incident"
)

// searchAttributes are what an incident's workflow can be found by.
var searchAttributes = map[string]enums.IndexedValueType{
	incident.AttrSeverity:   enums.INDEXED_VALUE_TYPE_KEYWORD,
	incident.AttrPhase:      enums.INDEXED_VALUE_TYPE_KEYWORD,
	incident.AttrService:    enums.INDEXED_VALUE_TYPE_KEYWORD,
	incident.AttrNeedsHuman: enums.INDEXED_VALUE_TYPE_BOOL,
}

// registerAttributes adds what is missing. Without them a workflow cannot say
// where it is, so a worker that may not add them refuses to start and prints
// what an administrator has to run.
func registerAttributes(ctx context.Context, c operatorservice.OperatorServiceClient, namespace string) error {
	have, err := c.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("worker: read the search attributes of namespace %q: %w\n%s", namespace, err, adminCommand(namespace, searchAttributes))
	}
	missing := map[string]enums.IndexedValueType{}
	for name, t := range searchAttributes {
		got, ok := have.GetCustomAttributes()[name]
		switch {
		case !ok:
			missing[name] = t
		case got != t:
			return fmt.Errorf("worker: search attribute %s of namespace %q has type %s instead of %s; remove it and run:\n%s",
				name, namespace, got, t, adminCommand(namespace, map[string]enums.IndexedValueType{name: t}))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = c.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	if err != nil && !strings.Contains(err.Error(), "already exist") { // another worker was first
		return fmt.Errorf("worker: namespace %q lacks search attributes and they could not be added: %w\nAn administrator has to run:\n%s",
			namespace, err, adminCommand(namespace, missing))
	}
	return nil
}

func adminCommand(namespace string, attrs map[string]enums.IndexedValueType) string {
	names := make([]string, 0, len(attrs))
	for name := range attrs {
		names = append(names, name)
	}
	sort.Strings(names)
	var b strings.Builder
	fmt.Fprintf(&b, "  temporal operator search-attribute create --namespace %s", namespace)
	for _, name := range names {
		kind := "Keyword"
		if attrs[name] == enums.INDEXED_VALUE_TYPE_BOOL {
			kind = "Bool"
		}
		fmt.Fprintf(&b, " --name %s --type %s", name, kind)
	}
	return b.String()
}
