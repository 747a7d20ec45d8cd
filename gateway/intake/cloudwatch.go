package intake

import (
	"encoding/json"
	"fmt"
	"strings"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// alarm is a change of a CloudWatch alarm's state, in whichever of the three
// shapes it came.
type alarm struct {
	arn, account, region, name string
	description, state, reason string
	at                         scalar
	namespace, metric          string
	dimensions                 map[string]string
	composite                  map[string]string // labels that only a composite alarm has
}

// snsAlarm is the message that an alarm sends to an SNS topic. A composite
// alarm has no trigger; one on an expression has its metrics in a list.
type snsAlarm struct {
	AlarmName        scalar `json:"AlarmName"`
	AlarmDescription scalar `json:"AlarmDescription"`
	AWSAccountID     scalar `json:"AWSAccountId"`
	Region           scalar `json:"Region"`
	AlarmArn         scalar `json:"AlarmArn"`
	NewStateValue    scalar `json:"NewStateValue"`
	NewStateReason   scalar `json:"NewStateReason"`
	StateChangeTime  scalar `json:"StateChangeTime"`
	AlarmRule        scalar `json:"AlarmRule"`
	Trigger          struct {
		MetricName scalar      `json:"MetricName"`
		Namespace  scalar      `json:"Namespace"`
		Dimensions []dimension `json:"Dimensions"`
		Metrics    []struct {
			MetricStat struct {
				Metric struct {
					MetricName scalar      `json:"MetricName"`
					Namespace  scalar      `json:"Namespace"`
					Dimensions []dimension `json:"Dimensions"`
				} `json:"Metric"`
			} `json:"MetricStat"`
		} `json:"Metrics"`
	} `json:"Trigger"`
}

type dimension struct {
	Name  scalar `json:"name"`
	Value scalar `json:"value"`
}

// alarmDetail is the alarm within an EventBridge event ("detail") and within
// what CloudWatch gives to a Lambda function ("alarmData").
type alarmDetail struct {
	AlarmName scalar `json:"alarmName"`
	State     struct {
		Value     scalar `json:"value"`
		Reason    scalar `json:"reason"`
		Timestamp scalar `json:"timestamp"`

		ActionsSuppressedBy     scalar `json:"actionsSuppressedBy"`
		ActionsSuppressedReason scalar `json:"actionsSuppressedReason"`
	} `json:"state"`
	Configuration struct {
		Description scalar `json:"description"`

		AlarmRule                        scalar `json:"alarmRule"`
		ActionsSuppressor                scalar `json:"actionsSuppressor"`
		ActionsSuppressorWaitPeriod      scalar `json:"actionsSuppressorWaitPeriod"`
		ActionsSuppressorExtensionPeriod scalar `json:"actionsSuppressorExtensionPeriod"`

		Metrics []struct {
			MetricStat struct {
				Metric struct {
					Namespace  scalar  `json:"namespace"`
					Name       scalar  `json:"name"`
					Dimensions scalars `json:"dimensions"`
				} `json:"metric"`
			} `json:"metricStat"`
		} `json:"metrics"`
	} `json:"configuration"`
}

// awsEvent is an EventBridge event, or what CloudWatch gives to Lambda.
type awsEvent struct {
	DetailType scalar       `json:"detail-type"`
	Account    scalar       `json:"account"`
	AccountID  scalar       `json:"accountId"`
	Region     scalar       `json:"region"`
	Resources  []scalar     `json:"resources"`
	AlarmArn   scalar       `json:"alarmArn"`
	Detail     *alarmDetail `json:"detail"`
	AlarmData  *alarmDetail `json:"alarmData"`
}

// cloudWatch reads an alarm that CloudWatch itself sends: what it gives to a
// Lambda function ("alarmData"), for an alarm on metrics or a composite one. The
// alarm as SNS or EventBridge have it is read as well, so that one address does
// for whoever forwards them.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
//
// Key and member are the alarm (see result), the severity follows a convention
// in its name or description (see alarmSeverity), the service is a dimension of
// its metric. INSUFFICIENT_DATA is recorded. That a composite alarm's actions
// are suppressed is kept as labels and changes nothing: its state is its state.
func cloudWatch(d store.Delivery) (Result, error) {
	a, ok, err := parseAlarm(d.Body)
	switch {
	case err != nil:
		return Result{}, err
	case !ok:
		return Result{}, invalid(`is no CloudWatch alarm: it has neither "alarmData" nor "AlarmName" with "NewStateValue"`)
	}
	return a.result()
}

// parseAlarm reads the state change of an alarm. ok is false where raw is
// something else.
func parseAlarm(raw []byte) (a alarm, ok bool, err error) {
	var is struct {
		AlarmName     json.RawMessage `json:"AlarmName"`
		NewStateValue json.RawMessage `json:"NewStateValue"`
		DetailType    scalar          `json:"detail-type"`
		AlarmData     json.RawMessage `json:"alarmData"`
	}
	if err := decode(raw, &is, "*"); err != nil {
		return alarm{}, false, err
	}
	switch {
	case is.AlarmName != nil && is.NewStateValue != nil:
		a, err = fromSNS(raw)
	case is.DetailType == "CloudWatch Alarm State Change", is.AlarmData != nil:
		a, err = fromEvent(raw)
	default:
		return alarm{}, false, nil
	}
	if err == nil && strings.TrimSpace(a.name) == "" && strings.TrimSpace(a.arn) == "" {
		err = invalid("is a CloudWatch alarm without a name")
	}
	return a, true, err
}

func fromSNS(raw []byte) (alarm, error) {
	var m snsAlarm
	if err := decode(raw, &m, "dimensions"); err != nil {
		return alarm{}, err
	}
	a := alarm{arn: string(m.AlarmArn), account: string(m.AWSAccountID), region: string(m.Region), name: string(m.AlarmName),
		description: string(m.AlarmDescription), state: string(m.NewStateValue), reason: string(m.NewStateReason),
		at: m.StateChangeTime, dimensions: map[string]string{}, composite: map[string]string{"alarm_rule": string(m.AlarmRule)}}
	a.measures(string(m.Trigger.Namespace), string(m.Trigger.MetricName), m.Trigger.Dimensions)
	for _, q := range m.Trigger.Metrics {
		a.measures(string(q.MetricStat.Metric.Namespace), string(q.MetricStat.Metric.MetricName), q.MetricStat.Metric.Dimensions)
	}
	return a, nil
}

func fromEvent(raw []byte) (alarm, error) {
	var e awsEvent
	if err := decode(raw, &e, "dimensions"); err != nil {
		return alarm{}, err
	}
	d := e.Detail
	if d == nil {
		d = e.AlarmData
	}
	if d == nil {
		return alarm{}, invalid(`is an alarm's state change without its "detail"`)
	}
	a := alarm{arn: string(e.AlarmArn), account: firstNonEmpty(string(e.Account), string(e.AccountID)), region: string(e.Region),
		name: string(d.AlarmName), description: string(d.Configuration.Description), state: string(d.State.Value),
		reason: string(d.State.Reason), at: d.State.Timestamp, dimensions: map[string]string{}}
	a.composite = map[string]string{"alarm_rule": string(d.Configuration.AlarmRule),
		"actions_suppressor":                  string(d.Configuration.ActionsSuppressor),
		"actions_suppressor_wait_period":      string(d.Configuration.ActionsSuppressorWaitPeriod),
		"actions_suppressor_extension_period": string(d.Configuration.ActionsSuppressorExtensionPeriod),
		"actions_suppressed_by":               string(d.State.ActionsSuppressedBy),
		"actions_suppressed_reason":           string(d.State.ActionsSuppressedReason)}
	if a.arn == "" && len(e.Resources) > 0 {
		a.arn = string(e.Resources[0])
	}
	for _, q := range d.Configuration.Metrics {
		m := q.MetricStat.Metric
		var dims []dimension
		for _, k := range sortedKeys(m.Dimensions) {
			dims = append(dims, dimension{Name: scalar(k), Value: m.Dimensions[k]})
		}
		a.measures(string(m.Namespace), string(m.Name), dims)
	}
	return a, nil
}

// measures adds what the alarm looks at; of several metrics the first names it.
func (a *alarm) measures(namespace, metric string, dims []dimension) {
	a.namespace = firstNonEmpty(a.namespace, namespace)
	a.metric = firstNonEmpty(a.metric, metric)
	for _, d := range dims {
		if _, known := a.dimensions[string(d.Name)]; !known {
			a.dimensions[string(d.Name)] = string(d.Value)
		}
	}
}

// serviceDimensions name the service, the most telling first.
var serviceDimensions = []string{"ServiceName", "Service", "FunctionName", "DBInstanceIdentifier", "DBClusterIdentifier",
	"CacheClusterId", "ReplicationGroupId", "TableName", "QueueName", "TopicName", "StreamName", "BucketName",
	"ApiName", "LoadBalancer", "TargetGroup", "AutoScalingGroupName", "ClusterName", "InstanceId"}

// key is the alarm's ARN, else account, region and name.
func (a alarm) key() string {
	if arn := strings.TrimSpace(a.arn); arn != "" {
		return arn
	}
	return a.account + ":" + a.region + ":" + a.name
}

// result says what the state means. An alarm is one problem with one member,
// itself. INSUFFICIENT_DATA says that CloudWatch cannot tell: that neither
// opens a problem nor ends one, so it is recorded for a person.
//
// StartsAt is the time of the change in either state: it tells one change from
// the next, and a repeated message from a new one.
func (a alarm) result() (Result, error) {
	name := firstNonEmpty(a.name, a.arn)
	at := moment(a.at)
	out := incident.Alert{
		CorrelationKey: a.key(), Fingerprint: hash(a.key()),
		Severity: alarmSeverity(a.name, a.description), Title: name,
		Description: strings.TrimSpace(a.description + "\n" + a.reason), Labels: a.labels(), StartsAt: at,
	}
	for _, d := range serviceDimensions {
		out.Service = firstNonEmpty(out.Service, a.dimensions[d])
	}
	switch strings.ToUpper(strings.TrimSpace(a.state)) {
	case "ALARM":
		out.Status = incident.AlertFiring
	case "OK":
		out.Status, out.EndsAt = incident.AlertResolved, at
	case "INSUFFICIENT_DATA":
		return Result{Note: fmt.Sprintf("CloudWatch alarm %q has insufficient data, which neither opens a problem nor ends one. %s", name, a.reason)}, nil
	default:
		return Result{}, invalid("is CloudWatch alarm %q in state %q, which is none of ALARM, OK and INSUFFICIENT_DATA",
			clean(name, MaxLabelName), clean(a.state, MaxLabelName))
	}
	return Result{Alerts: []incident.Alert{out}}, nil
}

func (a alarm) labels() map[string]string {
	out := map[string]string{"alarm_name": a.name, "account": a.account, "region": a.region,
		"namespace": a.namespace, "metric": a.metric}
	for _, more := range []map[string]string{a.composite, a.dimensions} {
		for k, v := range more {
			out[k] = v
		}
	}
	return out
}
