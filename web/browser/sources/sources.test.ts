/** The walk itself: what it must let pass, and what it must catch. */
import fc from "fast-check";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { duration, measure, percent, quantity, remaining } from "../../src/ui/format";
import { launch } from "../chromium";
import { derive } from "./derive";
import { numbersIn } from "./numbers";
import { follow, leaves, nowhere } from "./pointer";
import { isExplained } from "./renderings";
import { type Sources, report, walk } from "./walk";

const reader = { now: Date.parse("2026-11-23T14:10:00Z"), timezone: "Asia/Kolkata" };
const nothing = { numbers: [], lengths: [] };
const explains = (text: string, ...values: (string | number)[]): boolean => {
  const numbers = numbersIn(text);
  return numbers.length > 0 && numbers.every((n) => isExplained(n, values, nothing, reader));
};

describe("the numbers of a text", () => {
  it.each([
    ["p99 of E12 was 5xx, sha256, v2, nova-pro2", []],
    ["12 calls, 1,240 tokens, 14K more", ["12", "1,240", "14K"]],
    ["38s", ["38s"]],
    ["3 h 12 m", ["3 h 12 m"]],
    ["$0.0115", ["$0.0115"]],
    ["< $0.0001", ["< $0.0001"]],
    ["-0.5 %", ["-0.5 %"]],
    ["checkout:30", ["30"]],
    ["at 06:05:25 GMT+5:30", ["06:05:25", "GMT+5:30"]],
    ["23 Nov 2026", ["23 Nov 2026"]],
  ])("of %j are %j", (text, expected) => {
    expect(numbersIn(text).map((n) => n.raw.trim()).toSorted()).toEqual([...expected].toSorted());
  });
});

describe("renderings", () => {
  it.each<[string, ...(string | number)[]]>([
    ["12", 12],
    ["1,240", 1240],
    ["14K tokens", 13_620],
    ["0.0047", 0.004718],
    ["89 %", 0.8917],
    ["89 %", 89.2],
    ["$0.0115", 11_498],
    ["< $0.0001", 12],
    ["€41,963", 41_963_324_391],
    ["£1.2M", 1_200_000_000_000],
    ["16 m 37 s", 997.4],
    ["16 m 37 s", 997_400],
    ["0.4 s", 0.4719],
    ["110 ms", 110],
    ["5 KB", 5_120],
    ["19:30:05", "2026-11-23T14:00:05.123Z"],
    ["19:30:05.123", "2026-11-23T14:00:05.123456789Z"],
    ["23 Nov 2026, 19:30:05 GMT+5:30", "2026-11-23T14:00:05Z"],
    ["9m", "2026-11-23T14:00:05Z"],
    ["9 m 54 s ago", "2026-11-23T14:00:05Z"],
    ["above 300 ms, 3 of 3 [706.8]", "latency is above 300 ms, 3 of 3 points [706.8]"],
    ["15 %", -0.15],
    ["34 1/s", 34.4936],
    ["Tier 1", "tier_1"],
  ])("%j shows %j", (text, ...values) => {
    expect(explains(text, ...values)).toBe(true);
  });

  it.each<[string, ...(string | number)[]]>([
    ["13", 12],
    ["12", 12.6e3],
    ["88 %", 0.8917],
    ["$0.0116", 11_498],
    ["< $0.0001", 120],
    ["16 m 39 s", 997.4],
    ["20:30:05", "2026-11-23T14:00:05Z"],
    ["14:00:05", "2026-11-23T14:00:05Z"],
    ["24 Nov 2026", "2026-11-23T14:00:05Z"],
    ["8m", "2026-11-23T14:00:05Z"],
    ["30", "latency is above 300 ms"],
    ["15K", 13_620],
    ["75", "a score of 0.75"],
    ["10", "it began at 05:10:23"],
    ["3", "p3 of E3"],
    ["at least 3", 12],
    ["< $0.0001", 0],
  ])("%j does not show %j", (text, ...values) => {
    expect(explains(text, ...values)).toBe(false);
  });

  it("are those of ui/format", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 5e5, noNaN: true }), (n) => {
        expect(explains(duration(n * 1_000), n), duration(n * 1_000)).toBe(true);
        expect(explains(remaining(n * 1_000), n), remaining(n * 1_000)).toBe(true);
        expect(explains(quantity(n), n), quantity(n)).toBe(true);
        expect(explains(percent(n / 5e5), n / 5e5)).toBe(true);
        expect(explains(measure(n, "bytes"), n), measure(n, "bytes")).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("pointers and what is derived", () => {
  const view = { opened_at: "2026-11-23T14:00:00Z", closed_at: "2026-11-23T14:05:00Z", steps: [{ state: "done", cost: 2 }, { state: "open", cost: 3 }], none: null, "a/b": 7 };

  it("follow the standard", () => {
    expect(follow(view, "/steps/1/cost")).toBe(3);
    expect(follow(view, "/a~1b")).toBe(7);
    expect(follow(view, "")).toBe(view);
    expect(follow(view, "/absent")).toBeUndefined();
    expect(follow(view, "/absent/below")).toBe(nowhere);
    expect(follow(view, "/steps/2")).toBe(nowhere);
    expect(leaves(view)).toEqual(["2026-11-23T14:00:00Z", "2026-11-23T14:05:00Z", 7, "done", 2, "open", 3]);
    expect(leaves(view, 5)).toEqual(["2026-11-23T14:00:00Z", "2026-11-23T14:05:00Z", 7]);
  });

  it("are as the rules say", () => {
    expect(derive("span /opened_at /closed_at", [view], reader.now).lengths).toEqual([300_000]);
    expect(derive("span /opened_at", [view], reader.now).lengths).toEqual([600_000]);
    expect(derive("count /steps", [view], 0).numbers).toEqual([2]);
    expect(derive("count /steps state=done; sum /steps cost", [view], 0).numbers).toEqual([1, 5]);
    expect(derive("count /none", [view], 0).numbers).toEqual([0]);
    expect(derive("share /steps/0/cost /steps/1/cost", [view], 0).numbers).toEqual([2 / 3]);
    expect(derive("total", [2, 3], 0).numbers).toEqual([5]);
    expect(derive("total /cost; many", [{ cost: 2 }, { cost: 3 }, {}], 0).numbers).toEqual([5, 3]);
    expect(() => derive("total /a/b", [{}, {}], 0)).toThrow("leads nowhere");
    expect(derive("span", ["2026-11-23T14:00:00Z", "2026-11-23T14:00:09Z"], 0).lengths).toEqual([9_000]);
    expect(() => derive("guess /steps", [view], 0)).toThrow("is no rule");
    expect(() => derive("count /nowhere/at", [view], 0)).toThrow("leads nowhere");
  });
});

const event = { id: "run/7", at: "2026-11-23T14:00:05Z", data: { score: 0.77, tokens: 6705, reason: "from 127 to 419", request: "cd40c473-6551-4d04" } };
const series = Array.from({ length: 15 }, (_, i) => 600 + i);

/** What the sources of the pages below answer. */
const sources: Sources = {
  read: (what) => {
    if (what === "event:run/7") return Promise.resolve(event);
    if (what === "/api/v1/incidents/inc-1") return Promise.resolve({ alerts: [{ state: "firing" }, { state: "resolved" }], need: 2, series, forecast: series.map((n) => n + 100), calls: [5, 8] });
    return Promise.reject(new Error("HTTP status 404"));
  },
};

const sound = `<main>
  <p data-source="event:run/7#/data/score">Support <b>77 %</b></p>
  <p data-source="event:run/7#/data" title="6,705 tokens">latency <i>from 127 to 419</i></p>
  <p data-source="/api/v1/incidents/inc-1#" data-derive="count /alerts state=firing">1 firing</p>
  <p data-source="/api/v1/incidents/inc-1#/need">needs 2</p>
  <svg width="40" height="10" data-source="event:run/7#/data/score"><title>77 % in all</title><text>0.77</text></svg>
  <p data-source="/api/v1/incidents/inc-1#/calls/0 /api/v1/incidents/inc-1#/calls/1" data-derive="total">13 calls</p>
  <input data-source="event:run/7#/data/tokens" value="6705">
  <i role="meter" data-source="event:run/7#/data/score" aria-valuenow="77" aria-valuetext="77 %">so</i>
  <i role="meter" data-source="/api/v1/incidents/inc-1#/need" aria-valuenow="2">so</i>
  <p data-source="/api/v1/incidents/inc-1#/series">614 at last</p>
  <code data-source="event:run/7#/data/request">cd40c473-655</code>
  <p data-source="page:typed#">1 line</p>
  <p>p99 of E12</p>
  <p style="display:none">5</p>
</main>`;

describe("the walk", () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    browser = await launch();
    page = await browser.newPage();
  });
  afterAll(() => browser?.close());

  const walked = async (html: string) => {
    await page.setContent(html);
    return walk(page, sources);
  };

  it("lets a page pass whose numbers have their sources", async () => {
    const result = await walked(sound);
    expect(result.findings, report(result)).toEqual([]);
    expect(result.compared).toBeGreaterThanOrEqual(5);
  });

  it.each([
    ["a number that was changed", "77 %", "78 %", "shows \"78 %\""],
    ["a number that was changed in a picture", ">0.77<", ">0.87<", "shows \"0.87\""],
    ["a number that was changed in a title", "6,705", "6,706", "shows \"6,706\""],
    ["a number in a text that was changed", "from 127", "from 128", "shows \"128\""],
    ["a count that was changed", "1 firing", "3 firing", "shows \"3\""],
    ["another way to count", "state=firing", "state=lost", "shows \"1\""],
    ["a source that was removed", 'data-source="/api/v1/incidents/inc-1#/need"', "", "no source"],
    ["a pointer that leads elsewhere", "#/data/score", "#/data/tokens", "shows"],
    ["a pointer that leads nowhere", "#/data/score", "#/datum/score", "leads nowhere"],
    ["a source that is not there", "event:run/7#/data/score", "event:run/8#/data/score", "cannot be read: HTTP status 404"],
    ["a source without a pointer", "event:run/7#/data/score", "event:run/7", "has no pointer"],
    ["another beginning of an id", ">cd40c473-655<", ">cd40c473-656<", "shows \"-656\""],
    ["a part of a number", "from 127 to 419", "from 12", "shows \"12\""],
    ["a number that was changed in a picture's title", "77 % in all", "78 % in all", "shows \"78 %\""],
    ["one of the values that were to be added up", "13 calls", "5 calls", "shows \"5\""],
    ["a number that was changed in a field", 'value="6705"', 'value="6706"', "shows \"6706\""],
    ["a number that was changed for those who listen", 'aria-valuenow="2"', 'aria-valuenow="3"', "shows \"3\""],
    ["a number out of more than one has to look at", 'inc-1#/series"', 'inc-1#/series /api/v1/incidents/inc-1#/forecast"', "shows \"614\""],
    ["a number that is compared with what the page alone knows", '"page:typed#"', '"page:typed# /api/v1/incidents/inc-1#/need"', "alone"],
    ["a number that was typed in", "p99 of E12", "up 99.9 %", "no source"],
    ["a number that was typed in for those who listen", "<p>p99", '<p aria-label="99 of 100">p99', "no source"],
  ])("catches %s", async (_, from, to, why) => {
    expect(sound).toContain(from);
    const result = await walked(sound.replace(from, to));
    expect(result.findings.map((f) => f.why).join("\n")).toContain(why);
    expect(report(result)).toContain("have no source that holds");
  });

  it("looks again at a number that has moved meanwhile", async () => {
    await page.setContent(`<p id="n" data-source="/api/v1/incidents/inc-1#/n">4</p>`);
    const moving: Sources = {
      read: async () => {
        await page.evaluate(() => document.querySelector("#n")?.before(document.createElement("hr")));
        return { n: 5 };
      },
    };
    expect((await walk(page, moving)).findings).toHaveLength(1);
  });

  it("reads once more what differs, for an incident goes on between the page and its source", async () => {
    await page.setContent(`<p id="n" data-source="/api/v1/incidents/inc-1#/n">4</p>`);
    let asked = 0;
    const moving: Sources = {
      read: async () => {
        asked++;
        // What the source has now is on the page a moment later.
        await page.evaluate(() => document.querySelector("#n")?.replaceChildren("5"));
        return { n: 5 };
      },
    };
    expect((await walk(page, moving)).findings).toEqual([]);
    expect(asked).toBe(2);
  });
});
