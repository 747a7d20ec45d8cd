// Package rds reads what Amazon RDS says of a database: its events, and from
// Performance Insights what it spends its time on. A service is a database
// where its name is that of a DB instance or of a cluster; every other service
// has nothing here, which is an answer.
//
// # Limits
//
//   - Events are of the last 14 days, load of the last 7: RDS keeps no more.
//   - Of a cluster at most four instances are looked at; its load is that of
//     the busiest of them.
//   - The number of CPUs is known where Enhanced Monitoring is on or the
//     instance's processor was configured; elsewhere it is left out.
//   - Statements are digests. What literals are left in them is masked.
//   - DocumentDB's load has other dimensions and is not read.
//
// Database is immutable and safe for concurrent use.
package rds
