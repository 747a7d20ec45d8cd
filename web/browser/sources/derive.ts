/** What an element computes from several values, as its `data-derive` says (src/ui/source.ts). */
import { follow, nowhere } from "./pointer";
import type { Derived } from "./renderings";

export class DeriveError extends Error {
  override name = "DeriveError";
}

/**
 * `bases` are what the element's sources lead to: a rule holds of each that has what it names, and one
 * without pointers of all of them together. Rules are separated by semicolons.
 */
export function derive(rules: string, bases: readonly unknown[], now: number): Derived {
  const derived = { numbers: [] as number[], lengths: [] as number[] };
  for (const rule of rules.split(";").map((text) => text.trim()).filter(Boolean)) {
    if (/^(span|many|total( .*)?)$/u.test(rule)) {
      overAll(rule, bases, now, derived);
      continue;
    }
    let wrong: unknown;
    const held = bases.filter((base) => {
      try {
        apply(rule, base, now, derived);
        return true;
      } catch (error) {
        wrong = error;
        return false;
      }
    });
    if (held.length === 0) throw wrong;
  }
  return { numbers: derived.numbers, lengths: derived.lengths.filter((ms) => !Number.isNaN(ms)) };
}

/** Where there are several sources, by their values. */
function overAll(rule: string, bases: readonly unknown[], now: number, { numbers, lengths }: { numbers: number[]; lengths: number[] }): void {
  if (rule === "span") lengths.push(time(bases[1], now) - time(bases[0], Number.NaN));
  else if (rule === "many") numbers.push(bases.length);
  else {
    const found = bases.map((base) => follow(base, rule.slice("total".length).trim())).filter((value) => value !== nowhere);
    if (found.length === 0) throw new DeriveError(`"${rule}" leads nowhere`);
    numbers.push(found.reduce<number>((sum, value) => sum + number(value), 0));
  }
}

function apply(rule: string, base: unknown, now: number, { numbers, lengths }: { numbers: number[]; lengths: number[] }): void {
  const [word = "", a = "", b] = rule.split(/\s+/u);
  switch (word) {
    case "span":
      lengths.push((b === undefined ? now : time(at(base, b, rule), now)) - time(at(base, a, rule), Number.NaN));
      break;
    case "left":
      lengths.push(time(at(base, a, rule), Number.NaN) - now);
      break;
    case "count":
      numbers.push(elements(at(base, a, rule)).filter((e) => b === undefined || matches(e, b)).length);
      break;
    case "sum":
      numbers.push(elements(at(base, a, rule)).reduce<number>((sum, e) => sum + number(at(e, pointer(b ?? ""), rule)), 0));
      break;
    case "share":
      numbers.push(number(at(base, a, rule)) / number(at(base, b ?? "", rule)));
      break;
    default:
      throw new DeriveError(`"${rule}" is no rule; the words are span, left, count, sum, share, total and many`);
  }
}

function pointer(text: string): string {
  return text === "" || text.startsWith("/") ? text : `/${text}`;
}

function at(base: unknown, path: string, rule: string): unknown {
  const value = follow(base, path === "." ? "" : path);
  if (value === nowhere) throw new DeriveError(`"${rule}": ${path} leads nowhere`);
  return value;
}

/** Go writes the zero time for "not yet". */
function time(value: unknown, absent: number): number {
  const ms = typeof value === "number" ? value : typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) || ms < 0 ? absent : ms;
}

function elements(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === "object" && value !== null ? Object.values(value) : [];
}

function matches(element: unknown, condition: string): boolean {
  const [field = "", wanted = ""] = condition.split("=");
  const value = follow(element, pointer(field));
  return String(value === nowhere || value === undefined ? "" : value) === wanted;
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
