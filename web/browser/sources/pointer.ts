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

/** Every value below, and the names that lead to them where a map has them. Stops at one more than `most`. */
export function leaves(value: unknown, most = Infinity): Leaf[] {
  const found: Leaf[] = [];
  const visit = (at: unknown): void => {
    if (found.length > most) return;
    if (typeof at === "string" || typeof at === "number" || typeof at === "boolean") found.push(at);
    else if (Array.isArray(at)) at.forEach(visit);
    else if (typeof at === "object" && at !== null) {
      for (const [name, below] of Object.entries(at)) {
        if (/\d/.test(name)) found.push(name);
        visit(below);
      }
    }
  };
  visit(value);
  return found;
}
