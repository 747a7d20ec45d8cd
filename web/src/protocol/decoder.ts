/**
 * Bytes in, typed frames out: the one place where JSON from the network becomes
 * a typed value.
 *
 * Every field is checked for presence and kind against the shapes that the
 * schema gives. Values of closed sets are not checked: a gateway that is newer
 * than the loaded page may add one, and a page that shows an unknown word is
 * better than one that shows nothing. Unknown fields are kept, for the same reason.
 */
import { eventShapes, frameShapes, shapes } from "./generated-shapes";
import type { IncidentEvent, ServerFrame, Summary, View } from "./generated";

/** What an event must have whatever its type: enough to keep it in its place. */
export type Envelope = Pick<IncidentEvent, "id" | "incident_id" | "run_id" | "seq" | "at" | "provenance" | "epoch" | "offset"> & {
  type: string;
};

export type DecodedEvent =
  | { readable: true; event: IncidentEvent }
  /** The envelope is sound, but the type is unknown or the data is not what it says. */
  | { readable: false; event: Envelope; reason: string };

export type DecodedFrame =
  | { kind: "frame"; frame: Exclude<ServerFrame, IncidentEvent> }
  | ({ kind: "event" } & DecodedEvent)
  /** Neither a frame nor an event; nothing of it can be used. */
  | { kind: "malformed"; reason: string };

export class DecodeError extends Error {
  override name = "DecodeError";
}

export function decodeFrame(text: string): DecodedFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "malformed", reason: "a frame that is not JSON" };
  }
  const type = isObject(value) ? value.type : undefined;
  if (typeof type !== "string") return { kind: "malformed", reason: "a frame without a type" };
  const shape = (frameShapes as Record<string, ShapeName | undefined>)[type];
  if (shape !== undefined) {
    const wrong = mismatch(value, shape, type);
    if (wrong !== undefined) return { kind: "malformed", reason: wrong };
    return { kind: "frame", frame: value as Exclude<ServerFrame, IncidentEvent> };
  }
  try {
    return { kind: "event", ...decodeEvent(value) };
  } catch (error) {
    return { kind: "malformed", reason: error instanceof DecodeError ? error.message : String(error) };
  }
}

/** Throws a DecodeError where not even the envelope can be used. */
export function decodeEvent(value: unknown): DecodedEvent {
  const wrong = checkFields(value, envelope, "event");
  if (wrong !== undefined) throw new DecodeError(wrong);
  const event = value as Envelope;
  const shape = (eventShapes as Record<string, ShapeName | undefined>)[event.type];
  if (shape === undefined) return { readable: false, event, reason: `this page does not know events of type ${event.type}` };
  const reason = mismatch(value, shape, event.type);
  if (reason !== undefined) return { readable: false, event, reason };
  return { readable: true, event: value as IncidentEvent };
}

export function decodeSummary(value: unknown): Summary {
  return decodeAs<Summary>(value, "Summary");
}

export function decodeView(value: unknown): View {
  return decodeAs<View>(value, "View");
}

function decodeAs<T>(value: unknown, shape: ShapeName): T {
  const wrong = mismatch(value, shape, shape);
  if (wrong !== undefined) throw new DecodeError(wrong);
  return value as T;
}

type ShapeName = keyof typeof shapes;

const envelope = {
  type: "string",
  id: "string",
  incident_id: "string",
  run_id: "string",
  seq: "number",
  "epoch?": "string",
  "offset?": "number",
  at: "time",
  provenance: "Provenance",
};

/** Says what is wrong with value, or undefined where it has the shape. */
function mismatch(value: unknown, shape: ShapeName, path: string): string | undefined {
  return checkFields(value, shapes[shape], path);
}

function checkFields(value: unknown, fields: Readonly<Record<string, string>>, path: string): string | undefined {
  if (!isObject(value)) return `${path} is not an object`;
  for (const [key, wanted] of Object.entries(fields)) {
    const optional = key.endsWith("?");
    const name = optional ? key.slice(0, -1) : key;
    const have = value[name];
    if (have === undefined) {
      if (optional) continue;
      return `${path}.${name} is missing`;
    }
    const wrong = check(have, wanted, `${path}.${name}`);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function check(value: unknown, wanted: string, path: string): string | undefined {
  if (wanted.endsWith("|null")) return value === null ? undefined : check(value, wanted.slice(0, -"|null".length), path);
  if (wanted.startsWith("=")) return value === wanted.slice(1) ? undefined : `${path} is not ${wanted.slice(1)}`;
  if (wanted.startsWith("[")) {
    if (!Array.isArray(value)) return `${path} is not a list`;
    return firstWrong(value.entries(), wanted.slice(1, -1), path);
  }
  if (wanted.startsWith("(")) {
    const parts = wanted.slice(1, -1).split(",");
    if (!Array.isArray(value) || value.length !== parts.length) return `${path} is not a list of ${parts.length}`;
    for (const [i, part] of parts.entries()) {
      const wrong = check(value[i], part, `${path}[${i}]`);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
  if (wanted.startsWith("{")) {
    if (!isObject(value)) return `${path} is not a map`;
    return firstWrong(Object.entries(value), wanted.slice(1, -1), path);
  }
  switch (wanted) {
    case "any":
      return undefined;
    case "plain":
      return ["string", "number", "boolean"].includes(typeof value) ? undefined : `${path} is no string, number or boolean`;
    case "string":
    case "boolean":
      return typeof value === wanted ? undefined : `${path} is not a ${wanted}`;
    case "number":
      return typeof value === "number" && Number.isFinite(value) ? undefined : `${path} is not a number`;
    case "time":
      return typeof value === "string" && !Number.isNaN(Date.parse(value)) ? undefined : `${path} is not a time`;
    default:
      return checkFields(value, shapes[wanted as ShapeName], path);
  }
}

function firstWrong(entries: Iterable<[PropertyKey, unknown]>, wanted: string, path: string): string | undefined {
  for (const [key, item] of entries) {
    const wrong = check(item, wanted, `${path}[${String(key)}]`);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
