import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

import type { Action } from "./generated";

/**
 * The hash of an action as workflows/incident makes it: SHA-256 of its JSON with the fields in the
 * order of the Go struct, absent ones left out, map keys sorted, no white space. Approving sends
 * this hash, so computing it here proves that what is shown is what will run. (Not crypto.subtle: it
 * is asynchronous, and absent where the page is served over plain HTTP.)
 */
export function actionHash(a: Action): string {
  const canonical = {
    incident_id: a.incident_id,
    plan_revision: a.plan_revision,
    step: a.step,
    type: a.type,
    target: a.target,
    document: a.document,
    arguments: sortedArguments(a.arguments),
    precondition: a.precondition || undefined,
    catalogue_version: a.catalogue_version,
  };
  return bytesToHex(sha256(utf8ToBytes(goString(JSON.stringify(canonical)))));
}

function sortedArguments(args: Action["arguments"]): Record<string, string> | undefined {
  if (args === undefined || Object.keys(args).length === 0) return undefined;
  return Object.fromEntries(Object.entries(args).sort(([a], [b]) => compareUTF8(a, b)));
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

/** Go's encoder escapes these two line separators even without HTML escaping. */
function goString(json: string): string {
  return json.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}
