// Package temporal runs a Temporal server and its web UI inside this process,
// on a SQLite file, for development and tests. In production Vigil uses the
// cluster that its owner operates.
//
// What it promises: when Start returns, a client can start workflows in the
// namespace and filter by the search attributes; workflows that were open when
// the file was last used go on, also after the process was killed or the power
// was lost. The file is written in WAL mode with synchronous FULL: the gateway
// believes that Temporal has what it has taken, so with less an alert that was
// acknowledged and delivered could be gone.
//
// Its limits: one process per file, one history shard, no schema migration
// (after an upgrade of the server whose schema differs, remove the file), and
// SQLite's one writer, which gives some tens of workflows a second. The SQLite
// driver of the server keeps its connection until the process ends, so a file
// may be started again in the same process but must not be replaced meanwhile.
//
// A Server is started once and stopped once. Start and Stop may be called from
// different goroutines, not at the same time.
package temporal
