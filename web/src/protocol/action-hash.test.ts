import { describe, expect, it } from "vitest";

import { story } from "../../test/golden";
import { actionHash } from "./action-hash";
import type { Action } from "./generated";

describe("actionHash", () => {
  const proposals = ["story", "story-aborted"].flatMap((name) => {
    const { proposal } = story(name).view;
    return proposal === undefined ? [] : [proposal];
  });

  it("is the hash that Go gives", () => {
    expect(proposals).toHaveLength(2);
    for (const proposal of proposals) expect(actionHash(proposal.action)).toBe(proposal.action_hash);
  });

  it("changes with every field, and not with the order of arguments", () => {
    const action = proposals[0]?.action as Action;
    const hash = actionHash(action);
    for (const change of [
      { target: "orders" },
      { step: 2 },
      { plan_revision: 2 },
      { arguments: { ...action.arguments, Cluster: "staging" } },
      { precondition: "" },
      { document: "Other" },
      { catalogue_version: "x" },
    ]) {
      expect(actionHash({ ...action, ...change })).not.toBe(hash);
    }
    const reversed = Object.fromEntries(Object.entries(action.arguments ?? {}).toReversed());
    expect(actionHash({ ...action, arguments: reversed })).toBe(hash);
  });
});
