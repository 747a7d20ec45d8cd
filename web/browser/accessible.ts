/** axe-core on a page as it is, and whether everything on it that can be used can be reached by Tab. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults, RunOptions } from "axe-core";
import type { Page } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds serious or critical, one line for each element. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // Evaluated, not added as a script: the page's policy allows none but its own, and stays as it is.
  await page.evaluate(axe);
  const results = await page.evaluate(async () => {
    const { axe: here } = window as unknown as { axe: { run(context: Node, options: RunOptions): Promise<AxeResults> } };
    // Behind an open dialog is a page that has its own turn.
    return here.run(document.querySelector('[role="dialog"][data-open]') ?? document, { resultTypes: ["violations"] });
  });
  return results.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.target.join(" ")}: ${node.html.slice(0, 160)}: ${node.failureSummary ?? ""}`));
}

/** Looking costs more than pressing. */
const lookEvery = 20;

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
  await page.evaluate(() => {
    (document.activeElement as HTMLElement | null)?.blur();
    document.addEventListener("focusin", ({ target }) => (target as Element).setAttribute("data-reached", ""));
  });
  const left = () => page.evaluate(() => [...document.querySelectorAll("[data-reach]:not([data-reached])")].filter((e) => e.checkVisibility({ visibilityProperty: true })).map((e) => e.outerHTML.slice(0, 200)));
  // Twice as often as there are elements: what is shown on focus (a link to skip) adds some.
  for (let pressed = 0; pressed < 2 * wanted + 10; pressed++) {
    await page.keyboard.press("Tab");
    if (pressed % lookEvery === 0 && (await left()).length === 0) return [];
  }
  return left();
}
