/** No view has a serious or critical finding of axe's, and everything on it can be reached by keyboard. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";

import { seriousFindings, unreached } from "./accessible";
import { Api } from "./api";
import { type Seen, show, unfold, views } from "./catalogue";
import { launch, looks, openTab, widths } from "./chromium";
import { setLook, settled } from "./pages";
import { everything } from "./story";

const vigil = inject("vigil");
let browser: Browser;
let seen: Seen;

beforeAll(async () => {
  browser = await launch();
  seen = await everything(new Api(vigil));
});
afterAll(() => browser?.close());

describe("accessible, and usable by keyboard", () => {
  it.each(views.map((view) => [view.name, view] as const))("%s", async (_, view) => {
    const tab = await openTab(browser);
    const { page } = tab;
    await show(page, vigil, view, seen);
    for (const look of looks) {
      await setLook(page, look);
      for (const width of ["phone", "desk"] as const) {
        await page.setViewportSize(widths[width]);
        await settled(page);
        expect(await seriousFindings(page), `${width}, ${look}`).toEqual([]);
      }
    }
    // Whole once; what is folded has the same colours at every width.
    await unfold(page, true);
    expect(await seriousFindings(page), "unfolded").toEqual([]);
    await unfold(page, false);
    expect(await unreached(page), "not reached by Tab").toEqual([]);
    await tab.close();
  });
});
