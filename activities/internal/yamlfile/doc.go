// Package yamlfile reads the YAML files in which people tell Vigil what it may
// do, and says all that is wrong with one at once: each problem on a line that
// names file, line and field and says what would be right.
//
// A file is one document and is read strictly: a field that nobody knows, a
// name that is there twice and a value of the wrong kind are problems, so that
// a slip of the pen never becomes a permission. Reading costs no more than the
// file's size and touches nothing but its bytes. A File is used by one
// goroutine, and is done with once it was read.
package yamlfile
