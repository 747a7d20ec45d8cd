/** Every view against a product that begins with nothing: what happens is seen, in every width and look. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Api } from "./api";
import { launch, openLive, openTab } from "./chromium";
import { pictureForReadme, seeEverywhere, seePrinted } from "./pages";
import { type Product, startProduct } from "./product";
import { liveSources } from "./sources/live-sources";
import { report, walk } from "./sources/walk";
import { recordedScenario, resolvedIncident } from "./story";

let vigil: Product;
let api: Api;
let browser: Browser;

const explainedViews = ["Reasoning", "Decisions", "Confidence", "Communication", "Analytics"];

/** How far the page's clock is moved between two looks. */
const stepMs = 4_000;
const replayWithinMs = 20 * 60_000;
const presentedWithinMs = 3 * 60_000;

beforeAll(async () => {
  [vigil, browser] = await Promise.all([startProduct(), launch()]);
  api = new Api(vigil);
});
afterAll(async () => {
  await browser?.close();
  await vigil?.stop();
});

describe("/ops", () => {
  it("shows an incident from its alert to resolved, decided on by keyboard", async () => {
    const tab = await openTab(browser);
    const { page } = tab;
    await openLive(tab, `${vigil.gateway}/ops`);
    await seeEverywhere(tab, "ops-quiet");

    const before = await api.summaries();
    await page.getByTestId("demo").click();
    await page.getByTestId("fault-bad_deployment").click();
    await page.keyboard.press("Escape");
    const id = await api.opened(before);
    await page.getByTestId(`incident-${id}`).waitFor();
    await page.keyboard.press("j");
    const detail = page.getByTestId("incident-detail");
    await detail.waitFor();
    await seeEverywhere(tab, "ops-investigating");

    await api.reaches(id, "awaiting_approval");
    await page.locator('[data-testid="incident-detail"][data-status="awaiting_approval"]').waitFor();
    await page.getByRole("button", { name: "Approve" }).waitFor();
    await seeEverywhere(tab, "ops-approval");
    await pictureForReadme(tab, "ops");
    await page.keyboard.press("a");
    await page.keyboard.press("Enter");

    const over = await api.reaches(id, "resolved");
    await page.locator(`[data-testid="incident-detail"][data-status="resolved"][data-seq="${over.seq}"]`).waitFor();
    expect(over.outcome).toBe("remediated");
    await seeEverywhere(tab, "ops-resolved");
    await tab.close();
  });
});

describe("/transparency", () => {
  it("replays a past incident, event by event and by itself, to the state that it ended in", async () => {
    const id = await resolvedIncident(api);
    const ended = await api.view(id);
    const tab = await openTab(browser);
    const { page } = tab;
    await page.clock.install();
    await page.goto(`${vigil.gateway}/transparency/incidents/${id}`);
    const explained = page.getByTestId("explained");
    await explained.waitFor();
    await page.keyboard.press("Home");
    await page.locator('[data-testid="explained"][data-seq="1"]').waitFor();
    expect(await explained.getAttribute("data-status")).not.toBe(ended.status);
    await page.keyboard.press("ArrowRight");
    await page.locator('[data-testid="explained"][data-seq="2"]').waitFor();
    await seeEverywhere(tab, "transparency-begins");
    // Played by itself, in the page's time rather than in ours.
    await page.keyboard.press("Space");
    const end = page.locator(`[data-testid="explained"][data-seq="${ended.seq}"]`);
    for (let passed = 0; passed < replayWithinMs && (await end.count()) === 0; passed += stepMs) await page.clock.runFor(stepMs);
    await end.waitFor();
    expect({ run: await explained.getAttribute("data-run"), status: await explained.getAttribute("data-status") }).toEqual({ run: ended.run_id, status: ended.status });
    for (const view of explainedViews) {
      await page.getByRole("tab", { name: view }).click();
      await page.getByTestId(`view-${view.toLowerCase()}`).waitFor();
      await explained.evaluate((element) => element.scrollTo(0, 0));
      await seeEverywhere(tab, `transparency-${view.toLowerCase()}`);
      if (view === "Decisions") await pictureForReadme(tab, "transparency");
    }
    await tab.close();
  });

  it("shows a recorded scenario that says what it was recorded from", async () => {
    const scenario = await recordedScenario(api);
    const tab = await openTab(browser);
    await tab.page.goto(`${vigil.gateway}/transparency/scenarios/${scenario}`);
    await tab.page.getByTestId("recorded").waitFor();
    await seeEverywhere(tab, "transparency-recorded");
    await tab.close();
  });
});

describe("/demo", () => {
  it("says what happened and what it cost", async () => {
    await resolvedIncident(api);
    const tab = await openTab(browser);
    await tab.page.goto(`${vigil.gateway}/demo`);
    await tab.page.getByRole("heading", { name: "Incidents, and what they cost" }).waitFor();
    await seeEverywhere(tab, "demo");
    await pictureForReadme(tab, "demo");
    await tab.close();
  });

  it("prints on two pages of paper, with nothing on them to press", async () => {
    await resolvedIncident(api);
    const tab = await openTab(browser);
    const { page } = tab;
    await page.goto(`${vigil.gateway}/demo`);
    await page.getByRole("heading", { name: "The latest incidents" }).waitFor();
    await seePrinted(page, "demo");
    expect(await page.locator("button:visible, nav:visible").count()).toBe(0);
    const pdf = await page.pdf({ format: "A4" });
    expect(pdf.toString("latin1").match(/\/Type\s*\/Page\b(?!s)/gu)).toHaveLength(2);
    await tab.close();
  });

  it.each(["a live incident", "a recorded scenario"])("presents %s within three minutes, and every number said has its source", async (what) => {
    const recorded = what === "a recorded scenario";
    const path = recorded ? `scenarios/${await recordedScenario(api)}` : `incidents/${await resolvedIncident(api)}`;
    const tab = await openTab(browser);
    const { page } = tab;
    await page.clock.install();
    await page.goto(`${vigil.gateway}/demo/present/${path}`);
    const presentation = page.getByTestId("presentation");
    await presentation.waitFor();
    await seeEverywhere(tab, recorded ? "demo-present-recorded" : "demo-present");
    const sources = liveSources(vigil.gateway, tab);
    const told = new Set<string>();
    const done = page.getByRole("button", { name: "From the start" });
    for (let passed = 0; passed < presentedWithinMs && (await done.count()) === 0; passed += stepMs) {
      await page.clock.runFor(stepMs);
      told.add((await presentation.getAttribute("data-scene")) ?? "");
      const said = await walk(page, sources);
      if (said.findings.length > 0) expect.fail(`${[...told].at(-1)}: ${report(said)}`);
    }
    await done.waitFor();
    expect(told.size).toBeGreaterThan(3);
    await seeEverywhere(tab, recorded ? "demo-presented-recorded" : "demo-presented");
    await tab.close();
  });
});
