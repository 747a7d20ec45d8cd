// Package webhook carries actions out by signed HTTP requests to hooks that a
// team writes: what Vigil has no executor for, behind an address that does it.
//
// A hook is a document of the catalogue. Hooks are in a YAML file:
//
//	hooks:
//	  - name: drain                         # what the catalogue calls the document
//	    url: https://ops.example/drain      # is asked to act
//	    state_url: https://ops.example/state   # optional: what there is to know of a target
//	    status_url: https://ops.example/status # optional: what became of a request
//	    secret_file: drain.secret           # signs; one secret a line, 16 characters or more
//	    timeout: 10s                        # default 10s, at most 30s
//	    header_files:                       # optional: headers whose values are secrets
//	      Authorization: drain.authorization
//
// Paths are relative to the file. Secrets and headers are read for each
// request, so that they can be rotated without a restart.
//
// # Requests
//
// To act is a POST to url of the JSON of Request, with the effect's token as
// Idempotency-Key. To read is a GET of state_url with the parameters document
// and target, or of status_url with token, document and id: a GET, so that an
// address that is written twice by mistake never acts. Each carries
// Vigil-Timestamp, in seconds, and Vigil-Signature, one v1=<hex> per secret: the
// HMAC-SHA256 of the timestamp, a full stop and the content, which is the body,
// or of a GET the path and query as they are sent. Verify is the receiver's
// half. Within its window of five minutes a receiver tells repetitions apart by
// the Idempotency-Key.
//
// # Answers
//
//	2xx        begun. The body may be {"id", "state", "detail"}; state is running,
//	           succeeded, failed or unknown, and without one 202 is running and
//	           any other succeeded
//	409        with {"token": the token} in its body: begun before, by a request
//	           whose answer was lost. Else a refusal
//	429        not now: the sender waits as Retry-After says
//	other 4xx  refused, nothing happened
//	408, 425,  in doubt: what became of it is read back at status_url, and where
//	5xx, 3xx,  there is none a person decides
//	no answer
//
// status_url answers 200 with such a body, and 404 where it knows no such
// token. state_url answers 200 with one flat JSON object of strings, numbers
// and booleans, and 404 where it knows no such target. A hook without
// state_url knows nothing of its target but kind "other".
//
// # Promises
//
//   - Each request is sent once: on a connection of its own, because net/http
//     repeats what has an Idempotency-Key when an old connection breaks.
//   - HTTPS alone, but to the machine itself. Redirects are not followed. An
//     answer is read up to 64 KiB.
//   - No secret, no header that was configured and no address beyond its host
//     is in any error, record or detail; receivers' words are redacted.
//   - What is known not to have been sent is a refusal; what may have been is in
//     doubt.
//   - The guard of an effect, with the kill switch, is looked at once more when
//     the connection stands.
//
// An Executor is immutable and safe for concurrent use.
package webhook
