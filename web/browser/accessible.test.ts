/** No view has a serious or critical finding of axe's, and everything on it can be reached by keyboard. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";

import { seriousFindings, unreached } from "./accessible";
import { Api } from "./api";
import { type Seen, show, views } from "./catalogue";
import { launch, looks, openTab } from "./chromium";
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

describe.each(views.map((view) => [view.name, view] as const))("%s", (_, view) => {
  it.each(["desk", "phone"] as const)("is accessible on a %s, light and dark", async (width) => {
    const tab = await openTab(browser, { width });
    await show(tab.page, vigil, view, seen);
    for (const look of looks) {
      await setLook(tab.page, look);
      await settled(tab.page);
      expect(await seriousFindings(tab.page), look).toEqual([]);
    }
    await tab.close();
  });

  it("can be used by keyboard", async () => {
    const tab = await openTab(browser);
    await show(tab.page, vigil, view, seen);
    expect(await unreached(tab.page)).toEqual([]);
    await tab.close();
  });
});
