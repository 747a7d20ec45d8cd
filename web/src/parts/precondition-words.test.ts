import { describe, expect, it } from "vitest";

import { preconditionWords } from "./precondition-words";

describe("preconditionWords", () => {
  it.each([
    ["state.desired_count == 4.0", "desired count is 4"],
    ['state.desired_count >= 2 && state.task_definition == "payments:118"', "desired count is at least 2, and task definition is payments:118"],
    ["state.stable && !state.draining", "stable is true, and draining is false"],
    ["state.task_definition == planned.task_definition", "task definition is still payments:118, as when it was planned"],
    ["state.version != 'v42'", "version is not v42"],
  ])("%s", (expression, words) => {
    expect(preconditionWords(expression, { task_definition: "payments:118" })).toBe(words);
  });

  it.each(["state.a == 1 || state.b == 2", "size(state.tasks) > 2", "state.a == planned.unknown", "state.a == env.b", "state.a in [1, 2]", "", 'state.a == "x && y"', "target == 'x'"])("leaves alone: %s", (expression) => {
    expect(preconditionWords(expression, { task_definition: "x" })).toBeUndefined();
  });
});
