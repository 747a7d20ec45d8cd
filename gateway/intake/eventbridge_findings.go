package intake

import (
	"fmt"
	"strconv"
	"strings"

	"vigil/workflows/incident"
)

// bandSeverity is GuardDuty's reading of its numbers: low from 1, medium from
// 4, high from 7, critical from 9 to 10. What is none of its numbers is none.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html
func bandSeverity(number string) incident.Severity {
	n, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil || !(n >= 0 && n <= 10):
		return ""
	case n >= 9:
		return incident.SeverityCritical
	case n >= 7:
		return incident.SeverityHigh
	case n >= 4:
		return incident.SeverityMedium
	}
	return incident.SeverityLow
}

// guardDuty reads a finding, which is the problem, its own member, and repeated
// while it goes on. Exports write its names with a capital; it is the same
// finding. Archived is resolved. It starts when it was created.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html
func guardDuty(e bridgeEvent) (Result, error) {
	f := e.detail
	if account := f.first("accountId"); account != "" {
		e.Account = scalar(account) // of the finding: an administrator's account has those of its members
	}
	if region := f.first("region"); region != "" {
		e.Region = scalar(region)
	}
	a, err := e.alert("guardduty", f.first("id"))
	if err != nil {
		return Result{}, err
	}
	a.Severity = bandSeverity(f.first("severity"))
	a.Title = firstNonEmpty(f.first("title"), f.first("type"))
	a.Description = joined(f.first("description"), noted("Seen: ", f.at("service", "count").text()))
	a.Labels["finding_type"], a.Labels["finding_severity"] = f.first("type"), f.first("severity")
	a.Labels["resource_type"] = f.at("resource", "resourceType").text()
	a.Labels["instance"] = f.at("resource", "instanceDetails", "instanceId").text()
	a.StartsAt = stamp(firstNonEmpty(f.first("createdAt"), string(e.Time)))
	if f.at("service", "archived").text() == "true" {
		a.Status, a.EndsAt = incident.AlertResolved, stamp(firstNonEmpty(f.first("updatedAt"), string(e.Time)))
	}
	return one(a), nil
}

// inspector reads a finding, which is the problem and its member. CLOSED and
// SUPPRESSED resolve it.
// https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
func inspector(e bridgeEvent) (Result, error) {
	f := e.detail
	arn := f.first("findingArn")
	if arn == "" {
		return Result{}, invalid("has no findingArn")
	}
	a := e.keyed(arn)
	a.Severity = severity(f.first("severity"))
	a.Title, a.Description = firstNonEmpty(f.first("title"), arn), f.first("description")
	a.Labels["finding_type"] = f.first("type")
	a.StartsAt = stamp(firstNonEmpty(f.first("firstObservedAt"), string(e.Time)))
	if status := strings.ToUpper(f.first("status")); status == "CLOSED" || status == "SUPPRESSED" {
		a.Status, a.EndsAt = incident.AlertResolved, stamp(string(e.Time))
	}
	return one(a), nil
}

// securityHub reads findings, each a problem of its own by its Id. It is over
// where the workflow status is RESOLVED or SUPPRESSED, the record ARCHIVED or
// the control PASSED. A control that could not be checked (NOT_AVAILABLE) says
// nothing and is recorded. The severity is its label, else the number from 0 to
// 100 that Security Hub reads as one.
// https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-event-formats.html
func securityHub(e bridgeEvent) (Result, error) {
	findings := e.detail.at("findings").list()
	if len(findings) == 0 {
		return Result{}, invalid("holds no findings")
	}
	return gather("finding", findings, func(f node) (Result, error) {
		id := f.first("Id")
		if id == "" {
			return Result{}, invalid("has no Id")
		}
		a := e.keyed(id)
		a.Severity = severity(f.at("Severity", "Label").text())
		if n, err := strconv.ParseFloat(f.at("Severity", "Normalized").text(), 64); a.Severity == "" && err == nil && n >= 0 && n <= 100 {
			a.Severity = bandSeverity(fmt.Sprint(n / 10))
		}
		a.Title, a.Description = firstNonEmpty(f.first("Title"), id), f.first("Description")
		workflow, record := strings.ToUpper(f.at("Workflow", "Status").text()), strings.ToUpper(f.first("RecordState"))
		compliance := strings.ToUpper(f.at("Compliance", "Status").text())
		a.Labels["workflow"], a.Labels["record_state"], a.Labels["compliance"] = workflow, record, compliance
		a.Labels["product"] = firstNonEmpty(f.first("ProductName"), f.first("ProductArn"))
		a.Labels["finding_account"] = f.first("AwsAccountId")
		if resources := f.at("Resources").list(); len(resources) > 0 {
			a.Labels["resource"] = resources[0].first("Id")
		}
		a.StartsAt = stamp(firstNonEmpty(f.first("FirstObservedAt"), f.first("CreatedAt"), string(e.Time)))
		switch {
		case workflow == "RESOLVED", workflow == "SUPPRESSED", record == "ARCHIVED", compliance == "PASSED":
			a.Status, a.EndsAt = incident.AlertResolved, stamp(firstNonEmpty(f.first("UpdatedAt"), string(e.Time)))
		case compliance == "NOT_AVAILABLE":
			return e.record("whose control could not be checked"), nil
		}
		return one(a), nil
	})
}

// configRule reads the compliance of a resource with a rule. The rule is the
// problem, the resource the member; COMPLIANT and NOT_APPLICABLE resolve it.
// https://docs.aws.amazon.com/config/latest/developerguide/monitor-config-with-cloudwatchevents.html
func configRule(e bridgeEvent) (Result, error) {
	rule, resource := e.detail.first("configRuleName"), e.detail.first("resourceId")
	if _, err := e.alert("config", rule, resource); err != nil {
		return Result{}, err
	}
	a, err := e.alert("config", rule)
	if err != nil {
		return Result{}, err
	}
	kind := e.detail.first("resourceType")
	result := strings.ToUpper(e.detail.at("newEvaluationResult", "complianceType").text())
	over := result == "COMPLIANT" || result == "NOT_APPLICABLE"
	if !over && result != "NON_COMPLIANT" {
		return e.record("which is neither a violation nor its end"), nil
	}
	a.Fingerprint = hash(a.CorrelationKey, kind, resource)
	a.Title = "Config rule " + rule + ": " + kind + " " + resource + " " + result
	a.Description = e.detail.at("newEvaluationResult", "annotation").text()
	a.Labels["config_rule"], a.Labels["resource"], a.Labels["resource_type"] = rule, resource, kind
	return one(end(a, over)), nil
}

// imageScan reads a scan of an image. The repository is the problem and its
// member, and the latest scan speaks for it: it fires where that found something
// critical or high, which is also the severity, and is resolved where it did
// not. A scan that failed is recorded.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
func imageScan(e bridgeEvent) (Result, error) {
	repository := e.detail.first("repository-name")
	a, err := e.alert("ecr", repository)
	if err != nil {
		return Result{}, err
	}
	if status := strings.ToUpper(e.detail.first("scan-status")); status != "COMPLETE" {
		return e.record("whose status is " + clean(status, MaxLabelName)), nil
	}
	counts := e.detail.at("finding-severity-counts")
	var found []string
	for _, word := range []string{"CRITICAL", "HIGH"} {
		if n := counts.first(word); n != "" && n != "0" {
			found = append(found, n+" "+strings.ToLower(word))
			if a.Severity == "" {
				a.Severity = severity(word)
			}
		}
	}
	a.Title = "ECR scan of " + repository + ": " + firstNonEmpty(strings.Join(found, ", "), "nothing critical or high")
	a.Description = joined(noted("Findings: ", counts.text()), noted("Image: ", e.detail.first("image-digest")), noted("Tags: ", e.detail.first("image-tags")))
	a.Labels["repository"] = repository
	return one(end(a, len(found) == 0)), nil
}

// health reads an event of AWS Health. The event is the problem by its ARN, the
// account and region that it affects are the member: copies for a backup region
// and pages of one event are the same. open and upcoming fire, closed resolves;
// events that say neither are over where they are an issue with an end. An issue
// is high, an investigation medium, and a scheduled change low, because it is
// announced and no outage. A notification about the account is recorded.
// https://docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html
func health(e bridgeEvent) (Result, error) {
	f := e.detail
	arn := f.first("eventArn")
	if arn == "" {
		return Result{}, invalid("has no eventArn")
	}
	account, region := firstNonEmpty(f.first("affectedAccount"), string(e.Account)), firstNonEmpty(f.first("eventRegion"), string(e.Region))
	a := e.keyed(arn)
	a.Fingerprint = hash(arn, account, region)
	category := f.first("eventTypeCategory")
	switch category {
	case "issue":
		a.Severity = incident.SeverityHigh
	case "investigation":
		a.Severity = incident.SeverityMedium
	case "scheduledChange":
		a.Severity = incident.SeverityLow
	default:
		return e.record("which is " + firstNonEmpty(clean(category, MaxLabelName), "no problem") + ": " + f.first("eventTypeCode")), nil
	}
	a.Service = f.first("service")
	a.Title = "AWS Health: " + firstNonEmpty(f.first("eventTypeCode"), arn)
	var lines []string
	for _, d := range f.at("eventDescription").list() {
		lines = append(lines, d.first("latestDescription"))
	}
	a.Description = joined(lines...)
	a.Labels["account"], a.Labels["region"], a.Labels["category"] = account, region, category
	var entities []string
	for _, entity := range f.at("affectedEntities").list() {
		entities = append(entities, entity.first("entityValue"))
	}
	a.Labels["entities"] = strings.Join(entities, ",")
	if start := stamp(f.first("startTime")); !start.IsZero() {
		a.StartsAt = start
	}
	status, over := strings.ToLower(f.first("statusCode")), stamp(f.first("endTime"))
	a.Labels["status"] = status
	if status == "closed" || status == "" && category == "issue" && !over.IsZero() {
		a.Status, a.EndsAt = incident.AlertResolved, over
	}
	return one(a), nil
}
