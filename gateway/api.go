package gateway

import (
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"

	"vigil/gateway/correlate"
	"vigil/gateway/hub"
	"vigil/gateway/intake"
	"vigil/gateway/sender"
	"vigil/gateway/store"
)

// api answers HTTP requests. It holds what handlers share and no state of its own.
type api struct {
	cfg      Config
	log      *zap.Logger
	store    store.Store
	engine   Engine
	hub      *hub.Hub
	auth     *authenticator
	sources  *sender.Sources            // nil: no sources file
	label    func(source string) string // how a source is called in metrics
	admit    func() error               // says why no delivery can be taken
	guard    *guard
	health   *health
	system   *systemEvents
	business *business

	controls *controls
	leases   *leases

	demo    DemoController // nil in the product
	slack   *slackDesk     // nil: no signing secret
	web     fs.FS
	metrics *metrics
	scraped http.Handler
	memory  *semaphore.Weighted // bytes of deliveries in flight
	wake    func()              // tells the dispatcher that there is something to do
	rules   *correlate.Rules    // by which alerts are grouped
	reader  *intake.Reader      // of what sources send
	now     func() time.Time

	refusals seldom // of deliveries that were not believed, in the log
	document []byte // the OpenAPI document
}

// handler builds the server's handler: the routes, with what every request
// passes through first.
func (a *api) handler() (*echo.Echo, error) {
	routes := a.routes()
	var err error
	if a.document, err = buildOpenAPI(routes); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = a.handleError
	e.IPExtractor = echo.ExtractIPDirect() // no proxy is trusted to say who is behind it
	e.StdLogger = log.New(&stdLog{a.log}, "", 0)
	e.Use(number, a.observe, middleware.RecoverWithConfig(middleware.RecoverConfig{
		DisableStackAll: true, DisableErrorHandler: true, LogErrorFunc: a.panicked}), a.protect)
	for _, r := range routes {
		var chain []echo.MiddlewareFunc
		if r.need != public && !r.sender {
			chain = append(chain, a.authorize(r.need))
		}
		e.Add(r.method, r.path, r.handle, chain...)
		if r.method == http.MethodGet && r.need == public { // as load balancers ask
			e.HEAD(r.path, r.handle)
		}
	}
	e.GET("/*", a.dashboards, compressed)
	e.HEAD("/*", a.dashboards)
	return e, nil
}

// number gives every request an id, by which its answer is found in the log.
// One that the client brings is not used: it could be made to look like another's.
func number(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set(headerRequestID, uuid.NewString())
		return next(c)
	}
}

// panicked logs the stack; the error goes on to be answered as internal.
func (a *api) panicked(c echo.Context, err error, stack []byte) error {
	a.log.Error("a handler panicked", zap.String("request_id", c.Response().Header().Get(headerRequestID)),
		zap.Error(err), zap.ByteString("stack", stack))
	return err
}

func (a *api) scrape(c echo.Context) error {
	a.scraped.ServeHTTP(c.Response(), c.Request())
	return nil
}

func newScrape(r prometheus.Gatherer, l *zap.Logger) http.Handler {
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{ErrorLog: log.New(&stdLog{l}, "", 0), ErrorHandling: promhttp.ContinueOnError})
}

// stdLog takes the lines of libraries that log in the standard way.
type stdLog struct{ log *zap.Logger }

func (l *stdLog) Write(line []byte) (int, error) {
	l.log.Warn(string(line))
	return len(line), nil
}
