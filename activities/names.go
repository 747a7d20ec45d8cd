package activities

// The names under which activities are registered. They are in histories:
// never change one, add another.
const (
	LoadSettingsName    = "LoadSettings"
	CollectEvidenceName = "CollectEvidence"
	CallModelName       = "CallModel"
	RankSuspectsName    = "RankSuspects"
	ConcludeName        = "ConcludeDiagnosis"
	ForecastTrendName   = "ForecastTrend"
	ExecuteActionName   = "ExecuteAction"
	FindExecutionName   = "FindExecution"
	AwaitExecutionName  = "AwaitExecution"
	MeasureRecoveryName = "MeasureRecovery"
	GuardTextsName      = "GuardTexts"
	AnswerName          = "AnswerQuestion"
	LearnIncidentName   = "LearnIncident"
	PublishEventsName   = "PublishEvents"
	PlanOptionsName     = "PlanOptions"
	JudgeActionName     = "JudgeAction"
	RehearseActionName  = "RehearseAction"
	RequestLeasesName   = "RequestLease"
	AwaitHolderName     = "AwaitHolder"
	ReadBackActionName  = "ReadBackAction"
	NotifyName          = "Notify"
)
