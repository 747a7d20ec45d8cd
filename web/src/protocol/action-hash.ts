import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

import type { Action, Step, TargetState } from "./generated";

/**
 * The hash of an action as workflows/incident makes it: SHA-256 of its JSON with the fields in the
 * order of the Go structs, absent ones left out, map keys sorted, no white space. Approving sends
 * this hash, so computing it here proves that what is shown is what will run. (Not crypto.subtle: it
 * is asynchronous, and absent where the page is served over plain HTTP.) The vectors in
 * workflows/incident/testdata/actions.json hold both languages to the same hashes.
 */
export function actionHash(a: Action): string {
  const canonical = object([
    ["incident_id", value(a.incident_id)],
    ["plan_revision", value(a.plan_revision)],
    ["name", value(a.name)],
    ["type", value(a.type)],
    ["target", value(a.target)],
    ["steps", a.steps === null ? "null" : `[${a.steps.map(step).join(",")}]`],
    ["precondition", a.precondition ? value(a.precondition) : undefined],
    ["planned", map(a.planned)],
    ["basis", a.basis ? value(a.basis) : undefined],
    ["catalogue_version", value(a.catalogue_version)],
  ]);
  return bytesToHex(sha256(utf8ToBytes(canonical)));
}

function step(s: Step): string {
  return object([
    ["executor", value(s.executor)],
    ["document", value(s.document)],
    ["arguments", map(s.arguments)],
    ["undo", s.undo === undefined ? undefined : object([["document", value(s.undo.document)], ["arguments", map(s.undo.arguments)]])],
  ]);
}

/** Undefined where the map is empty: it is left out then. */
function map(m: TargetState | undefined): string | undefined {
  const entries = Object.entries(m ?? {});
  if (entries.length === 0) return undefined;
  return object(entries.sort(([a], [b]) => compareUTF8(a, b)).map(([key, v]) => [key, value(v)]));
}

/** Written out here because an object would put keys that look like numbers first. */
function object(fields: readonly (readonly [string, string | undefined])[]): string {
  return `{${fields.flatMap(([key, json]) => (json === undefined ? [] : [`${value(key)}:${json}`])).join(",")}}`;
}

/** Go's encoder escapes two line separators even without HTML escaping, and keeps the sign of zero. */
function value(v: string | number | boolean): string {
  if (Object.is(v, -0)) return "-0";
  return JSON.stringify(v).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

/** Go sorts keys by their bytes, JavaScript by UTF-16 units; they differ beyond U+FFFF. */
function compareUTF8(a: string, b: string): number {
  const [x, y] = [utf8ToBytes(a), utf8ToBytes(b)];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return x.length - y.length;
}
