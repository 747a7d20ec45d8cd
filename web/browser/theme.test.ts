/** The button for light and dark changes every colour on the page, in this tab and in others. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";

import { Api } from "./api";
import { type Seen, show, views } from "./catalogue";
import { launch, openTab, tabIn } from "./chromium";
import { everything } from "./story";

const vigil = inject("vigil");
let browser: Browser;
let seen: Seen;

beforeAll(async () => {
  browser = await launch();
  seen = await everything(new Api(vigil));
});
afterAll(() => browser?.close());

const shown = views.filter(({ name }) => ["ops-over", "transparency-reasoning", "demo"].includes(name));

/** The colours of everything but the button itself, whose picture differs. */
async function colours(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    await Promise.allSettled(document.getAnimations().filter((a) => a.effect?.getComputedTiming().iterations !== Infinity).map((a) => a.finished));
    const all = new Set<string>();
    for (const e of document.querySelectorAll("body *")) {
      if (e.closest("button")?.textContent?.startsWith("Appearance")) continue;
      const { color, backgroundColor, borderTopColor, fill, stroke } = getComputedStyle(e);
      all.add(`${e.tagName} ${e.getAttribute("class") ?? ""}: ${[color, backgroundColor, borderTopColor, fill, stroke].join(" ")}`);
    }
    return [...all].toSorted();
  });
}

describe("light and dark", () => {
  it.each(shown.map((view) => [view.name, view] as const))("on %s the button does what opening the page so does", async (_, view) => {
    const dark = await openTab(browser, { look: "dark" });
    await show(dark.page, vigil, view, seen);
    const opened = await colours(dark.page);
    const tab = await openTab(browser, { look: "light" });
    const other = await tabIn(tab.context);
    await show(tab.page, vigil, view, seen);
    await show(other.page, vigil, view, seen);
    expect(await colours(tab.page)).not.toEqual(opened);
    const scheme = (page: Page) => page.evaluate(() => document.documentElement.dataset.theme);
    while ((await scheme(tab.page)) !== "dark") await tab.page.getByRole("button", { name: /^Appearance/ }).press("Enter");
    expect(await colours(tab.page)).toEqual(opened);
    await expect.poll(() => scheme(other.page)).toBe("dark");
    expect(await colours(other.page)).toEqual(opened);
    await Promise.all([dark.close(), tab.close()]);
  });
});
