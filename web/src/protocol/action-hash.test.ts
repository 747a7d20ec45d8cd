import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";

import { story, storyNames } from "../../test/golden";
import { actionHash } from "./action-hash";
import type { Action } from "./generated";

const vectors = JSON.parse(readFileSync(resolve(import.meta.dirname, "../../../workflows/incident/testdata/actions.json"), "utf8")) as { about: string; action: Action; hash: string }[];

describe("actionHash", () => {
  it.each(vectors)("is the hash that Go gives: $about", ({ action, hash }) => {
    expect(actionHash(action)).toBe(hash);
  });

  it("is the hash that every proposal of the stories carries", () => {
    const proposals = storyNames.flatMap((name) => story(name).events.flatMap((e) => (e.type === "approval.requested" ? [e.data.proposal] : [])));
    expect(proposals.length).toBeGreaterThanOrEqual(6);
    for (const proposal of proposals) expect(actionHash(proposal.action)).toBe(proposal.action_hash);
  });

  const action = vectors[0]?.action as Action;
  const [first] = action.steps ?? [];

  it("changes with every field", () => {
    if (first?.undo === undefined) throw new Error("the first vector has every field");
    const steps = [
      { ...first, executor: "ecs" },
      { ...first, document: "Other" },
      { ...first, arguments: { ...first.arguments, Cluster: "staging" } },
      { ...first, undo: undefined },
      { ...first, undo: { ...first.undo, document: "Other" } },
      { ...first, undo: { ...first.undo, arguments: undefined } },
    ];
    const changes: Partial<Action>[] = [
      { incident_id: "inc-2" },
      { plan_revision: 2 },
      { name: "restart" },
      { type: "restart_service" },
      { target: "orders" },
      { steps: null },
      { steps: [first, first] },
      ...steps.map((s) => ({ steps: [s] })),
      { precondition: "" },
      { planned: { ...action.planned, revision: 43 } },
      { basis: undefined },
      { catalogue_version: "x" },
    ];
    const hashes = [action, ...changes.map((c) => ({ ...action, ...c }))].map(actionHash);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it("does not change with the order of maps, nor with what is empty", () => {
    if (first === undefined) throw new Error("the first vector has a step");
    const reversed = Object.fromEntries(Object.entries(first.arguments ?? {}).toReversed());
    expect(actionHash({ ...action, steps: [{ ...first, arguments: reversed }] })).toBe(actionHash(action));
    const bare: Action = { ...action, precondition: undefined, planned: undefined, basis: undefined };
    expect(actionHash({ ...action, precondition: "", planned: {}, basis: "" })).toBe(actionHash(bare));
  });
});
