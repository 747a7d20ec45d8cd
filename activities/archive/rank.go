package archive

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"

	"vigil/activities"
)

const (
	defaultLimit = 5
	maxLimit     = 50
	// candidates is how many documents BM25 preselects for a closer look.
	candidates = 200
	// minScore is the share of a question below which a document says next to
	// nothing of it.
	minScore = 0.1
)

// index is one of the searchable tables. join and scope narrow it to what a
// search is about.
type index struct {
	text  string // full-text table
	table string // that it is the text of, row by row
	join  string // tables that scope needs
	scope string
	args  []any
}

// hit is a document that matches, by the row id of its text.
type hit struct {
	row   int64
	score float64
}

// question is the words of a search. A document that shares only those of also
// is no match; they count for its score.
type question struct {
	words []string
	also  []string
}

// ask reads a search. The service is what is asked for only where there is
// nothing else: its incidents are not alike because they are its own.
func ask(q activities.Search) question {
	cause := strings.ReplaceAll(string(q.Cause), "_", " ")
	out := question{words: words(q.Text, cause)}
	if len(out.words) == 0 {
		return question{words: words(q.Service)}
	}
	for _, w := range words(q.Service) {
		if !slices.Contains(out.words, w) {
			out.also = append(out.also, w)
		}
	}
	return out
}

// rank finds the documents of an index that share enough with the question,
// best first.
func rank(ctx context.Context, tx *sql.Tx, in index, q question) ([]hit, error) {
	if len(q.words) == 0 {
		return nil, nil
	}
	list, err := in.preselect(ctx, tx, q.words)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	total, err := in.count(ctx, tx, nil)
	if err != nil {
		return nil, err
	}
	place := map[int64]int{}
	for i, row := range list {
		place[row] = i
	}
	have, shared, all := make([]float64, len(list)), make([]int, len(list)), 0.0
	for i, word := range slices.Concat(q.words, q.also) {
		n, err := in.count(ctx, tx, &word)
		if err != nil {
			return nil, err
		}
		weight := math.Log(1 + (float64(total-n)+0.5)/(float64(n)+0.5))
		all += weight
		if n == 0 {
			continue
		}
		rows, err := in.rows(ctx, tx, word, list)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			have[place[row]] += weight
			if i < len(q.words) {
				shared[place[row]]++
			}
		}
	}
	var out []hit
	for i, row := range list {
		score := math.Min(1, have[i]/all)
		if shared[i] >= min(2, len(q.words)) && score >= minScore {
			out = append(out, hit{row, score})
		}
	}
	slices.SortStableFunc(out, func(a, b hit) int { // preselected in the order of BM25, which stands where scores are equal
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	return out, nil
}

func (in index) preselect(ctx context.Context, tx *sql.Tx, asked []string) ([]int64, error) {
	return ids(ctx, tx, fmt.Sprintf(`SELECT %[1]s.rowid FROM %[1]s %[2]s WHERE %[1]s MATCH ? AND %[3]s ORDER BY bm25(%[1]s, 3.0, 1.0), %[1]s.rowid LIMIT %[4]d`,
		in.text, in.join, in.scope, candidates), append([]any{match(asked)}, in.args...))
}

// count is how many documents there are, or have the word: in the whole table,
// because a word is as common as it is, whatever a search leaves out.
func (in index) count(ctx context.Context, tx *sql.Tx, word *string) (n int, err error) {
	if word == nil {
		err = tx.QueryRowContext(ctx, `SELECT count(*) FROM `+in.table).Scan(&n)
		return n, err
	}
	err = tx.QueryRowContext(ctx, fmt.Sprintf(`SELECT count(*) FROM %[1]s WHERE %[1]s MATCH ?`, in.text), match([]string{*word})).Scan(&n)
	return n, err
}

// rows returns those of list whose document has the word.
func (in index) rows(ctx context.Context, tx *sql.Tx, word string, list []int64) ([]int64, error) {
	args := []any{match([]string{word})}
	marks := make([]byte, 0, 2*len(list))
	for _, row := range list {
		marks, args = append(marks, '?', ','), append(args, row)
	}
	return ids(ctx, tx, fmt.Sprintf(`SELECT rowid FROM %[1]s WHERE %[1]s MATCH ? AND rowid IN (%[2]s)`, in.text, marks[:len(marks)-1]), args)
}

func ids(ctx context.Context, tx *sql.Tx, query string, args []any) ([]int64, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// limit is how many documents q asks for.
func limit(q activities.Search) int {
	if q.Limit <= 0 {
		return defaultLimit
	}
	return min(q.Limit, maxLimit)
}
