/** The browser of the tests: Debian's Chromium, driven by Playwright; and what a page must never say. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, type BrowserContext, type Page, chromium } from "playwright-core";

import { soonMs } from "./until";

const names = ["chromium", "chromium-browser", "google-chrome", "chrome"];

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: find(),
    // A process of root has no sandbox of Chromium's to be in.
    chromiumSandbox: process.getuid?.() !== 0,
    args: ["--disable-quic", "--disable-component-update"],
  });
}

function find(): string {
  for (const directory of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of names) {
      const path = join(directory, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not here.
      }
    }
  }
  throw new Error("There is no Chromium on the PATH: `go tool task test` installs one where it may; otherwise install the package chromium.");
}

export const widths = { desk: { width: 1440, height: 900 }, laptop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const;
export type Width = keyof typeof widths;
export const looks = ["light", "dark"] as const;
export type Look = (typeof looks)[number];

export interface Tab {
  page: Page;
  context: BrowserContext;
  /** What the page complained of since it was opened: errors in its console (violations of its policy are among them) and exceptions. */
  complaints: string[];
  /** The frames that the page's sockets received, in order. */
  frames: string[];
  close(): Promise<void>;
}

interface TabOptions {
  width?: Width;
  look?: Look;
  timezone?: string;
}

/** A tab in a browser profile of its own. The times of the page are those of a zone that is not UTC, so that mistaking one for the other shows. */
export async function openTab(browser: Browser, { width = "desk", look = "light", timezone = "Asia/Kolkata" }: TabOptions = {}): Promise<Tab> {
  const context = await browser.newContext({ viewport: widths[width], colorScheme: look, timezoneId: timezone, locale: "en-GB", reducedMotion: "reduce" });
  context.setDefaultTimeout(soonMs);
  return tabIn(context);
}

/** Another tab in the same profile. */
export async function tabIn(context: BrowserContext): Promise<Tab> {
  const page = await context.newPage();
  const complaints: string[] = [];
  const frames: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => complaints.push(`exception: ${error.stack ?? error.message}`));
  page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => frames.push(String(payload))));
  return { page, context, complaints, frames, close: () => context.close() };
}

/** Opens a page of the dashboards and waits until its connection is live. */
export async function openLive(tab: Tab, url: string): Promise<void> {
  await tab.page.goto(url);
  await isLive(tab.page);
}

export async function isLive(page: Page): Promise<void> {
  await page.locator('[data-testid="connection"][data-state="live"]').first().waitFor();
}
