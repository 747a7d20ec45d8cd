/** axe-core on a page as it is, and whether everything on it that can be used can be reached by Tab. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds serious or critical, one line for each element. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // Evaluated, not added as a script: the page's policy allows none but its own, and stays as it is.
  await page.evaluate(axe);
  const results = await page.evaluate(async () => {
    const { axe: here } = window as unknown as { axe: { run(): Promise<AxeResults> } };
    return here.run();
  });
  return results.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.target.join(" ")}: ${node.html.slice(0, 160)}: ${node.failureSummary ?? ""}`));
}

/**
 * Goes through the page by Tab until it begins anew, and names what can be used and was not reached.
 * Of a group that arrow keys go through (tabs, radio buttons, menus) one member is reached.
 */
export async function unreached(page: Page): Promise<string[]> {
  const wanted = await page.evaluate(() => {
    const within = document.querySelector('[role="dialog"][data-open]') ?? document;
    const usable = [...within.querySelectorAll<HTMLElement>("a[href], button, input, select, textarea, summary, [tabindex]")].filter(
      (e) =>
        e.checkVisibility({ visibilityProperty: true }) &&
        e.tabIndex >= 0 &&
        !(e as HTMLButtonElement).disabled &&
        e.closest("[inert], [aria-hidden=true]") === null &&
        // The browser goes to one radio button of a group.
        !(e instanceof HTMLInputElement && e.type === "radio" && !e.checked && document.querySelector(`input[type=radio][name="${CSS.escape(e.name)}"]:checked`) !== null),
    );
    usable.forEach((e, i) => e.setAttribute("data-reach", String(i)));
    return usable.length;
  });
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  const reached = new Set<string>();
  // Twice as often as there are elements: what is shown on focus (a link to skip) adds some.
  for (let i = 0; i < 2 * wanted + 10 && reached.size < wanted; i++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => document.activeElement?.getAttribute("data-reach"));
    if (typeof at === "string") reached.add(at);
  }
  return page.evaluate(
    (seen) => [...document.querySelectorAll("[data-reach]")].filter((e) => !seen.includes(e.getAttribute("data-reach") ?? "") && e.checkVisibility({ visibilityProperty: true })).map((e) => e.outerHTML.slice(0, 200)),
    [...reached],
  );
}
