import { expect, it } from "vitest";

import { goldenText } from "../../test/golden";
import type { AWSServicesEvent } from "../protocol/generated";
import { hear, merged, spendToday } from "./aws-services";

const one = JSON.parse(goldenText("aws.services")) as AWSServicesEvent;

function worker(name: string, at: string, change: (s: NonNullable<AWSServicesEvent["data"]["services"]>[number]) => object = () => ({})): AWSServicesEvent {
  return { ...one, at, data: { ...one.data, worker: name, services: (one.data.services ?? []).map((s) => ({ ...s, ...change(s) })) } };
}

it("a worker's figures take the place of its own earlier ones, and go when it is silent", () => {
  let heard = hear([], worker("b", "2026-11-23T14:00:00Z"));
  heard = hear(heard, worker("a", "2026-11-23T14:00:05Z"));
  heard = hear(heard, worker("b", "2026-11-23T14:00:10Z"));
  expect(heard.map((e) => [e.data.worker, e.at.slice(17, 19)])).toEqual([["a", "05"], ["b", "10"]]);
  expect(hear(heard, worker("b", "2026-11-23T14:02:06Z")).map((e) => e.data.worker)).toEqual(["b"]);
});

it("counts add up over workers, latencies are the slowest worker's, states the worst", () => {
  const b = worker("b", "2026-11-23T14:00:05Z", (s) => ({ p95_latency_ms: 4_000, health: s.model === undefined ? s.health : "error", breaker: "open", breaker_until: "2026-11-23T14:01:00Z" }));
  const model = (list: ReturnType<typeof merged>) => list.find((s) => s.model === "amazon.nova-pro-v1:0");
  const sum = model(merged([worker("a", "2026-11-23T14:00:00Z"), b]));
  expect(sum).toMatchObject({ calls: 42, errors: 2, errors_by_kind: { throttled: 2 }, input_tokens: 162_400, cost_usd_micros: 148_480, limited_calls: 4 });
  expect(sum).toMatchObject({ p50_latency_ms: 760, p95_latency_ms: 4_000, health: "error", breaker: "open", breaker_until: "2026-11-23T14:01:00Z" });
});

it("an unknown cost stays unknown, and beside a known one is told apart", () => {
  const unpriced = (list: ReturnType<typeof merged>) => list.find((s) => s.model === "us.example.unpriced-v1:0");
  const a = worker("a", "2026-11-23T14:00:00Z");
  expect(unpriced(merged([a, worker("b", "2026-11-23T14:00:05Z")]))).toMatchObject({ cost_usd_micros: undefined, unknown_priced_calls: 2 });
  expect(unpriced(merged([a, worker("b", "2026-11-23T14:00:05Z", () => ({ cost_usd_micros: 12 }))]))).toMatchObject({ cost_usd_micros: 12, unknown_priced_calls: 2 });
});

it("the day's spend is the one read last, not a sum", () => {
  const later = { ...worker("a", "2026-11-23T14:00:09Z") };
  later.data = { ...later.data, today: { ...one.data.today, day: "2026-11-23", used: { turns: 500 }, cap: {}, unknown_priced_calls: 0 } };
  expect(spendToday([later, worker("b", "2026-11-23T14:00:05Z")])?.used.turns).toBe(500);
});
