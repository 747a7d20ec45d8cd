package temporal

import (
	"fmt"
	"maps"
	"net"
	"os"
	"strconv"
	"time"

	"go.temporal.io/server/common/cluster"
	serverconfig "go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	clusterName = "active"
	loopback    = "127.0.0.1"
	// queuePollRPS lifts the rate at which the history service may read each
	// of its queues. The server's default of 20 a second makes every workflow
	// task wait some 42 ms on a single shard.
	queuePollRPS = 2000
)

// dynamicConfig holds what differs from the server's defaults, which are
// meant for clusters.
func dynamicConfig() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		dynamicconfig.TransferProcessorMaxPollRPS.Key():   queuePollRPS,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():      queuePollRPS,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): queuePollRPS,
		// One partition: with a single worker, tasks on other partitions would
		// wait to be forwarded.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
		// A process on a laptop needs neither 128 000 cached histories nor a
		// limit of ten list calls a second.
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key():                 8096,
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 100,
		// A search attribute can be used as soon as it is registered.
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,
	}
}

func (s *Server) serverConfig() (*serverconfig.Config, error) {
	host, port, err := splitAddr(s.addr)
	if err != nil {
		return nil, err
	}
	services := map[string]serverconfig.Service{
		string(primitives.FrontendService): {RPC: serverconfig.RPC{GRPCPort: port, BindOnIP: host}},
	}
	for _, name := range []primitives.ServiceName{primitives.HistoryService, primitives.MatchingService, primitives.WorkerService} {
		inner, err := claim(loopback + ":0")
		if err != nil {
			return nil, fmt.Errorf("temporal: %s service: %w", name, err)
		}
		_, innerPort, err := splitAddr(inner)
		if err != nil {
			return nil, err
		}
		services[string(name)] = serverconfig.Service{RPC: serverconfig.RPC{GRPCPort: innerPort, BindOnLocalHost: true}}
	}
	return &serverconfig.Config{
		Global: serverconfig.Global{
			Membership: serverconfig.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: loopback},
		},
		Persistence: serverconfig.Persistence{
			DefaultStore: sqliteplugin.PluginName, VisibilityStore: sqliteplugin.PluginName, NumHistoryShards: 1,
			DataStores: map[string]serverconfig.DataStore{sqliteplugin.PluginName: {SQL: s.sqlConfig(s.cfg.DBFile, map[string]string{
				"journal_mode": "wal", "synchronous": "full",
			}), FaultInjection: faults(s.cfg.Faults)}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: clusterName, CurrentClusterName: clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: s.addr},
			},
		},
		DCRedirectionPolicy: serverconfig.DCRedirectionPolicy{Policy: "noop"},
		Services:            services,
		Archival: serverconfig.Archival{
			History:    serverconfig.HistoryArchival{State: "disabled"},
			Visibility: serverconfig.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: serverconfig.NamespaceDefaults{Archival: serverconfig.ArchivalNamespaceDefaults{
			History:    serverconfig.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: serverconfig.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		PublicClient: serverconfig.PublicClient{HostPort: s.addr},
	}, nil
}

// faults makes the given share of what the server does with executions time
// out; of writes half do so before they are done, and half after.
func faults(share float64) *serverconfig.FaultInjection {
	if share <= 0 {
		return nil
	}
	const store = serverconfig.ExecutionStoreName
	f := &serverconfig.FaultInjection{}
	for _, write := range []string{"CreateWorkflowExecution", "UpdateWorkflowExecution", "AppendHistoryNodes"} {
		f.WithError(store, write, "Timeout", share/2).WithError(store, write, "ExecuteAndTimeout", share/2)
	}
	for _, read := range []string{"GetWorkflowExecution", "GetCurrentExecution", "ReadHistoryBranch"} {
		f.WithError(store, read, "Timeout", share)
	}
	return f
}

func (s *Server) sqlConfig(file string, pragmas map[string]string) *serverconfig.SQL {
	attributes := map[string]string{"mode": "rwc"}
	maps.Copy(attributes, pragmas)
	return &serverconfig.SQL{PluginName: sqliteplugin.PluginName, DatabaseName: file, ConnectAttributes: attributes}
}

// prepareFile makes the schema in a new file and the namespace where it does
// not exist. The schema is made under another name first, so that a process
// killed half-way leaves nothing that looks finished.
func (s *Server) prepareFile(conf *serverconfig.Config) error {
	file := s.cfg.DBFile
	if !exists(file) {
		fresh := file + ".new"
		if err := os.Remove(fresh); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("temporal: remove unfinished %s: %w", fresh, err)
		}
		if err := sqlite.SetupSchema(s.sqlConfig(fresh, nil)); err != nil {
			return fmt.Errorf("temporal: make schema in %s: %w", fresh, err)
		}
		if err := os.Rename(fresh, file); err != nil {
			return fmt.Errorf("temporal: put %s in place: %w", file, err)
		}
	}
	namespace, err := sqlite.NewNamespaceConfig(clusterName, s.cfg.Namespace, false, s.cfg.SearchAttributes)
	if err != nil {
		return fmt.Errorf("temporal: namespace %s: %w", s.cfg.Namespace, err)
	}
	namespace.Detail.Config.Retention = durationpb.New(s.cfg.Retention)
	if err := sqlite.CreateNamespaces(conf.Persistence.DataStores[sqliteplugin.PluginName].SQL, namespace); err != nil {
		return fmt.Errorf("temporal: create namespace %s in %s: %w", s.cfg.Namespace, file, err)
	}
	return nil
}

func splitAddr(addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("temporal: address %q: %w; write host:port", addr, err)
	}
	port, err = strconv.Atoi(p)
	if err != nil {
		return "", 0, fmt.Errorf("temporal: address %q: port is not a number", addr)
	}
	return host, port, nil
}
