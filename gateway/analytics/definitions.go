package analytics

import "vigil/workflows/event"

// Definitions says what every figure is, under the name that it has in JSON.
func Definitions() []event.Definition { return append([]event.Definition(nil), definitions...) }

// The texts belong to the code of this package: whoever changes what is
// computed changes them too.
var definitions = []event.Definition{
	{Name: "origin", Label: "Origin", Text: "Where the incidents that are counted come from. Incidents of one origin only are counted together: those that are live or, where none is, those that are simulated. An incident is simulated as soon as anything that it rests on is."},
	{Name: "left_out", Label: "Left out", Text: "Incidents of the range that are of another origin, and are in no figure."},
	{Name: "incidents_open", Label: "In progress", Text: "Incidents that are not closed."},
	{Name: "incidents_closed", Label: "Closed", Text: "Incidents that ended, in whatever way."},
	{Name: "incidents_handled", Label: "Handled", Text: "Closed incidents but for those that were merged into another, or whose workflow was ended from outside (aborted)."},
	{Name: "incidents_remediated", Label: "Remediated", Text: "Incidents that ended because an action of Vigil took effect and the telemetry confirmed it."},
	{Name: "incidents_prevented", Label: "Prevented", Text: "Counted only where the recorded events prove all of this: before any action began, the latest forecast said that a measure passes its limit at a later moment; a step of an action reported success before the earliest moment at which the forecast's 90 % interval touches the limit; no action was taken back; the incident ended as remediated; and the telemetry was looked at again at or after the moment that was forecast and showed the measure within its limit, as did every other look at it during the incident. An incident that was closed before that moment is not counted, because nobody looked. What would have happened without the action is not known, of these incidents either."},
	{Name: "mttd_seconds", Label: "Mean time to detect", Text: "From the beginning of the trouble, as the alert gave it, until the incident opened. Where an alert gives no believable time, the trouble is taken to have begun when it came. Incidents that a person opened are not in it."},
	{Name: "mtta_seconds", Label: "Mean time to acknowledge", Text: "From the opening until a person first said that they are on it. Incidents that nobody acknowledged are not in it."},
	{Name: "mttr_seconds", Label: "Mean time to resolve", Text: "From the opening until resolved, of incidents that were resolved: confirmed by the telemetry, by alerts that cleared, or on a person's word. Incidents that closed in another way say nothing about it."},
	{Name: "phases", Label: "Time by phase", Text: "How long each phase ran, all its rounds together, of incidents that were resolved and went through it. Diagnosis and prediction run side by side, and waiting lies between phases: they do not add up to the time to resolve."},
	{Name: "success", Label: "Success rate", Text: "Of closed incidents in which a step of an action reported success: those in which the telemetry, compared with its state before the incident, confirmed that it helped. No data is not success."},
	{Name: "autonomy", Label: "Autonomy rate", Text: "Of remediated incidents: those in which no person approved, rejected or put forward an action."},
	{Name: "diagnosis", Label: "Diagnosis hit rate", Text: "Of incidents whose cause a person looked back at: those in which they said that the diagnosis was right. Their latest word counts. Incidents that nobody looked back at are not in it."},
	{Name: "ai_cost_usd_micros", Label: "AI cost of an incident", Text: "What models and guardrails cost for a handled incident, at list prices, in millionths of a US dollar. Calls whose answer was lost and that were made again are in it. Calls whose price is not known are not."},
	{Name: "ai_cost_total_usd_micros", Label: "AI cost", Text: "The same for all incidents, open ones included."},
	{Name: "ai_calls_unknown_price", Label: "Calls of unknown price", Text: "Model and guardrail calls that are in no cost, because their price is not known."},
	{Name: "currency", Label: "Currency", Text: "That of the user's rates. Without rates there is no amount of money but the cost of AI."},
	{Name: "downtime", Label: "Cost of downtime", Text: "Of resolved incidents of services with a rate: from the beginning of the trouble, or from the opening where nobody said when it began, until resolved, times what a minute costs in the service's tier, and for each affected user, by the user's rates. An incident's label affected_users goes before the number of the service. It takes the service to be down all that time, which it may not have been."},
	{Name: "savings", Label: "Saved", Text: "Of remediated incidents of services with a rate: what the user said that such an incident took before, less what it took, times what a minute costs. It may be below zero. What AI cost is not taken off. Whether the incidents would have taken as long as those before is not known."},
	{Name: "estimate", Label: "Mean and interval", Text: "The mean with a 95 % interval by the bias-corrected and accelerated bootstrap (Efron 1987) of two thousand draws, from twenty values on; below, the smallest, the middle and the largest value only. The same values always give the same interval. Coverage is how often such intervals held the true mean when it was tried on log-normal data (sigma 1) of the nearest size that is not larger: less than 95 %, because such data are skewed and samples small."},
	{Name: "share", Label: "Share and interval", Text: "From twenty on, with a 95 % interval (Wilson 1927). Below, only how many of how many."},
	{Name: "trend", Label: "Trend", Text: "From more than fifty values on: the mean of the later half of incidents, by opening, compared with that of the earlier half, with a 95 % bootstrap interval (percentile). A direction is said only where the interval leaves out no change."},
}
