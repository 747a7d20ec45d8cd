package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/agentcore"
	"vigil/activities/archive"
	"vigil/activities/awsconfig"
	"vigil/activities/bedrock"
	"vigil/activities/bedrockagent"
	"vigil/activities/cloudtrail"
	"vigil/activities/cloudwatch"
	"vigil/activities/cloudwatchlogs"
	"vigil/activities/ecs"
	"vigil/activities/keeper"
	"vigil/activities/knowledgebase"
	"vigil/activities/kubernetes"
	"vigil/activities/notify"
	"vigil/activities/prometheus"
	"vigil/activities/qbusiness"
	"vigil/activities/rds"
	"vigil/activities/xray"
)

// Ports are what stands behind activities, ready to be registered.
type Ports struct {
	*activities.Activities
	closers []func() error
}

// Close gives back what the ports hold open.
func (p *Ports) Close() error {
	var errs []error
	for _, c := range p.closers {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// NewPorts puts an adapter behind every port that c configures. recorder is
// told of every call, and asked before every call to an AI service where it is
// an activities.Gate. What is said over NATS (Publisher, Spending, Deltas) is
// the caller's to add.
func NewPorts(ctx context.Context, c Config, d Deps, recorder activities.Recorder) (_ *Ports, err error) {
	settings, err := c.settings()
	if err != nil {
		return nil, err
	}
	p := &Ports{Activities: &activities.Activities{Settings: settings}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	b := builder{Config: c, deps: d, recorder: recorder}
	if b.told, err = c.Notify.file(); err != nil {
		return nil, err
	}
	if b.needsAWS() {
		b.aws, err = awsconfig.Load(ctx, awsconfig.Options{Region: c.Region, Endpoint: c.Endpoint, AccessKeyID: d.AccessKeyID, SecretAccessKey: d.SecretAccessKey})
		if err != nil {
			return nil, err
		}
	}
	for _, part := range []func(context.Context, *Ports) error{b.telemetry, b.models, b.knowledge, b.keeper, b.executors, b.actions, b.able, b.notifier} {
		if err := part(ctx, p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

type builder struct {
	Config
	deps     Deps
	recorder activities.Recorder
	aws      aws.Config
	told     *notify.File // whom to tell; nil: nobody
}

// needsAWS reports whether anything that is configured is AWS's.
func (b builder) needsAWS() bool {
	return b.has(SourceAWS) || b.Provider == ProviderBedrock || b.GuardrailID != "" || b.KnowledgeBaseID != "" || b.MemoryID != "" ||
		b.QBusinessID != "" || b.AgentID != "" || b.Bucket != "" || tellsByAWS(b.told)
}

func (b builder) telemetry(_ context.Context, p *Ports) error {
	var all struct {
		metrics  metrics
		logs     logs
		topology topology
		changes  changes
	}
	if b.has(SourcePrometheus) {
		source, err := prometheus.New(prometheus.Config{URL: b.PrometheusURL, BearerTokenFile: b.PrometheusTokenFile, Username: b.PrometheusUser,
			PasswordFile: b.PrometheusPasswordFile, CAFile: b.PrometheusCAFile, TenantID: b.PrometheusTenant, ServiceLabels: b.PrometheusServiceLabels}, b.recorder)
		if err != nil {
			return err
		}
		all.metrics, all.topology, all.changes = append(all.metrics, source), append(all.topology, source), append(all.changes, source)
	}
	if b.has(SourceKubernetes) {
		source, err := kubernetes.New(kubernetes.Config{Kubeconfig: b.Kubeconfig, Namespaces: b.KubernetesNamespaces}, b.recorder)
		if err != nil {
			return err
		}
		p.Platform = source
		all.logs, all.changes = append(all.logs, source), append(all.changes, source)
	}
	if b.has(SourceAWS) {
		measured, err := cloudwatch.New(b.aws, cloudwatch.Config{Environment: b.Environment, Cluster: b.Cluster, Period: b.MetricPeriod}, b.recorder)
		if err != nil {
			return err
		}
		lines, err := cloudwatchlogs.New(b.aws, cloudwatchlogs.Config{}, b.recorder)
		if err != nil {
			return err
		}
		all.metrics, all.logs, all.topology = append(all.metrics, measured), append(all.logs, lines), append(all.topology, xray.New(b.aws, b.recorder))
		all.changes = append(all.changes, ecs.New(b.aws, ecs.Config{Cluster: b.Cluster}, b.recorder), cloudtrail.New(b.aws, b.recorder))
		p.Database = rds.New(b.aws, b.recorder)
	}
	p.Metrics = all.metrics
	if len(all.logs) > 0 {
		p.Logs = all.logs
	}
	if len(all.topology) > 0 {
		p.Topology = all.topology
	}
	if len(all.changes) > 0 {
		p.Changes = all.changes
	}
	return nil
}

func (b builder) models(_ context.Context, p *Ports) error {
	p.Guardrail = bedrock.NoGuardrail{}
	if b.Provider == ProviderNone && b.GuardrailID == "" {
		return nil
	}
	prices := bedrock.ShippedPrices()
	if b.PriceFile != "" {
		f, err := os.Open(b.PriceFile)
		if err != nil {
			return fmt.Errorf("read the prices: %w", err)
		}
		defer f.Close()
		if prices, err = bedrock.ReadPrices(f); err != nil {
			return fmt.Errorf("read the prices from %s: %w", b.PriceFile, err)
		}
	}
	var err error
	if b.GuardrailID != "" {
		if p.Guardrail, err = bedrock.NewGuardrail(b.aws, bedrock.GuardrailConfig{ID: b.GuardrailID, Version: b.GuardrailVersion, Prices: &prices}, b.recorder); err != nil {
			return err
		}
	}
	if b.Provider == ProviderBedrock {
		p.Model, err = bedrock.New(b.aws, bedrock.Config{Prices: &prices}, b.recorder)
	}
	return err
}

// knowledge is the archive first, and then what AWS keeps.
func (b builder) knowledge(ctx context.Context, p *Ports) error {
	var docs runbooks
	var memory memories
	if b.DataDir != "" {
		if err := os.MkdirAll(b.DataDir, 0o700); err != nil {
			return fmt.Errorf("make the worker's data directory: %w", err)
		}
		own, err := archive.Open(ctx, archive.Config{Path: filepath.Join(b.DataDir, "archive.db"), Runbooks: b.Runbooks, Log: b.deps.Log})
		if err != nil {
			return err
		}
		p.closers = append(p.closers, own.Close)
		memory = append(memory, own)
		if b.Runbooks != "" {
			docs = append(docs, own)
		}
	}
	if b.KnowledgeBaseID != "" {
		kb, err := knowledgebase.New(b.aws, knowledgebase.Config{ID: b.KnowledgeBaseID}, b.recorder)
		if err != nil {
			return err
		}
		docs = append(docs, kb)
	}
	if b.QBusinessID != "" {
		q, err := qbusiness.New(b.aws, qbusiness.Config{ApplicationID: b.QBusinessID, RetrieverID: b.QBusinessRetrieve}, b.recorder)
		if err != nil {
			return err
		}
		docs = append(docs, q)
	}
	if b.MemoryID != "" {
		m, err := agentcore.New(b.aws, agentcore.Config{MemoryID: b.MemoryID, Namespace: b.MemoryNamespace}, b.recorder)
		if err != nil {
			return err
		}
		memory = append(memory, m)
	}
	if b.AgentID != "" {
		a, err := bedrockagent.New(b.aws, bedrockagent.Config{AgentID: b.AgentID, AliasID: b.AgentAliasID}, b.recorder)
		if err != nil {
			return err
		}
		memory, docs = append(memory, a), append(docs, a)
	}
	if len(docs) > 0 {
		p.Activities.Runbooks = docs
	}
	if len(memory) > 0 {
		p.Activities.Memory = memory
	}
	return nil
}

// keeper is where evidence goes that is too large for a history.
func (b builder) keeper(_ context.Context, p *Ports) (err error) {
	switch {
	case b.Bucket != "":
		bucket, prefix, _ := strings.Cut(b.Bucket, "/")
		p.Keeper, err = keeper.NewS3(b.aws, keeper.S3Config{Bucket: bucket, Prefix: prefix}, b.recorder)
	case b.DataDir != "":
		p.Keeper, err = keeper.NewDirectory(EvidenceDir(b.DataDir))
	}
	return err
}

// EvidenceDir is the part of a worker's data directory that holds evidence.
func EvidenceDir(dataDir string) string { return filepath.Join(dataDir, "evidence") }
