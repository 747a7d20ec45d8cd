package world

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// TrailEvent is one entry of the audit trail.
type TrailEvent struct {
	ID        string
	Name      string // API operation
	Source    string // such as ecs.amazonaws.com
	At        time.Time
	Username  string
	ReadOnly  bool
	Resources []Resource
	Request   map[string]any
	Response  map[string]any
}

// Resource is something that a trail event was done to.
type Resource struct {
	Type string
	Name string
}

func (w *World) audit(e TrailEvent) {
	e.ID = uuid.NewString()
	w.trail.add(e)
}

// Trail returns the events for which keep holds, oldest first.
func (w *World) Trail(keep func(TrailEvent) bool) []TrailEvent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.trail.where(keep)
}

// TaskDefinitionARN is the ARN of family:revision.
func TaskDefinitionARN(familyRevision string) string {
	return fmt.Sprintf("arn:aws:ecs:%s:%s:task-definition/%s", Region, Account, familyRevision)
}

// ServiceARN is the ARN of an ECS service.
func ServiceARN(service string) string {
	return fmt.Sprintf("arn:aws:ecs:%s:%s:service/%s/%s", Region, Account, Cluster, service)
}

func deployEvent(d Deployment, desired int) TrailEvent {
	deployments := []any{map[string]any{"id": d.ID, "status": "PRIMARY", "taskDefinition": TaskDefinitionARN(d.TaskDefinition)}}
	if d.Before != "" {
		deployments = append(deployments, map[string]any{"status": "ACTIVE", "taskDefinition": TaskDefinitionARN(d.Before)})
	}
	return TrailEvent{
		Name: "UpdateService", Source: "ecs.amazonaws.com", At: d.CreatedAt, Username: d.Actor,
		Resources: []Resource{{Type: "AWS::ECS::Service", Name: d.Service}},
		Request: map[string]any{"cluster": Cluster, "service": d.Service, "taskDefinition": d.TaskDefinition,
			"forceNewDeployment": d.Forced},
		Response: map[string]any{"service": map[string]any{"serviceName": d.Service, "serviceArn": ServiceARN(d.Service),
			"desiredCount": desired, "taskDefinition": TaskDefinitionARN(d.TaskDefinition), "deployments": deployments}},
	}
}

// resourceTypes are the names that the audit trail gives to kinds.
var resourceTypes = map[Kind]string{
	KindECS: "AWS::ECS::Service", KindDatabase: "AWS::RDS::DBInstance", KindCache: "AWS::ElastiCache::CacheCluster",
	KindTable: "AWS::DynamoDB::Table", KindExternal: "Endpoint",
}

var eventSources = map[Kind]string{
	KindECS: "ecs.amazonaws.com", KindDatabase: "rds.amazonaws.com", KindCache: "elasticache.amazonaws.com",
	KindTable: "dynamodb.amazonaws.com",
}

// auditChange records a change of one service that is no deployment.
func (w *World) auditChange(operation, service string, kind Kind, actor string, request map[string]any) {
	w.audit(TrailEvent{Name: operation, Source: eventSources[kind], At: w.present(), Username: actor,
		Resources: []Resource{{Type: resourceTypes[kind], Name: service}}, Request: request})
}

// numericID is a random id of 19 digits, as ECS gives to deployments.
func numericID() string {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic("world: the system has no randomness: " + err.Error())
	}
	return strconv.FormatUint(1e18+binary.BigEndian.Uint64(b[:])%(9e18), 10)
}
