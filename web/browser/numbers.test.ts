/** Every number on every view has a source, and is what its source says. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";

import { Api } from "./api";
import { type Seen, show, unfold, views } from "./catalogue";
import { launch, openTab } from "./chromium";
import { liveSources } from "./sources/live-sources";
import { report, walk } from "./sources/walk";
import { everything } from "./story";

const vigil = inject("vigil");
let browser: Browser;
let seen: Seen;

beforeAll(async () => {
  browser = await launch();
  seen = await everything(new Api(vigil));
});
afterAll(() => browser?.close());

describe("every number has a source that has it", () => {
  it.each(views.map((view) => [view.name, view] as const))("on %s", async (_, view) => {
    const tab = await openTab(browser);
    await show(tab.page, vigil, view, seen);
    await unfold(tab.page, true);
    const result = await walk(tab.page, liveSources(vigil.gateway, tab));
    if (result.findings.length > 0) expect.fail(report(result));
    expect(result.compared).toBeGreaterThan(0);
    await tab.close();
  });
});
