import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { story } from "../../test/golden";
import type { DeliveryView, Execution, ReviewEdited, ReviewWritten, View } from "../protocol/generated";
import { reduce } from "./reduce";
import { approve, deliver, edit, execution, keepUnnumbered, shownDeliveries, written } from "./reduce-actions";

const { view: base } = story("story-unsafe");

function lines(text: string): ReviewWritten {
  return { text, lines: [{ section: "Summary", text }] };
}

function edited(version: number): ReviewEdited {
  return { by: "dana", version, lines: [{ section: "Summary", text: `version ${version}` }] };
}

describe("the review", () => {
  it("is its newest version, whenever and however often edits come", () => {
    const events = fc.array(fc.oneof(fc.constant(lines("as written")), fc.integer({ min: 2, max: 5 }).map(edited)), { maxLength: 12 });
    fc.assert(
      fc.property(events, (all) => {
        const end = all.reduce<View>((v, d) => ({ ...v, ...("version" in d ? edit(v, d) : written(v, d)) }), base);
        const newest = Math.max(0, ...all.map((d) => ("version" in d ? d.version : 1)));
        expect(end.review_version ?? 0).toBe(newest);
        expect(end.review).toBe(newest === 0 ? undefined : newest === 1 ? "as written" : `version ${newest}`);
        expect(end.review_lines?.[0]?.text).toBe(end.review);
      }),
    );
  });

  it("that a person edited survives another run, of which the workflow knows less", () => {
    const { events } = story("story-actions");
    const before = events.reduce<View | undefined>(reduce, undefined);
    expect(before?.review_version).toBe(2);
    expect(keepUnnumbered({ ...base, review_version: 1, review: "as written" }, before)).toMatchObject({ review_version: 2, review: before?.review });
    expect(keepUnnumbered({ ...base, review_version: 3, review: "newer" }, before)).toEqual({});
    expect(keepUnnumbered(base, undefined)).toEqual({});
  });
});

it("one person's yes counts once, and only for the proposal that it is for", () => {
  const proposal = story("story-actions").view.proposal;
  if (proposal === undefined) throw new Error("the story has a proposal");
  const v: View = { ...base, proposal: { ...proposal, approvals: undefined } };
  const yes = { by: "noor", at: "2026-11-23T18:00:00Z" };
  const once = { ...v, ...approve(v, proposal.id, yes) };
  expect(once.proposal?.approvals).toEqual([yes]);
  expect(approve(once, proposal.id, yes)).toEqual({});
  expect(approve(v, "P0", yes)).toEqual({});
  expect(v.proposal?.approvals).toBeUndefined();
});

it("each step of each action is there once, where it began", () => {
  const x = (part: Partial<Execution>): Execution => ({ action_hash: "a", step: 1, executor: "ecs", document: "d", client_token: "t", state: "running", provenance: { origin: "live" }, ...part });
  const all = [x({}), x({ step: 2 }), x({ undo: true }), x({ action_hash: "b" }), x({ state: "succeeded" }), x({ undo: true, state: "unknown" })];
  const end = all.reduce<View>((v, one) => ({ ...v, ...execution(v, one) }), { ...base, executions: undefined });
  expect(end.executions?.map((e) => `${e.action_hash}${e.step}${e.undo === true ? " undo" : ""} ${e.state}`)).toEqual(["a1 succeeded", "a2 running", "a1 undo unknown", "b1 running"]);
  expect(end.execution).toBe(all.at(-1));
});

it("keeps the latest notifications, each once per channel", () => {
  const d = (key: string, state: DeliveryView["state"], channel = "slack"): DeliveryView => ({ key, channel, kind: "opened", state, at: "2026-11-23T18:00:00Z", provenance: { origin: "live" } });
  const all = [d("k", "failed"), d("k", "sent", "pager"), d("k", "sent")];
  const told = all.reduce<View>((v, one) => ({ ...v, ...deliver(v, one) }), { ...base, deliveries: undefined });
  expect(told.deliveries?.map((one) => `${one.channel} ${one.state}`)).toEqual(["pager sent", "slack sent"]);
  const many = Array.from({ length: shownDeliveries + 3 }, (_, i) => d(String(i), "sent")).reduce<View>((v, one) => ({ ...v, ...deliver(v, one) }), told);
  expect(many.deliveries).toHaveLength(shownDeliveries);
  expect(many.deliveries?.[0]?.key).toBe("3");
});
