import { expect, it } from "vitest";

import { layers } from "./service-graph";

const edges = (...pairs: string[]) => pairs.map((p) => ({ from: p.split(">")[0] ?? "", to: p.split(">")[1] ?? "" }));

it("puts callers above what they call, by the longest way", () => {
  expect(layers(edges("web>api", "api>checkout", "checkout>db", "api>db"))).toEqual([["web"], ["api"], ["checkout"], ["db"]]);
});

it("ends on a cycle, also one that nobody calls from outside", () => {
  expect(layers(edges("a>b", "b>a")).flat().toSorted()).toEqual(["a", "b"]);
  expect(layers(edges("web>a", "a>b", "b>a")).flat().toSorted()).toEqual(["a", "b", "web"]);
  expect(layers([])).toEqual([]);
});
