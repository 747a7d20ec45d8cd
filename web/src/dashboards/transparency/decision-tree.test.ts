import { describe, expect, it } from "vitest";

import { story, storyNames } from "../../../test/golden";
import { decodeEvent } from "../../protocol/decoder";
import { type Tree, treeOf } from "./decision-tree";

const tree = (name: string, until?: number) => treeOf(story(name).events.slice(0, until).map(decodeEvent));
const taken = (t: Tree) => t.nodes.filter((n) => n.taken).map((n) => n.id);
const node = (t: Tree, id: string) => t.nodes.find((n) => n.id === id);

describe("the decision tree", () => {
  it("shows the way that was taken from the evidence to the outcome, and what was not taken beside it", () => {
    const t = tree("story");
    expect(taken(t)).toEqual(expect.arrayContaining(["E1", "E3", "hypothesis:bad_deployment/checkout", "option:roll_back:checkout", "approval:P1", "approval:P2", "end"]));
    expect(node(t, "option:restart:checkout")).toMatchObject({ label: "Not chosen", taken: false });
    expect(node(t, "hypothesis:connections_exhausted/orders-db")).toMatchObject({ label: "Could be", taken: false });
    expect(t.edges.find((e) => e.from === "E6")).toMatchObject({ kind: "against", taken: false });
    expect(node(t, "approval:P1")?.note).toBe("Nobody decided in time");
    expect(node(t, "approval:P2")?.note).toBe("Approved by noor: Agreed, v42 goes out.");
  });

  it("grows with the events: what is suspected by statistics comes before the diagnosis", () => {
    const t = tree("story", 20);
    expect(node(t, "hypothesis:bad_deployment/checkout")).toMatchObject({ stage: "hypotheses", label: "Could be" });
    expect(t.nodes.some((n) => n.stage === "options")).toBe(false);
  });

  it("keeps what was tried and taken back, and what a person put forward instead", () => {
    const t = tree("story-actions");
    expect(node(t, "option:add_capacity:payments")).toMatchObject({ label: "Tried before", taken: true });
    expect(node(t, "option:revert_config:payments")).toMatchObject({ label: "Put forward by dana", taken: true });
    expect(node(t, "option:restart:payments")).toMatchObject({ taken: false });
    expect(t.nodes.filter((n) => n.label === "Taken back")).toHaveLength(2);
    expect(t.nodes.filter((n) => n.stage === "outcome" && n.label === "Verification").map((n) => n.title)).toEqual(["It did not help", "It helped"]);
  });

  it("an inconclusive diagnosis leads to a person", () => {
    const t = tree("story-inconclusive");
    expect(node(t, "hypothesis:none")).toMatchObject({ title: "Inconclusive", taken: true });
    expect(node(t, "end")).toMatchObject({ title: "Needs a person", taken: true });
  });

  it.each(storyNames)("%s: at every event, edges join boxes that are there, and every value is where it is said to be", (name) => {
    const { events } = story(name);
    for (let k = 1; k <= events.length; k++) {
      const t = tree(name, k);
      const ids = new Set(t.nodes.map((n) => n.id));
      expect(ids.size).toBe(t.nodes.length);
      for (const e of t.edges) expect(ids.has(e.from) && ids.has(e.to), `${e.from} → ${e.to} at ${k}`).toBe(true);
      for (const n of t.nodes) {
        expect(n.index).toBeLessThan(k);
        expect(n.title).not.toMatch(/undefined|NaN/);
        const value = n.pointer.split("/").slice(1).reduce<unknown>((v, part) => (v as Record<string, unknown>)[part], events[n.index]);
        expect(value, `${n.id} at ${n.pointer}`).toBeTypeOf("object");
      }
    }
  });
});
