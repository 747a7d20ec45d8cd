package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"
)

// object is a part of the OpenAPI document. JSON sorts its keys, so that the
// same routes always make the same bytes.
type object = map[string]any

// pathParam finds the parameters in a path as Echo writes it.
var pathParam = regexp.MustCompile(`:([a-z_]+)`)

// buildOpenAPI documents the routes.
func buildOpenAPI(routes []route) ([]byte, error) {
	types := newSchemas()
	types.of(Problem{})
	paths := map[string]object{}
	for _, r := range routes {
		op, err := operation(types, r)
		if err != nil {
			return nil, fmt.Errorf("openapi: %s %s: %w", r.method, r.path, err)
		}
		path := pathParam.ReplaceAllString(r.path, "{$1}")
		if paths[path] == nil {
			paths[path] = object{}
		}
		paths[path][methodKey(r.method)] = op
	}
	components, err := types.components()
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	return json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Vigil gateway", "version": "1",
			"license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
			"description": "Alerts in, incidents out. Commands take an Idempotency-Key: repeating a request with the same key takes effect once, " +
				"and the answer carries Idempotency-Replayed where it was given before. After 503 nothing is known to have happened. " +
				"Errors are problem documents (RFC 9457).",
		},
		"servers": []object{{"url": "/"}},
		"paths":   paths,
		"components": object{"schemas": components, "securitySchemes": object{
			"bearer":  object{"type": "http", "scheme": "bearer"},
			"basic":   object{"type": "http", "scheme": "basic", "description": "name and token of the principal"},
			"session": object{"type": "apiKey", "in": "cookie", "name": sessionCookie},
			"sender": object{"type": "apiKey", "in": "header", "name": "X-Vigil-Secret", "description": "what the sources file says of the source, " +
				"instead of a token: a signature of the body, a secret in a header that it names, or a routing key in the body"},
		}},
	}, "", "  ")
}

func methodKey(method string) string {
	return map[string]string{http.MethodGet: "get", http.MethodPost: "post", http.MethodPut: "put", http.MethodDelete: "delete"}[method]
}

func operation(types *schemas, r route) (object, error) {
	params, err := parameters(types, r)
	if err != nil {
		return nil, err
	}
	responses, err := responses(types, r)
	if err != nil {
		return nil, err
	}
	op := object{"operationId": r.id, "tags": []string{r.tag}, "summary": r.summary, "responses": responses, "security": []object{}}
	if r.need != public {
		op["security"] = []object{{"bearer": []string{}}, {"basic": []string{}}, {"session": []string{}}}
		op["description"] = "Needs the role " + string(r.need) + " or a higher one."
	}
	if r.sender {
		op["security"] = []object{{"bearer": []string{}}, {"basic": []string{}}, {"session": []string{}}, {"sender": []string{}}}
		op["description"] = r.about + " Needs what the sources file says of the source, and nothing else in its place; where it says nothing, the role " + string(r.need) + " or a higher one."
	}
	if len(params) > 0 {
		op["parameters"] = params
	}
	switch {
	case r.anyBody:
		anything := object{"schema": object{}}
		op["requestBody"] = object{"required": true, "content": object{"*/*": anything},
			"description": "Any bytes up to the limit; gzip is unpacked. What cannot be read is accepted and kept aside with the reason."}
	case r.body != nil:
		schema, err := rewrite(types.of(r.body))
		if err != nil {
			return nil, err
		}
		op["requestBody"] = object{"content": object{mediaJSON: object{"schema": schema}}}
	}
	return op, nil
}

func parameters(types *schemas, r route) ([]object, error) {
	var list []object
	for _, m := range pathParam.FindAllStringSubmatch(r.path, -1) {
		list = append(list, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, p := range r.params {
		schema, err := rewrite(types.of(p.kind))
		if err != nil {
			return nil, err
		}
		list = append(list, object{"name": p.name, "in": "query", "description": p.about, "schema": schema})
	}
	if r.keyed {
		list = append(list, object{"name": headerKey, "in": "header", "schema": object{"type": "string", "maxLength": maxKey},
			"description": "Makes repeating the request safe. Without one, the answer carries one that was made up."})
	}
	return list, nil
}

func responses(types *schemas, r route) (object, error) {
	success := object{"description": http.StatusText(r.status)}
	switch {
	case r.result != nil:
		schema, err := rewrite(types.of(r.result))
		if err != nil {
			return nil, err
		}
		content := object{mediaJSON: object{"schema": schema}}
		if r.media != "" {
			content[r.media] = object{"schema": object{"type": "string"}}
		}
		success["content"] = content
	case r.media == mediaJSON:
		success["content"] = object{mediaJSON: object{"schema": object{"type": "object"}}}
	case r.media != "":
		success["content"] = object{r.media: object{"schema": object{}}}
	}
	out := object{strconv.Itoa(r.status): success}
	problems := append([]int{http.StatusForbidden, http.StatusMisdirectedRequest, http.StatusInternalServerError}, r.problems...)
	if r.need != public {
		problems = append(problems, http.StatusUnauthorized)
	}
	if slices.Contains(probes, r.path) {
		problems = r.problems // they are asked without regard to name and origin
	}
	for _, status := range problems {
		out[strconv.Itoa(status)] = object{"description": http.StatusText(status),
			"content": object{mediaProblem: object{"schema": object{"$ref": componentsPath + "Problem"}}}}
	}
	return out, nil
}

func (a *api) openAPI(c echo.Context) error {
	return c.Blob(http.StatusOK, mediaJSON, a.document)
}
