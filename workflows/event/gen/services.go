package main

import (
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// awsServices is what one worker measured: a model that costs, one whose price
// nobody knows and that its breaker keeps from being called, a guardrail, and
// services without tokens.
func awsServices() event.AWSServices {
	return event.AWSServices{Worker: "worker-7c9d", Services: []event.AWSServiceMetrics{
		{Service: "bedrock", Model: proModel, Calls: 21, Errors: 1, ErrorsByKind: map[string]int64{"throttled": 1}, AverageMS: ptr(815.2), P50MS: ptr(760.0), P95MS: ptr(1420.5), P99MS: ptr(1630.0),
			InputTokens: 81200, OutputTokens: 2900, CacheTokens: 20480, CostMicros: ptr[int64](74240), Breaker: "closed", Limited: 2, Health: "healthy", Origin: incident.OriginSimulated},
		{Service: "bedrock", Model: "us.example.unpriced-v1:0", Calls: 6, Errors: 5, ErrorsByKind: map[string]int64{"throttled": 4, "unavailable": 1}, AverageMS: ptr(2012.0), P50MS: ptr(2012.0), P95MS: ptr(2012.0), P99MS: ptr(2012.0),
			InputTokens: 1900, OutputTokens: 44, UnknownPriced: 1, Breaker: "open", BreakerUntil: storyStart.Add(2*time.Minute + 55*time.Second), Health: "error",
			LastError: "ConverseStream: ThrottlingException: too many requests", Origin: incident.OriginLive},
		{Service: "bedrock guardrail", Calls: 14, AverageMS: ptr(91.0), P50MS: ptr(88.0), P95MS: ptr(130.0), P99MS: ptr(141.0), TextUnits: 22, CostMicros: ptr[int64](3300), Breaker: "half_open", Health: "degraded",
			GuardrailOutcomes: map[string]int64{"passed": 11, "anonymized": 2, "blocked": 1}, Origin: incident.OriginSimulated},
		{Service: "cloudwatch", Calls: 96, AverageMS: ptr(34.1), P50MS: ptr(31.0), P95MS: ptr(55.0), P99MS: ptr(71.0), Health: "healthy", Origin: incident.OriginSimulated},
		{Service: "ssm", Calls: 3, Errors: 3, ErrorsByKind: map[string]int64{"denied": 3}, Health: "error", LastError: "StartAutomationExecution: AccessDeniedException", Origin: incident.OriginLive},
	}, Today: &event.Spend{Day: "2026-11-23", Used: incident.Budget{Turns: 412, Tokens: 812_400, CostMicros: 1_204_512}, Cap: incident.Budget{CostMicros: 20_000_000}, UnknownPriced: 3}}
}
