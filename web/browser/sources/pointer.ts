/** JSON Pointers (RFC 6901), and the values that an element may show of what one leads to. */

export const nowhere = Symbol("nowhere");

/**
 * Where a pointer leads. What Go leaves out because it is empty is undefined, where all that leads to
 * it is there; otherwise nowhere.
 */
export function follow(document: unknown, pointer: string): unknown {
  if (pointer === "") return document;
  if (!pointer.startsWith("/")) return nowhere;
  const steps = pointer.slice(1).split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  let value = document;
  for (const [i, part] of steps.entries()) {
    if (typeof value !== "object" || value === null) return nowhere;
    if (!Object.hasOwn(value, part)) return i === steps.length - 1 && !Array.isArray(value) ? undefined : nowhere;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

export type Leaf = string | number | boolean;

/**
 * The values below, level by level, and the names that lead to them where a map has them. A level that
 * would make them more than `most` is left out, with all below it: whoever shows something that deep in
 * something that wide has to point closer.
 */
export function leaves(value: unknown, most = Infinity): Leaf[] {
  const found: Leaf[] = [];
  let level: unknown[] = [value];
  while (level.length > 0) {
    const here: Leaf[] = [];
    const below: unknown[] = [];
    for (const at of level) {
      if (typeof at === "string" || typeof at === "number" || typeof at === "boolean") here.push(at);
      else if (Array.isArray(at)) below.push(...at);
      else if (typeof at === "object" && at !== null) {
        here.push(...Object.keys(at).filter((name) => /\d/.test(name)));
        below.push(...Object.values(at));
      }
    }
    if (found.length + here.length > most) return found;
    found.push(...here);
    level = below;
  }
  return found;
}
