// Command eval measures how often the product is right: on incidents that
// others recorded, and on the sandbox's own over seeds. It prints one table for
// each data set, with the commit that was measured, what answered, how often
// the right answer came first and among the first three, in how many cases
// without a fault somebody was suspected, and how well the stated confidence
// was placed (Brier score).
//
// Every case runs through the product's own code: a small loader puts what was
// recorded behind the ports of package activities, CollectEvidence reads it and
// RankSuspects answers. Data sets are read from folders, so that others of the
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
