/** Turned off and on under the browser: each page ends equal to the workflows' state. */
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { Api } from "./api";
import { type Cable, layCable } from "./cable";
import { launch, openLive, openTab, tabIn } from "./chromium";
import { type Product, startProduct } from "./product";
import { endsEqual } from "./standing";

let product: Product;
let api: Api;
let browser: Browser;
let cable: Cable;
/** Waits for approval throughout, until two tabs decide. */
let waiting: string;

beforeAll(async () => {
  [product, browser] = await Promise.all([startProduct({ split: true }), launch()]);
  api = new Api(product);
  cable = await layCable(product.gateway);
  await api.fault("bad_deployment");
  waiting = await api.opened([]);
  await api.reaches(waiting, "awaiting_approval");
});

afterAll(async () => {
  await browser?.close();
  await cable?.close();
  await product?.stop();
});

afterEach(() => cable.mend());

const notLive = '[data-testid="connection"]:not([data-state="live"])';

/** What happens while the page does not hear of it: another incident, and a note on the one that is looked at. */
async function meanwhile(note: string): Promise<void> {
  const before = await api.summaries();
  await api.alert(`Meanwhile${before.length}`, `service-${before.length}`, "Something happened that the page did not hear of");
  await api.note(waiting, note);
  await api.opened(before);
}

describe("/ops ends equal to the workflows' state", () => {
  it("after the gateway was killed and came back", async () => {
    const tab = await openTab(browser);
    const { page } = tab;
    await openLive(tab, `${product.gateway}/ops/incidents/${waiting}`);
    const approve = page.getByRole("button", { name: "Approve", exact: true });
    await approve.and(page.locator(":enabled")).waitFor();
    const before = await api.summaries();
    // Its workflow goes on while no gateway is there to hear of it.
    await api.alert("GatewayDown", "search", "An incident that began right before the gateway died");
    await api.opened(before);
    await product.kill("gateway");
    await page.locator(notLive).waitFor();
    expect(await approve.isDisabled()).toBe(true);
    await endsEqual(page, api);
    await approve.and(page.locator(":enabled")).waitFor();
    await tab.close();
  });

  it("after the browser had no network for a minute", async () => {
    const tab = await openTab(browser);
    const { page, context } = tab;
    await page.clock.install();
    await openLive(tab, `${product.gateway}/ops/incidents/${waiting}`);
    await context.setOffline(true);
    await page.locator('[data-testid="connection"][data-state="offline"]').waitFor();
    expect(await page.getByRole("button", { name: "Approve", exact: true }).isDisabled()).toBe(true);
    await meanwhile("written while a browser was offline");
    await page.clock.fastForward(60_000);
    await context.setOffline(false);
    await endsEqual(page, api);
    await tab.close();
  });

  it("after the cable was cut for a minute, of which nobody was told", async () => {
    const tab = await openTab(browser);
    const { page } = tab;
    await page.clock.install();
    await openLive(tab, `${cable.url}/ops/incidents/${waiting}`);
    cable.cut();
    await meanwhile("written while the cable was cut");
    await page.clock.fastForward(20_000);
    await page.locator(notLive).waitFor();
    expect(await page.getByRole("button", { name: "Approve", exact: true }).isDisabled()).toBe(true);
    await page.clock.fastForward(40_000);
    cable.mend();
    await page.clock.fastForward(30_000);
    await endsEqual(page, api);
    await tab.close();
  });

  it("after the laptop slept for an hour", async () => {
    const tab = await openTab(browser);
    const { page } = tab;
    await page.clock.install();
    await openLive(tab, `${cable.url}/ops/incidents/${waiting}`);
    // Nothing runs while it sleeps: timers that were due fire once, late, over sockets that died long ago.
    cable.cut();
    await meanwhile("written while a laptop slept");
    await page.clock.fastForward("01:00:00");
    await page.locator(notLive).waitFor();
    expect(await page.getByRole("button", { name: "Approve", exact: true }).isDisabled()).toBe(true);
    cable.mend();
    await page.clock.fastForward(30_000);
    await endsEqual(page, api);
    await tab.close();
  });

  it("in two tabs, of which one decides", async () => {
    const one = await openTab(browser);
    const other = await tabIn(one.context);
    const address = `${product.gateway}/ops/incidents/${waiting}`;
    await openLive(one, address);
    await openLive(other, address);
    await one.page.getByRole("button", { name: "Approve", exact: true }).click();
    await other.page.locator('[data-testid="proposal-state"][data-state="approved"]').waitFor();
    expect(await other.page.getByRole("button", { name: "Approve", exact: true }).count()).toBe(0);
    await api.reaches(waiting, "resolved");
    await endsEqual(one.page, api);
    await endsEqual(other.page, api);
    await one.close();
  });
});
