// Package archive is the built-in memory: what was learned of closed
// incidents, and the Markdown runbooks of a directory, searchable by words in
// one SQLite file.
//
// What is found shares words with the question. Each word is looked for by
// its stem, and a document's score is the share of the question that it speaks
// of: the sum of the weights of the words that it has over that of all the
// words asked, where a word weighs the more the fewer documents have it (the
// inverse document frequency of BM25, in its form that is never negative).
// So 1 is a document that has every word, and 0 one that has none. BM25 itself
// has no upper bound, and in a small archive it is nothing for a word that
// half of the documents have; it orders documents of equal score only.
// A document that shares a single word of several, or next to nothing of what
// was asked, is no match, so that "nothing was found" is an answer.
//
// A cause is kept only where somebody confirmed it: the telemetry, by
// verification, or a person. What a person said stands against any later word
// of verification; a person who says that it was not the cause removes it.
//
// All text is redacted before it is stored. It is untrusted all the same: a
// runbook or a past incident can hold instructions that somebody planted, and
// whoever shows it to a model delimits it like any other text from outside.
//
// The journal is a write-ahead log with synchronous=FULL: what Learn returned
// for is on disk. One connection writes, others read beside it; an Archive is
// safe for concurrent use, and several may have the file open. The file must be
// on a local disk. So each of several workers on several machines has a file
// of its own and knows only the incidents that closed on it; where they are to
// share what was learned, use package agentcore.
package archive
