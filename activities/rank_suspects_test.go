package activities_test

import (
	"slices"
	"testing"

	"vigil/activities"
	"vigil/workflows/incident"
)

func TestScope(t *testing.T) {
	edges := []incident.Edge{{From: "web", To: "api"}, {From: "api", To: "checkout"}, {From: "checkout", To: "orders"}, {From: "orders", To: "db"},
		{From: "catalog", To: "db"}, {From: "catalog", To: "cache"}, {From: "db", To: "orders"}, {From: "blog", To: "images"}}
	all := []string{"checkout", "orders", "db", "api", "web", "catalog", "cache"}
	for _, tc := range []struct {
		service string
		most    int
		want    []string
	}{
		{"checkout", 20, all},
		{"checkout", 4, all[:4]},
		{"checkout", 0, all[:1]},
		{"blog", 20, []string{"blog", "images"}},
		{"unknown", 20, []string{"unknown"}},
	} {
		if got := activities.Scope(edges, tc.service, tc.most); !slices.Equal(got, tc.want) {
			t.Errorf("%s, at most %d: got %q, want %q", tc.service, tc.most, got, tc.want)
		}
	}
}
