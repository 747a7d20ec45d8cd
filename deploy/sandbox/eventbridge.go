package sandbox

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"vigil/deploy/sandbox/world"
)

// publish sends a change of an alarm to the queue of alarms, as EventBridge
// does by a rule for "CloudWatch Alarm State Change".
func (s *Server) publish(t world.Transition) {
	if !s.cfg.AlarmEvents {
		return
	}
	body, err := alarmEvent(t)
	if err != nil {
		s.log.Error("alarm cannot be written as an event", zap.Error(err))
		return
	}
	s.queues.mu.Lock()
	defer s.queues.mu.Unlock()
	if _, e := s.queues.send(s.queues.byName[AlarmQueue], outgoing{body: string(body)}, s.cfg.Now()); e != nil {
		s.log.Error("alarm cannot be put into the queue", zap.String("queue", AlarmQueue), zap.Error(e))
	}
}

// alarmEvent writes a change of an alarm as CloudWatch gives it to EventBridge.
func alarmEvent(t world.Transition) ([]byte, error) {
	type m = map[string]any
	at := t.Since.UTC()
	metric, stat := m{"namespace": "ApplicationSignals", "name": "Latency", "dimensions": m{"Service": t.Service, "Environment": world.Environment}}, p95
	if t.Metric == world.MetricCPU { // of a database
		metric, stat = m{"namespace": "AWS/RDS", "name": "CPUUtilization", "dimensions": m{"DBInstanceIdentifier": t.Service}}, "Average"
	}
	period := max(1, int(t.Period/time.Second))
	data, err := json.Marshal(m{"version": "1.0", "queryDate": at.Format(alarmTime), "statistic": stat, "period": period, "threshold": t.Threshold})
	if err != nil {
		return nil, fmt.Errorf("the reason of alarm %s: %w", t.Name, err)
	}
	return json.Marshal(m{
		"version": "0", "id": uuid.NewString(), "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
		"account": world.Account, "time": at.Format(time.RFC3339), "region": world.Region, "resources": []string{t.ARN},
		"detail": m{
			"alarmName":     t.Name,
			"state":         m{"value": t.State, "reason": t.Reason, "reasonData": string(data), "timestamp": at.Format(alarmTime)},
			"previousState": m{"value": t.Old, "timestamp": at.Format(alarmTime)},
			"configuration": m{"description": t.Description, "metrics": []any{
				m{"id": "m1", "returnData": true, "metricStat": m{"metric": metric, "period": period, "stat": stat}}}},
		},
	})
}
