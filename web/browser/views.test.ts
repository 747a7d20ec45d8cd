/** Every view against the running product: what happens is seen, in every width and look. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";

import { Api } from "./api";
import { launch, openLive, openTab } from "./chromium";
import { seeEverywhere } from "./pages";

const vigil = inject("vigil");
const api = new Api(vigil);
let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

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
    await page.keyboard.press("a");
    await page.keyboard.press("Enter");

    const over = await api.reaches(id, "resolved");
    await page.locator(`[data-testid="incident-detail"][data-status="resolved"][data-seq="${over.seq}"]`).waitFor();
    expect(over.outcome).toBe("remediated");
    await seeEverywhere(tab, "ops-resolved");
    await tab.close();
  });
});
