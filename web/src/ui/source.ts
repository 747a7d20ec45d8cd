/**
 * Where a number on the page comes from, for whoever doubts it: people (on hover, in the page's own
 * source) and the test that walks every page, fetches each source and compares.
 *
 * Every text with a digit in it lies within an element that carries `data-source`: `WHAT#POINTER`, or
 * several of them separated by spaces. The nearest one counts. WHAT is
 *
 * - `event:ID`, a recorded event: what `GET /api/v1/events/ID` answers;
 * - a path below `/api/v1/`, a query over what was recorded, as its answer is;
 * - `/scenarios/NAME.json`, a recorded scenario;
 * - `system:TYPE@AT`, the latest-value event of that type and time, as the socket carried it;
 * - `page:WHAT`, what this page alone knows and nobody recorded: what somebody is typing or has chosen,
 *   since when it is not connected, what a model is saying right now.
 *
 * POINTER is a JSON Pointer (RFC 6901) to the value, or to the smallest object that has all values the
 * element shows; of more than two dozen values, none that lies deeper counts. Shown is a value as it is; rounded; in another unit (seconds, milliseconds, millionths,
 * shares, bytes, tokens); a time as a clock's, a date, or relative to now; or as a part of a text.
 *
 * What is computed from several values says how, in `data-derive`, by pointers relative to POINTER:
 *
 * - `span A B`: the time from A to B (B missing: until now);
 * - `count A` or `count A field=value`: how many elements of A there are, or are so;
 * - `sum A field`: the sum of a field over the elements of A;
 * - `share A B`: A divided by B;
 * - `left A`: what is left until A.
 *
 * And where there are several sources, by their values:
 *
 * - `span`: the time from the first to the second;
 * - `total`, or `total A`: the sum of all of them, or of what A is in each;
 * - `many`: how many there are.
 *
 * Texts of the program itself hold no digits. Names do (p99, E12, 5xx, sha256): a digit that touches a
 * letter is not a number.
 */
export interface SourceProps {
  "data-source": string;
  "data-derive"?: string;
}

/** The props that say where what an element shows comes from. */
export function from(source: string, derive?: string): SourceProps {
  return derive === undefined ? { "data-source": source } : { "data-source": source, "data-derive": derive };
}

/** A value of a recorded event, whatever run or incident it is of. */
export function eventSource(id: string, pointer = ""): string {
  return `event:${id}#${pointer}`;
}

/** A value of an answer of the API. path begins with /api/v1/. */
export function querySource(path: string, pointer = ""): string {
  return `${path}#${pointer}`;
}

/** A value of an incident as it stands. */
export function incidentSource(id: string, pointer = ""): string {
  return querySource(`/api/v1/incidents/${encodeURIComponent(id)}`, pointer);
}

/** A value of the latest system event of a type. */
export function systemSource(event: { type: string; at: string }, pointer = ""): string {
  return `system:${event.type}@${event.at}#/data${pointer}`;
}

/** When the latest system event of a type was. */
export function systemTime(event: { type: string; at: string }): string {
  return `system:${event.type}@${event.at}#/at`;
}

/** What nobody recorded: it is this page's own. */
export function pageSource(what: "typed" | "connection" | "speech" | "answer"): string {
  return `page:${what}#`;
}

/** One step of a pointer. */
export function step(part: string | number): string {
  return `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
