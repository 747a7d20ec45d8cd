// Command eval measures how often the product is right: on incidents that
// others recorded, and on the sandbox's own over seeds. It prints one table for
// each data set, with the commit that was measured, what answered, how often
// the right answer came first and among the first three, in how many cases
// without a fault somebody was suspected, and how well the stated confidence
// was placed (Brier score).
//
// Every case runs through the product's own code: a small loader puts what was
// recorded behind the ports of package activities, CollectEvidence reads it and
// RankSuspects answers.
//
// # Models
//
// With -models, models answer as well, each in rows of its own: sandbox, which
// is the sandbox's Bedrock in this process and marked as simulated, and any id
// or inference profile of Bedrock, asked on AWS with the usual credentials and
// for money. A model is told what was gathered for the statistics and their
// ranking, in the words, turns and tools of an incident (workflows.Consult),
// looks at the case through the same ports, and its answer is held against the
// evidence (ConcludeDiagnosis). So what is measured is what the product would
// show with that model: an answer of no use is counted under "set aside", and
// the statistics' own stands for it. A model that does not answer at all, after
// the tries that an incident makes, ends the measurement.
//
// First is what the diagnosis calls probable; an inconclusive one is counted by
// the first of its hypotheses, as the statistics are by the first of their
// ranking however weak it is, and under "inconclusive" besides. It is a false
// alarm where something healthy gets a probable cause; of the statistics'
// ranking, where the first is notable. Brier takes the confidence that the
// product states, which it computes from the evidence and never takes from the
// model. Time is from the first look to the answer. Tokens and cost are those
// of one case, failed answers that were paid for included; the cost is unknown
// where the price of a model is. An alert is told by title and summary alone:
// labels of recordings can hold the answer. Without a language model behind it,
// sandbox says how the loop works and not how good a model is.
//
// Of opensre a diagnosis is judged as it is written, so there is no second
// place: right is what has the category, the words and the citations that the
// answer key asks for and nothing that it forbids, or the category alone.
// Single series (nab) and made incidents (made) are the statistics' alone.
//
// # Data
//
// Data sets are read from folders, so that others of the
// same form can be given: -petshop, -opensre, -nab; without them, from the
// folder telemetry/ in the one that VIGIL_TESTDATA names, or ../shared/data
// beside the repository. One that is not there is said to be, and left out.
// Eval exits with 1 only where something that is there cannot be read: a
// measurement is not a test.
//
// # What was learned on which cases
//
// Of PetShop, the regime low_traffic was looked at, first one half of its
// issues, later all of them; -perturb shows what is left of the result when
// values are made noisy, series and points are taken away, or normal
// operation is another stretch of time. What it taught is general:
//
//   - What is unusual need not matter. A database that is a very significant
//     2 ms slower than months before outranked a service that lost 135 ms, until
//     sizes were compared along calls, and with how often a call is made.
//   - Shares mislead across services of different traffic. A client that sees
//     12 % of few requests fail sees the same failures as the service behind
//     it that fails 3 % of many; compared by the second, they are equal.
//   - What is normally never called has no normal latency. An error path that
//     calls it now is its caller's doing.
//   - A callee that is slower by less than any timeout does not make its
//     caller fail.
//   - Error series are nearly all zero, so their spread has to come from what
//     one failed request looks like in them.
//   - Where the fault shows in one point of five, or only in a client's view of
//     the service, nothing here finds it; those are the misses that remain. The
//     recording of normal operation begins with an hour of failing requests,
//     which is the false alarm.
//
// NAB led to one change: among many levels one is always the worst, so the
// threshold grows with how many are compared. The sandbox's made worlds were
// looked at for seeds 0 to 24.
package main
