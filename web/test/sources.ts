/** Which texts of a page hold a number and do not say where it comes from; see src/ui/source.ts. */

/** A run of digits that touches no letter: p99, E12 and 5xx are names. */
const number = /(?<![\p{L}\p{N}_])\p{N}+(?![\p{L}\p{N}_])/u;

export function unsourced(root: ParentNode): string[] {
  const found: string[] = [];
  for (const element of root.querySelectorAll("*")) {
    if (["SCRIPT", "STYLE", "TEXTAREA", "KBD"].includes(element.tagName)) continue;
    const own = Array.from(element.childNodes, (node) => (node.nodeType === 3 ? node.textContent : "\u0000")).join("");
    if (number.test(own) && element.closest("[data-source]") === null) found.push(`${place(element)}: ${own.replaceAll("\u0000", "…")}`);
  }
  return found;
}

function place(element: Element): string {
  const named = element.closest("[data-testid], section, [role=dialog]");
  return `${named?.getAttribute("data-testid") ?? named?.tagName.toLowerCase() ?? "page"} ${element.tagName.toLowerCase()}`;
}

/** Where the page says that its numbers come from, each once. */
export function sourcesOf(root: ParentNode): string[] {
  const all = Array.from(root.querySelectorAll("[data-source]"), (e) => e.getAttribute("data-source")?.split(" ") ?? []).flat();
  return [...new Set(all)];
}
