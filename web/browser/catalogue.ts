/** Every view that people can get to, and how they get there. */
import type { Page } from "playwright-core";

import type { Address } from "./product";
import { until } from "./until";

export interface Seen {
  /** An incident that is over, and one that waits for approval. */
  over: string;
  waiting: string;
  /** A recorded scenario. */
  scenario: string;
}

export interface View {
  name: string;
  path: (seen: Seen) => string;
  /** What says that the page is there. */
  ready: string;
  /** What is opened on it. */
  open?: (page: Page) => Promise<void>;
}

const explained = ["reasoning", "decisions", "confidence", "communication", "analytics"] as const;
const live = '[data-testid="connection"][data-state="live"]';
const dialog = '[role="dialog"][data-open]';

/** A key that opens a place on /ops, and what is there then. */
const byKey = (name: string, key: string): View => ({
  name: `ops-${name}`,
  path: ({ over }) => `/ops/incidents/${over}`,
  ready: '[data-testid="incident-detail"]',
  open: async (page) => {
    await page.keyboard.press(key);
    await page.locator(dialog).waitFor();
  },
});

/** A button of an incident that asks before it does something. */
const byButton = (name: string, button: string): View => ({
  name: `ops-dialog-${name}`,
  path: ({ waiting }) => `/ops/incidents/${waiting}`,
  ready: '[data-testid="incident-detail"]',
  open: async (page) => {
    await page.getByRole("button", { name: button, exact: true }).first().click();
    await page.locator(dialog).waitFor();
  },
});

export const views: readonly View[] = [
  { name: "ops", path: () => "/ops", ready: live },
  { name: "ops-over", path: ({ over }) => `/ops/incidents/${over}`, ready: '[data-testid="incident-detail"]' },
  { name: "ops-waiting", path: ({ waiting }) => `/ops/incidents/${waiting}`, ready: '[data-testid="incident-detail"]' },
  byKey("system", "s"),
  byKey("controls", "c"),
  byKey("leases", "l"),
  byKey("deliveries", "d"),
  byKey("silences", "m"),
  byKey("help", "?"),
  byKey("palette", "Control+k"),
  byButton("note", "Note"),
  byButton("severity", "Severity"),
  byButton("resolve", "Resolve"),
  { name: "transparency", path: () => "/transparency", ready: 'h1:text-is("Which incident shall be explained?")' },
  ...explained.map((view): View => ({ name: `transparency-${view}`, path: ({ over }) => `/transparency/incidents/${over}?view=${view}`, ready: `[data-testid="view-${view}"]` })),
  { name: "transparency-replay", path: ({ over }) => `/transparency/incidents/${over}?view=reasoning&at=40`, ready: '[data-testid="explained"][data-seq="40"]' },
  { name: "transparency-recorded", path: ({ scenario }) => `/transparency/scenarios/${scenario}`, ready: '[data-testid="recorded"]' },
  { name: "demo", path: () => "/demo", ready: 'h1:text-is("Incidents, and what they cost")' },
  { name: "demo-present", path: ({ over }) => `/demo/present/incidents/${over}`, ready: '[data-testid="presentation"]' },
  { name: "demo-present-recorded", path: ({ scenario }) => `/demo/present/scenarios/${scenario}`, ready: '[data-testid="presentation"]' },
];

/** Goes to a view and opens what is to be open on it. */
export async function show(page: Page, { gateway }: Address, view: View, seen: Seen): Promise<void> {
  await page.goto(gateway + view.path(seen));
  await page.locator(view.ready).first().waitFor();
  await view.open?.(page);
  await quiet(page);
}

/** Opens, or closes, whatever is folded: what is closed by default is there for people too. */
export async function unfold(page: Page, open: boolean): Promise<void> {
  await page.evaluate((to) => document.querySelectorAll("details").forEach((d) => (d.open = to)), open);
  await quiet(page);
}

/** Waits until nothing on the page says that it is still loading. */
async function quiet(page: Page): Promise<void> {
  await until("nothing is loading", async () => {
    const loading = await page.locator(".pulse-soft").or(page.getByText("Loading…", { exact: true })).count();
    if (loading > 0) throw new Error(`${loading} parts are`);
  });
}
