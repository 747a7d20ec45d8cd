import { describe, expect, it } from "vitest";

import { matchersOf, matchersText, windowOf } from "./silence-words";

const at = (time: string) => Date.parse(`2026-11-${time}:00Z`);

describe("when a silence holds", () => {
  const s = { starts_at: "2026-11-20T22:00:00Z", ends_at: "2026-11-21T00:00:00Z" };

  it("once: as it says", () => {
    expect(windowOf(s, at("25T00:00"))).toEqual({ from: at("20T22:00"), to: at("21T00:00") });
  });

  it.each([
    ["before the first time", "20T10:00", "20T22:00"],
    ["in the first", "20T23:00", "20T22:00"],
    ["at its end, the next", "21T00:00", "21T22:00"],
    ["between two", "23T12:00", "23T22:00"],
    ["in a later one", "23T22:30", "23T22:00"],
  ])("every day, %s", (_, now, from) => {
    expect(windowOf({ ...s, repeat: "daily" }, at(now))).toEqual({ from: at(from), to: at(from) + 2 * 3_600_000 });
  });

  it("every week", () => {
    expect(windowOf({ ...s, repeat: "weekly" }, at("24T00:00")).from).toBe(at("27T22:00"));
  });
});

describe("what alerts have in common", () => {
  const alert = (service: string | undefined, title: string, alertname?: string) => ({ service, title, ...(alertname !== undefined && { labels: { alertname } }) });

  it.each([
    ["one, by its label", [alert("cart", "Cart is slow", "CartSlow")], 'service is cart and alertname is CartSlow'],
    ["one without the label, by its title", [alert("cart", "Cart is slow")], "service is cart and title is Cart is slow"],
    ["several names, taken literally", [alert("cart", "a", "Slow (p95)"), alert("cart", "b", "Down")], String.raw`service is cart and alertname matches Down|Slow \(p95\)`],
    ["several services", [alert("cart", "x"), alert("search", "x")], "service matches cart|search and title is x"],
    ["a service that is not known", [alert("cart", "x"), alert(undefined, "x")], "title is x"],
    ["the label on some only", [alert("cart", "x", "X"), alert("cart", "y")], "service is cart and title matches x|y"],
    ["nothing", [], ""],
  ])("%s", (_, alerts, text) => expect(matchersText(matchersOf(alerts))).toBe(text));

  it("an empty value and the other conditions have words", () => {
    expect(matchersText([{ name: "team", op: "!=", value: "" }, { name: "severity", op: "!~", value: "low|medium" }])).toBe("team is not empty and severity does not match low|medium");
  });
});
