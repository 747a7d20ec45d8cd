package sandbox

import (
	"time"

	"vigil/deploy/sandbox/world"
)

var xrayOperations = []operation{
	{"xray", "GetServiceGraph", restJSON, "/ServiceGraph", (*Server).getServiceGraph},
}

type graphStatistics struct {
	OKCount           int64      `json:"OkCount"`
	ErrorStatistics   errorCount `json:"ErrorStatistics"` // 4xx
	FaultStatistics   errorCount `json:"FaultStatistics"` // 5xx
	TotalCount        int64      `json:"TotalCount"`
	TotalResponseTime float64    `json:"TotalResponseTime"`
}

type errorCount struct {
	OtherCount int64 `json:"OtherCount"`
	TotalCount int64 `json:"TotalCount"`
}

type graphEdge struct {
	ReferenceID       int             `json:"ReferenceId"`
	StartTime         epoch           `json:"StartTime"`
	EndTime           epoch           `json:"EndTime"`
	SummaryStatistics graphStatistics `json:"SummaryStatistics"`
}

type graphService struct {
	ReferenceID       int              `json:"ReferenceId"`
	Name              string           `json:"Name"`
	Names             []string         `json:"Names"`
	Root              bool             `json:"Root"`
	Type              string           `json:"Type"`
	State             string           `json:"State"`
	StartTime         epoch            `json:"StartTime"`
	EndTime           epoch            `json:"EndTime"`
	Edges             []graphEdge      `json:"Edges"`
	SummaryStatistics *graphStatistics `json:"SummaryStatistics,omitempty"`
}

var graphTypes = map[world.Kind]string{
	world.KindECS: "AWS::ECS::Container", world.KindDatabase: "Database::SQL", world.KindCache: "remote",
	world.KindTable: "AWS::DynamoDB::Table", world.KindQueue: "AWS::SQS::Queue", world.KindExternal: "remote",
}

// getServiceGraph answers on one page. As in X-Ray the users outside are a
// node of type client that bears the name of the service they call.
func (s *Server) getServiceGraph(x *exchange) (any, error) {
	var in struct {
		StartTime *epoch `json:"StartTime"`
		EndTime   *epoch `json:"EndTime"`
		NextToken string `json:"NextToken"`
		GroupName string `json:"GroupName"`
		GroupARN  string `json:"GroupARN"`
	}
	if err := x.decode(&in); err != nil {
		return nil, errorf("InvalidRequestException", "%v", err)
	}
	switch {
	case in.StartTime == nil || in.EndTime == nil:
		return nil, errorf("InvalidRequestException", "StartTime and EndTime are required.")
	case in.NextToken != "":
		return nil, errorf("InvalidRequestException", "The sandbox answers on one page and gives out no tokens.")
	case in.GroupName != "" || in.GroupARN != "":
		return nil, errorf("InvalidRequestException", "The sandbox has no groups.")
	}
	from, to := time.Time(*in.StartTime), time.Time(*in.EndTime)
	if !from.Before(to) {
		return nil, errorf("InvalidRequestException", "StartTime must be before EndTime.")
	}
	if to.Sub(from) > 6*time.Hour {
		return nil, errorf("InvalidRequestException", "Time range cannot be longer than 6 hours.")
	}
	all := s.world.Services()
	reference := map[string]int{}
	for i, svc := range all {
		reference[svc.Name] = i + 1
	}
	var out []graphService
	for i, svc := range all {
		stats := s.graphStatistics(svc.Name, from, to)
		if stats == nil && svc.Kind == world.KindECS {
			continue // no traffic in this time: X-Ray does not know of it
		}
		node := graphService{ReferenceID: i + 1, Name: svc.Name, Names: []string{svc.Name}, Root: i == 0, Type: graphTypes[svc.Kind],
			State: "active", StartTime: *in.StartTime, EndTime: *in.EndTime, Edges: []graphEdge{}, SummaryStatistics: stats}
		for _, callee := range svc.Calls {
			edge := graphEdge{ReferenceID: reference[callee], StartTime: *in.StartTime, EndTime: *in.EndTime}
			if st := s.graphStatistics(callee, from, to); st != nil {
				edge.SummaryStatistics = *st
			}
			node.Edges = append(node.Edges, edge)
		}
		out = append(out, node)
	}
	if len(out) > 0 && out[0].Root {
		out = append(out, graphService{ReferenceID: 0, Name: out[0].Name, Names: []string{out[0].Name}, Type: "client", State: "unknown",
			StartTime: *in.StartTime, EndTime: *in.EndTime,
			Edges: []graphEdge{{ReferenceID: 1, StartTime: *in.StartTime, EndTime: *in.EndTime, SummaryStatistics: *out[0].SummaryStatistics}}})
	} else {
		out = []graphService{}
	}
	x.note("services", len(out))
	return map[string]any{"StartTime": in.StartTime, "EndTime": in.EndTime, "Services": out, "ContainsOldGroupVersions": false}, nil
}

// graphStatistics adds up the requests of a service; nil where it had none or
// they are not counted, as of a database or a cache.
func (s *Server) graphStatistics(service string, from, to time.Time) *graphStatistics {
	var st graphStatistics
	for _, p := range s.world.Samples(service, from, to) {
		n := p.Value(world.MetricRate) * s.world.Tick().Seconds()
		st.TotalCount += int64(n)
		st.FaultStatistics.TotalCount += int64(n * p.Value(world.MetricErrors))
		st.TotalResponseTime += n * p.Value(world.MetricLatency) / 1000
	}
	if st.TotalCount == 0 {
		return nil
	}
	st.FaultStatistics.OtherCount = st.FaultStatistics.TotalCount
	st.OKCount = st.TotalCount - st.FaultStatistics.TotalCount
	return &st
}
