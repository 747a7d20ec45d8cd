package cloudtrail

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"vigil/workflows/incident"
)

// The kinds of incident.Change.
const (
	deployment    = "deployment"
	configuration = "configuration"
	scaling       = "scaling"
	other         = "other"
)

// kinds says what the operations that matter to a service do to it. Writing
// operations that are not here are of the kind other.
var kinds = map[string]string{
	"CreateService":                deployment,
	"UpdateService":                deployment, // or scaling, see kindOf
	"DeleteService":                deployment,
	"CreateDeployment":             deployment,
	"RegisterTaskDefinition":       deployment,
	"UpdateServicePrimaryTaskSet":  deployment,
	"UpdateFunctionCode":           deployment,
	"UpdateFunctionCode20150331v2": deployment, // how CloudTrail writes Lambda's operations

	"RegisterScalableTarget":                   scaling,
	"DeregisterScalableTarget":                 scaling,
	"PutScalingPolicy":                         scaling,
	"SetDesiredCapacity":                       scaling,
	"UpdateAutoScalingGroup":                   scaling,
	"ModifyCacheCluster":                       scaling,
	"IncreaseReplicaCount":                     scaling,
	"DecreaseReplicaCount":                     scaling,
	"ModifyReplicationGroupShardConfiguration": scaling,

	"UpdateTable":                           configuration,
	"SetQueueAttributes":                    configuration,
	"PutFunctionConcurrency":                configuration,
	"UpdateAlias":                           configuration,
	"ModifyLoadBalancerAttributes":          configuration,
	"DeregisterTargets":                     configuration,
	"ModifyDBInstance":                      configuration,
	"ModifyDBCluster":                       configuration,
	"ModifyDBParameterGroup":                configuration,
	"ModifyDBClusterParameterGroup":         configuration,
	"ModifyCacheParameterGroup":             configuration,
	"ModifyReplicationGroup":                configuration,
	"UpdateFunctionConfiguration":           configuration,
	"UpdateFunctionConfiguration20150331v2": configuration,
	"PutParameter":                          configuration,
	"PutSecretValue":                        configuration,
	"UpdateSecret":                          configuration,
	"ModifyListener":                        configuration,
	"ModifyTargetGroup":                     configuration,
	"ModifyTargetGroupAttributes":           configuration,
	"AuthorizeSecurityGroupIngress":         configuration,
	"RevokeSecurityGroupIngress":            configuration,
}

// record is what is read of CloudTrail's own record of an event.
type record struct {
	ErrorCode string `json:"errorCode"`
	Request   struct {
		TaskDefinition     string       `json:"taskDefinition"`
		DesiredCount       *json.Number `json:"desiredCount"`
		ForceNewDeployment bool         `json:"forceNewDeployment"`
		InstanceClass      string       `json:"dBInstanceClass"`
	} `json:"requestParameters"`
	Response struct {
		Service struct {
			TaskDefinition string `json:"taskDefinition"`
			Deployments    []struct {
				Status         string `json:"status"`
				TaskDefinition string `json:"taskDefinition"`
			} `json:"deployments"`
		} `json:"service"`
	} `json:"responseElements"`
}

// change reads one event; false where it changed nothing.
func change(service string, e types.Event) (incident.Change, bool) {
	name := aws.ToString(e.EventName)
	if e.EventTime == nil || name == "" || aws.ToString(e.ReadOnly) == "true" {
		return incident.Change{}, false
	}
	// The record adds detail. Without one that can be read, the event itself
	// still says what was done, when and by whom.
	var r record
	if err := json.Unmarshal([]byte(aws.ToString(e.CloudTrailEvent)), &r); err != nil {
		r = record{}
	}
	if r.ErrorCode != "" {
		return incident.Change{}, false
	}
	c := incident.Change{Service: service, Kind: kindOf(name, r), Actor: aws.ToString(e.Username), At: e.EventTime.UTC()}
	if c.Kind == deployment {
		c.Version = revision(cmp.Or(r.Request.TaskDefinition, r.Response.Service.TaskDefinition))
		for _, d := range r.Response.Service.Deployments {
			if v := revision(d.TaskDefinition); d.Status != "PRIMARY" && v != c.Version {
				c.Before = v
				break
			}
		}
	}
	c.Summary = summary(name, aws.ToString(e.EventSource), c, r)
	return c, true
}

func kindOf(name string, r record) string {
	kind := cmp.Or(kinds[name], other)
	switch {
	case name == "UpdateService" && r.Request.DesiredCount != nil && r.Request.TaskDefinition == "" && !r.Request.ForceNewDeployment:
		return scaling
	case name == "ModifyDBInstance" && r.Request.InstanceClass != "":
		return scaling
	}
	return kind
}

func summary(name, source string, c incident.Change, r record) string {
	switch {
	case c.Kind == deployment && c.Version != "" && c.Before != "":
		return fmt.Sprintf("deployment of %s after %s (%s)", c.Version, c.Before, name)
	case c.Kind == deployment && c.Version != "":
		return fmt.Sprintf("deployment of %s (%s)", c.Version, name)
	case c.Kind == scaling && r.Request.DesiredCount != nil:
		return fmt.Sprintf("desired count set to %s (%s)", *r.Request.DesiredCount, name)
	case source != "":
		return fmt.Sprintf("%s on %s", name, strings.TrimSuffix(source, ".amazonaws.com"))
	}
	return name
}

// revision is family:revision, whether the request named it so or by ARN.
func revision(taskDefinition string) string {
	return taskDefinition[strings.LastIndex(taskDefinition, "/")+1:]
}
