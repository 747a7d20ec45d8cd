/**
 * Walks a rendered page and holds every number on it against its source (src/ui/source.ts has the
 * rules). What differs is read once more, page and source: between the two, the incident may have
 * gone on.
 */
import type { Page } from "playwright-core";

import { DeriveError, derive } from "./derive";
import { numbersIn } from "./numbers";
import { follow, leaves, nowhere } from "./pointer";
import { isExplained } from "./renderings";
import { type Reading, type ShownText, readPage } from "./shown";

/** Fetches what a source names: the answer of a path, a recorded event, or a system event that a socket carried. */
export interface Sources {
  /** fresh: ask again, whatever was answered before. */
  read(what: string, fresh: boolean): Promise<unknown>;
}

export interface Finding {
  shown: ShownText;
  why: string;
}

export interface Walked {
  /** How many texts with numbers were compared. */
  compared: number;
  findings: Finding[];
}

/** What nobody recorded, for only the page knows it; anything else has to be compared. */
const ownWords = new Set(["page:typed#", "page:connection#", "page:speech#", "page:answer#"]);

/** More values than this would be right of almost any number, whether one pointer names them or several. */
const mostLeaves = 24;

export async function walk(page: Page, sources: Sources): Promise<Walked> {
  const reading = await page.evaluate(readPage);
  const doubtful = await check(reading, sources, false);
  if (doubtful.length === 0) return { compared: reading.texts.length, findings: [] };
  const again = await page.evaluate(readPage);
  // By its text as well: what stands before an element may have come or gone.
  const keys = new Set(doubtful.flatMap(({ shown }) => [shown.key, shown.text]));
  const findings = await check({ ...again, texts: again.texts.filter(({ key, text }) => keys.has(key) || keys.has(text)) }, sources, true);
  return { compared: reading.texts.length, findings };
}

async function check(reading: Reading, sources: Sources, fresh: boolean): Promise<Finding[]> {
  const asked = new Map<string, Promise<unknown>>();
  const read = (what: string): Promise<unknown> => {
    const answer = asked.get(what) ?? sources.read(what, fresh);
    asked.set(what, answer);
    return answer;
  };
  const findings = await Promise.all(
    reading.texts.map(async (shown) => {
      const why = await doubt(shown, reading, read);
      return why === undefined ? undefined : { shown, why };
    }),
  );
  return findings.filter((f) => f !== undefined);
}

/** Why a text cannot be believed; undefined where it can. */
async function doubt(shown: ShownText, reading: Reading, read: (what: string) => Promise<unknown>): Promise<string | undefined> {
  const numbers = numbersIn(shown.text);
  if (numbers.length === 0) return undefined;
  if (shown.source === undefined) return "no source";
  const named = shown.source.split(/\s+/u).filter(Boolean);
  if (named.length === 1 && ownWords.has(shown.source)) return undefined;
  const values: unknown[] = [];
  for (const one of named) {
    if (one.startsWith("page:")) return `the source ${one} is none of what only a page knows, alone: ${[...ownWords].join(", ")}`;
    const cut = one.indexOf("#");
    if (cut === -1) return `the source ${one} has no pointer`;
    let document: unknown;
    try {
      document = await read(one.slice(0, cut));
    } catch (error) {
      return `the source ${one} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
    const value = follow(document, decodeFragment(one.slice(cut + 1)));
    if (value === nowhere) return `the pointer of ${one} leads nowhere`;
    values.push(value);
  }
  let derived: ReturnType<typeof derive> = { numbers: [], lengths: [] };
  if (shown.derive !== undefined) {
    try {
      derived = derive(shown.derive, values, reading.now);
    } catch (error) {
      if (!(error instanceof DeriveError)) throw error;
      return `data-derive: ${error.message}`;
    }
  }
  // What is computed from values is none of them; a title may name those as well.
  const known = shown.derive === undefined || shown.what !== "text" ? leaves(values.map((value) => value ?? 0), mostLeaves) : [];
  if (known.some((leaf) => typeof leaf === "string" && isPart(shown.text, leaf))) return undefined;
  const wrong = numbers.filter((n) => !isExplained(n, known, derived, reading));
  if (wrong.length === 0) return undefined;
  const has = [...known.slice(0, 8), ...derived.numbers, ...derived.lengths.map((ms) => `${ms} ms`)].map((value) => JSON.stringify(value)?.slice(0, 80)).join(", ");
  return `shows ${wrong.map((n) => JSON.stringify(n.raw)).join(", ")}, ${shown.source}${shown.derive === undefined ? "" : ` (${shown.derive})`} has ${has}${known.length > 8 ? ", …" : ""}`;
}

/** Whether a text stands in another one as a whole, not in the middle of a word or a number; or is how a long name begins. */
function isPart(text: string, leaf: string): boolean {
  const flat = ` ${leaf.replaceAll(/\s+/gu, " ").trim()} `;
  if (text.length >= 8 && flat.startsWith(` ${text.replace(/…$/u, "").trim()}`)) return true;
  for (let at = flat.indexOf(text); at !== -1; at = flat.indexOf(text, at + 1)) {
    if (!/[\p{L}\d_][.,:]?$/u.test(flat.slice(0, at)) && !/^[.,:]?[\p{L}\d_]/u.test(flat.slice(at + text.length))) return true;
  }
  return false;
}

function decodeFragment(pointer: string): string {
  return pointer.includes("%") ? decodeURIComponent(pointer) : pointer;
}

/** For whoever fixes it: by component, each kind once. */
export function report({ compared, findings }: Walked): string {
  const groups = new Map<string, Map<string, number>>();
  for (const { shown, why } of findings) {
    const lines = groups.get(shown.component) ?? new Map<string, number>();
    const line = `${shown.element} ${shown.what} ${JSON.stringify(shown.text.slice(0, 100))}: ${why}`;
    groups.set(shown.component, lines.set(line, (lines.get(line) ?? 0) + 1));
  }
  const told = [...groups].map(([component, lines]) => `${component}\n${[...lines].map(([line, times]) => `    ${line}${times > 1 ? ` (${times} times)` : ""}`).join("\n")}`);
  return `${findings.length} of ${compared} texts with digits have no source that holds.\n${told.join("\n")}`;
}
