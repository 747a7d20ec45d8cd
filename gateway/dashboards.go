package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// pagePolicy lets the dashboards run what is served here and nothing else.
// 'self' in connect-src covers the WebSocket of the same host.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const (
	indexFile    = "index.html"
	scenariosDir = "scenarios/" // recorded incidents
	assetsDir    = "assets/"    // the build puts a hash of the content into every name below it
)

// compressed makes what dashboards consist of a third as large on its way. What
// the API answers goes as it is: it has secrets beside what strangers sent, and
// the size of the two compressed together would tell of them.
var compressed = middleware.GzipWithConfig(middleware.GzipConfig{
	MinLength: 1024, // below, a packet more or less makes no difference
	Skipper: func(c echo.Context) bool {
		r := c.Request()
		return r.Header.Get("Range") != "" || path.Ext(r.URL.Path) == ".woff2" || strings.HasPrefix(r.URL.Path, "/api/")
	},
})

// dashboards serves the built web application. Its pages have paths of their
// own, so whatever is no file is answered with the index, which finds the page.
func (a *api) dashboards(c echo.Context) error {
	h := c.Response().Header()
	name := strings.TrimPrefix(path.Clean("/"+c.Request().URL.Path), "/")
	if strings.HasPrefix(name, "api/") || name == "api" {
		return echo.ErrNotFound
	}
	h.Set("Content-Security-Policy", pagePolicy)
	if name != "" && !hidden(name) {
		served, err := a.serveFile(c, name)
		if served || err != nil {
			return err
		}
	}
	if strings.HasPrefix(name, assetsDir) || strings.HasPrefix(name, scenariosDir) || path.Ext(name) != "" && !isPage(name) {
		return echo.ErrNotFound // a file that is missing; HTML in its place would only confuse
	}
	served, err := a.serveFile(c, indexFile)
	if served || err != nil {
		return err
	}
	h.Set("Cache-Control", "no-store")
	return c.HTML(http.StatusServiceUnavailable, notBuilt)
}

// isPage reports whether a path is one of a dashboard, which may end in an
// incident's id and so hold a dot.
func isPage(name string) bool {
	board, _, below := strings.Cut(name, "/")
	return below && (board == "ops" || board == "transparency" || board == "demo")
}

// hidden keeps dot files, which no build makes, to ourselves.
func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.Contains(name, "/.")
}

// serveFile sends a file of the build; served is false where there is none.
func (a *api) serveFile(c echo.Context, name string) (served bool, err error) {
	f, err := a.web.Open(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("dashboards: open %s: %w", name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, fmt.Errorf("dashboards: look at %s: %w", name, err)
	}
	if info.IsDir() {
		return false, nil
	}
	content, err := seekable(f)
	if err != nil {
		return false, fmt.Errorf("dashboards: read %s: %w", name, err)
	}
	cache := "no-cache"
	switch {
	case name == indexFile:
		cache = "no-store" // it names the assets of exactly this build
	case strings.HasPrefix(name, assetsDir):
		cache = "public, max-age=31536000, immutable"
	}
	c.Response().Header().Set("Cache-Control", cache)
	modified := info.ModTime()
	if name == indexFile {
		modified = time.Time{}
	}
	http.ServeContent(c.Response(), c.Request(), name, modified, content)
	return true, nil
}

func seekable(f fs.File) (io.ReadSeeker, error) {
	if s, ok := f.(io.ReadSeeker); ok {
		return s, nil
	}
	raw, err := io.ReadAll(f)
	return bytes.NewReader(raw), err
}

const notBuilt = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Vigil</title></head>
<body>
<h1>The dashboards are not built</h1>
<p>The gateway runs, and its API answers under <code>/api/v1</code>, but there is no web build where it looks for one.</p>
<p>Build it with <code>npm ci</code> and <code>npm run build</code> in <code>web/</code>, or point <code>--web-dir</code> at a directory that has an <code>index.html</code>.</p>
</body></html>
`
