// Package rca finds root causes by statistics: it summarises time series,
// recognises failure signatures, ranks suspects over the service graph,
// forecasts, and checks whether telemetry is back to its state before an
// incident. No network, no model, no clock: every function is pure and gives
// the same answer for the same input, so all of it may be called concurrently.
//
// It promises to say nothing rather than to guess. Points that are no numbers
// are no points; a series too short to judge is not Known and has strength 0;
// healthy telemetry ranks nobody at or above Notable; missing data is never
// recovery.
//
// # Methods
//
//   - Normal state: median and median absolute deviation of the points before
//     the incident; how far away a point is, is the robust z-score of Iglewicz
//     and Hoaglin, "How to Detect and Handle Outliers" (1993), which calls 3.5
//     remarkable. The spread has a floor per metric, so that constant series
//     work and a change that nobody would notice is none.
//   - Slopes: Theil (1950) and Sen (1968), the median of the slopes between all
//     pairs of points; whether there is a trend at all: Kendall's tau (1938).
//   - Onset: the start of the excursion that holds the worst sustained level.
//   - Ranking: a caller whose callee became abnormal no later, and by enough to
//     account for it, is explained by it and loses score ("explaining away",
//     Pearl 1988), latency and errors each by itself; what is left over is a
//     service's own. Sizes are compared in milliseconds and in failures a second
//     along the calls, because z-scores do not add up along them. Following
//     anomalies along the call graph is the idea of Monitorrank (Kim et al.,
//     SIGMETRICS 2013), MicroRCA (Wu et al., NOMS 2020) and of Budhathoki et al.,
//     ICML 2022.
//   - How unusual is unusual: what the past reached as often as once in all the
//     levels that are compared now is at most remarkable, an empirical quantile
//     in place of a distribution that telemetry does not have.
//   - Signatures of known causes add to a suspect's own score, by noisy-or (Pearl
//     1988). A cause that brings about the signs of another takes from it.
//   - Forecast: the Theil–Sen line with the confidence interval of its slope
//     (Sen 1968) and the spread of the points around it.
//
// # Limits
//
// The service graph is taken as complete where it has edges: what it does not
// show cannot be explained. A fault with no telemetry of its own is blamed on
// the deepest service that shows it, or on the callee that a log names. Log
// lines are read by English words that operating systems, runtimes and clouds
// use. Causes that no signature knows are ranked, as incident.CauseUnknown. A
// deployment that happens to precede another fault of the same service by
// seconds is blamed for it. Weights and thresholds are set by hand, on made
// incidents and on recorded ones, and judged on others; deploy/eval says which.
package rca
