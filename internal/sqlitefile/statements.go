package sqlitefile

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// idleStatements is how many compiled statements a connection keeps, of some
// kilobytes each; a process has fewer, unless it writes values into their text.
const idleStatements = 256

// connector opens connections that compile each statement once. Compiling takes
// longer than many a statement runs. database/sql prepares, runs and closes a
// statement on a connection that cannot do all of it at once; here closing only
// lays it aside, so that one in use is never handed out again.
type connector struct{ name string }

func (c connector) Driver() driver.Driver { return &sqlite.Driver{} }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	opened, err := c.Driver().Open(c.name)
	if err != nil {
		return nil, err
	}
	able, ok := opened.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the SQLite driver's %T lacks what this build needs of a connection", opened), opened.Close())
	}
	return &conn{sqliteConn: able, idle: map[string]*stmt{}}, nil
}

// sqliteConn is what is passed on of the driver's connections.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// conn is used by one goroutine at a time, as database/sql promises.
type conn struct {
	sqliteConn
	idle map[string]*stmt // by text; nil once closed
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if s, ok := c.idle[query]; ok {
		delete(c.idle, query)
		return s, nil
	}
	made, err := c.sqliteConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	able, ok := made.(sqliteStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the SQLite driver's %T lacks what this build needs of a statement", made), made.Close())
	}
	return &stmt{able, c, query}, nil
}

func (c *conn) Close() error {
	var errs []error
	for _, s := range c.idle {
		errs = append(errs, s.sqliteStmt.Close())
	}
	c.idle = nil
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type stmt struct {
	sqliteStmt
	conn  *conn
	query string
}

func (s *stmt) Close() error {
	if _, another := s.conn.idle[s.query]; another || s.conn.idle == nil || len(s.conn.idle) == idleStatements {
		return s.sqliteStmt.Close()
	}
	s.conn.idle[s.query] = s
	return nil
}
