/** Turned off and on under the browser: each dashboard ends equal to the workflows' state. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { Api } from "./api";
import { type Cable, layCable } from "./cable";
import { launch, openLive, openTab, tabIn } from "./chromium";
import { type Product, startProduct } from "./product";
import { type Dashboard, endsEqual } from "./standing";
import { Workflows } from "./workflows";

let product: Product;
let api: Api;
let workflows: Workflows;
let browser: Browser;
let cable: Cable;
/** Waits for approval throughout, until two tabs decide. */
let waiting: string;

beforeAll(async () => {
  [product, browser] = await Promise.all([startProduct({ split: true }), launch()]);
  api = new Api(product);
  workflows = new Workflows(product.temporalUI);
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

/** The three dashboards, each in a tab of one browser profile. */
class Desk {
  readonly context: BrowserContext;
  readonly pages: ReadonlyMap<Dashboard, Page>;

  private constructor(context: BrowserContext, pages: ReadonlyMap<Dashboard, Page>) {
    this.context = context;
    this.pages = pages;
  }

  /** With a clock that the test can move, or with the browser's own. */
  static async open(gateway: string, { clock = true } = {}): Promise<Desk> {
    const first = await openTab(browser);
    if (clock) await first.context.clock.install();
    const addresses = { ops: `/ops/incidents/${waiting}`, transparency: `/transparency/incidents/${waiting}?view=reasoning`, demo: "/demo" } satisfies Record<Dashboard, string>;
    const pages = new Map<Dashboard, Page>();
    for (const [dashboard, path] of Object.entries(addresses) as [Dashboard, string][]) {
      const tab = dashboard === "ops" ? first : await tabIn(first.context);
      await openLive(tab, gateway + path);
      pages.set(dashboard, tab.page);
    }
    return new Desk(first.context, pages);
  }

  /** Waits until every page says that what it shows may be old. */
  async saysSo(state = ":not([data-state=live])"): Promise<void> {
    await Promise.all([...this.pages.values()].map((page) => page.locator(`[data-testid="connection"]${state}`).first().waitFor()));
  }

  async endsEqual(): Promise<void> {
    for (const [dashboard, page] of this.pages) await endsEqual(page, dashboard, workflows);
  }

  get approve() {
    const ops = this.pages.get("ops");
    if (ops === undefined) throw new Error("/ops is not open.");
    return ops.getByRole("button", { name: "Approve", exact: true });
  }

  close(): Promise<void> {
    return this.context.close();
  }
}

/** What happens while the pages do not hear of it: another incident, and a note on the one that is looked at. */
async function meanwhile(note: string): Promise<void> {
  const before = await api.summaries();
  await api.alert(`Meanwhile${before.length}`, `service-${before.length}`, "Something happened that the page did not hear of");
  await api.note(waiting, note);
  await api.opened(before);
}

describe("/ops, /transparency and /demo end equal to the workflows' state", () => {
  it("after the gateway was killed and came back", async () => {
    const desk = await Desk.open(product.gateway, { clock: false });
    await desk.approve.and(desk.approve.page().locator(":enabled")).waitFor();
    const before = await api.summaries();
    // Its workflow goes on while no gateway is there to hear of it.
    await api.alert("GatewayDown", "search", "An incident that began right before the gateway died");
    await api.opened(before);
    const back = product.kill("gateway");
    await desk.saysSo();
    expect(await desk.approve.isDisabled()).toBe(true);
    await back;
    await desk.endsEqual();
    await desk.approve.and(desk.approve.page().locator(":enabled")).waitFor();
    await desk.close();
  });

  it("after the browser had no network for a minute", async () => {
    const desk = await Desk.open(product.gateway);
    await desk.context.setOffline(true);
    await desk.saysSo("[data-state=offline]");
    expect(await desk.approve.isDisabled()).toBe(true);
    await meanwhile("written while a browser was offline");
    await desk.context.clock.fastForward(60_000);
    await desk.context.setOffline(false);
    await desk.endsEqual();
    await desk.close();
  });

  it("after the cable was cut for a minute, of which nobody was told", async () => {
    const desk = await Desk.open(cable.url);
    cable.cut();
    await meanwhile("written while the cable was cut");
    await desk.context.clock.fastForward(20_000);
    await desk.saysSo();
    expect(await desk.approve.isDisabled()).toBe(true);
    await desk.context.clock.fastForward(40_000);
    cable.mend();
    await desk.context.clock.fastForward(30_000);
    await desk.endsEqual();
    await desk.close();
  });

  it("after the laptop slept for an hour", async () => {
    const desk = await Desk.open(cable.url);
    // Nothing runs while it sleeps: timers that were due fire once, late, over sockets that died long ago.
    cable.cut();
    await meanwhile("written while a laptop slept");
    await desk.context.clock.fastForward("01:00:00");
    await desk.saysSo();
    expect(await desk.approve.isDisabled()).toBe(true);
    cable.mend();
    await desk.context.clock.fastForward(30_000);
    await desk.endsEqual();
    await desk.close();
  });

  it("in two tabs of each, of which one decides", async () => {
    const [one, other] = [await Desk.open(product.gateway), await Desk.open(product.gateway)];
    await one.approve.click();
    await other.approve.page().locator('[data-testid="proposal-state"][data-state="approved"]').waitFor();
    expect(await other.approve.count()).toBe(0);
    await api.reaches(waiting, "resolved");
    await one.endsEqual();
    await other.endsEqual();
    await Promise.all([one.close(), other.close()]);
  });
});
