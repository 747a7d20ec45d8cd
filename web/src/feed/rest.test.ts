import { describe, expect, it } from "vitest";

import { story } from "../../test/golden";
import { ApiError, Rest, newIdempotencyKey } from "./rest";

interface Request {
  method: string;
  url: string;
  key: string | null;
  body: unknown;
}

/** A gateway that answers with what it is given, in order; the last answer repeats. */
function setUp(...answers: (Response | Error)[]) {
  const requests: Request[] = [];
  const rest = new Rest(
    async (input, init) => {
      requests.push({
        method: init?.method ?? "GET",
        url: String(input),
        key: new Headers(init?.headers).get("Idempotency-Key"),
        body: typeof init?.body === "string" ? JSON.parse(init.body) : undefined,
      });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof Error) throw answer;
      return (answer as Response).clone();
    },
    async () => {},
  );
  return { rest, requests };
}

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
const problem = (status: number, kind: string, detail: string) => json({ title: "A title", status, kind, detail }, status);
const lost = new TypeError("fetch failed");

describe("reading", () => {
  it("asks for events after a seq, of a run where it is named", async () => {
    const { rest, requests } = setUp(json({ events: story().events.slice(0, 2), more: true }));
    const page = await rest.events("inc/1", 7, "run-1");
    expect(requests[0]?.url).toBe("/api/v1/incidents/inc%2F1/events?after=7&run_id=run-1");
    expect(page).toMatchObject({ more: true, events: [{ readable: true }, { readable: true }] });
  });

  it("problem documents become errors that say what to do", async () => {
    const { rest } = setUp(problem(409, "conflict", "noor decided already"));
    const error = await rest.incident("a").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 409, kind: "conflict", message: "noor decided already", retryable: false });
  });

  it.each([
    [new Response("<html>", { status: 502 }), "unavailable", true],
    [new Response("", { status: 404 }), "internal", false],
    [lost, "unavailable", true],
  ])("what is no problem document is still an error with a kind", async (answer, kind, retryable) => {
    const error = await setUp(answer).rest.incident("a").catch((e: unknown) => e);
    expect(error).toMatchObject({ kind, retryable });
  });

  it("an answer that never comes is lost, and one that nobody waits for is not", async () => {
    const never: typeof fetch = (_, init) => new Promise((_done, fail) => {
      const ended = () => fail(init?.signal?.reason as Error);
      if (init?.signal?.aborted === true) ended();
      else init?.signal?.addEventListener("abort", ended);
    });
    const late = new DOMException("late", "TimeoutError");
    await expect(new Rest(never, async () => {}, () => AbortSignal.abort(late)).incident("a")).rejects.toMatchObject({ status: 0, retryable: true });
    const caller = new AbortController();
    const asked = new Rest(never, async () => {}, () => new AbortController().signal).events("a", 0, undefined, caller.signal);
    caller.abort();
    await expect(asked).rejects.toMatchObject({ name: "AbortError" });
  });

  it("a view that is none is refused", async () => {
    await expect(setUp(json({ incident_id: "a" })).rest.incident("a")).rejects.toThrow("View.run_id is missing");
  });
});

describe("writing", () => {
  const decision = { decision: "approve", proposal_id: "P1", action_hash: "abc" } as const;

  it("repeats with the same key when the answer was lost, and only then", async () => {
    const { rest, requests } = setUp(lost, lost, json({}));
    await rest.decide("a", decision, "key-1");
    expect(requests).toHaveLength(3);
    expect(new Set(requests.map((r) => r.key))).toEqual(new Set(["key-1"]));
    expect(requests[0]).toMatchObject({ method: "POST", url: "/api/v1/incidents/a/decisions", body: decision });
  });

  it("gives up after three, saying that nothing is known", async () => {
    const { rest, requests } = setUp(lost);
    await expect(rest.acknowledge("a", "key-1")).rejects.toMatchObject({ status: 0, retryable: true });
    expect(requests).toHaveLength(3);
  });

  it.each([400, 403, 409, 422, 503])("does not repeat what was answered with %i", async (status) => {
    const { rest, requests } = setUp(problem(status, "conflict", "no"));
    await expect(rest.resolve("a", "fixed by hand", "key-1")).rejects.toMatchObject({ status });
    expect(requests).toHaveLength(1);
  });

  it.each([
    [(r: Rest) => r.acknowledge("a", "k"), "/incidents/a/acknowledge", {}],
    [(r: Rest) => r.note("a", "hello", "k"), "/incidents/a/notes", { text: "hello" }],
    [(r: Rest) => r.setSeverity("a", "low", "quiet", "k"), "/incidents/a/severity", { severity: "low", reason: "quiet" }],
    [(r: Rest) => r.resolve("a", "done", "k"), "/incidents/a/resolve", { reason: "done" }],
    [(r: Rest) => r.startFault("memory_leak", "k"), "/demo/faults", { fault: "memory_leak" }],
    [(r: Rest) => r.signIn("secret"), "/session", { token: "secret" }],
  ])("every verb is a POST with a key", async (call, path, body) => {
    const { rest, requests } = setUp(json({}));
    await call(rest);
    expect(requests[0]).toMatchObject({ method: "POST", url: `/api/v1${path}`, body });
    expect(requests[0]?.key).toBeTruthy();
  });

  it("keys do not repeat", () => {
    expect(new Set(Array.from({ length: 100 }, newIdempotencyKey)).size).toBe(100);
  });
});

it("asking, raising a budget and reviewing are posted with a key each, to where the gateway expects them", async () => {
  const { rest, requests } = setUp(json({}));
  await rest.ask("inc/1", "why?", "k1");
  await rest.raiseBudget("inc/1", { agent: "diagnosis", turns: 5 }, "k2");
  await rest.review("inc/1", { correct: false, cause: "failover" }, "k3");
  expect(requests).toEqual([
    { method: "POST", url: "/api/v1/incidents/inc%2F1/questions", key: "k1", body: { question: "why?" } },
    { method: "POST", url: "/api/v1/incidents/inc%2F1/budget", key: "k2", body: { agent: "diagnosis", turns: 5 } },
    { method: "POST", url: "/api/v1/incidents/inc%2F1/review", key: "k3", body: { correct: false, cause: "failover" } },
  ]);
  expect(rest.wholeEvidence("inc/1", "E 1")).toBe("/api/v1/incidents/inc%2F1/evidence/E%201/whole");
});

describe("the inbox, silences and moves", () => {
  it.each<[string, (r: Rest) => Promise<unknown>, string]>([
    ["deliveries", (r) => r.deliveries("quarantined", { source: "sns", q: "a b" }, 9), "/deliveries?state=quarantined&source=sns&q=a+b&before=9"],
    ["a delivery", (r) => r.delivery(7), "/deliveries/7"],
    ["silences", (r) => r.silences("active", "sil-1"), "/silences?state=active&before=sil-1"],
    ["alerts of a silence", (r) => r.silencedAlerts("sil/1", 4), "/silences/sil%2F1/alerts?before=4"],
    ["alerts of an incident", (r) => r.incidentAlerts("inc/1", "disk", "50"), "/incidents/inc%2F1/alerts?q=disk&after=50&limit=50"],
    ["the audit", (r) => r.audit("sil-1", 3), "/audit?subject=sil-1&before=3&limit=25"],
    ["the rules", (r) => r.correlation(), "/correlation"],
    ["the sources", (r) => r.sources(), "/sources"],
  ])("%s are read from where the gateway has them; lists that are null are empty", async (_, call, path) => {
    const { rest, requests } = setUp(json({ deliveries: null, silences: null, alerts: null, keys: null, entries: null, rules: null, sources: null }));
    const answer = await call(rest);
    expect(requests).toEqual([{ method: "GET", url: `/api/v1${path}`, key: null, body: undefined }]);
    for (const list of path === "/sources" ? [answer] : path === "/deliveries/7" ? [] : Object.values(answer as object).filter((v) => v !== null)) expect(list).toEqual([]);
  });

  const silence = { kind: "silence", matchers: [{ name: "service", op: "=", value: "cart" }], ends_at: "2026-11-23T18:00:00Z", reason: "known" } as const;

  it.each<[string, (r: Rest) => Promise<unknown>, unknown, string, unknown, unknown]>([
    ["retry", (r) => r.retryDelivery(7, "k"), { delivery_id: 7, state: "received" }, "/deliveries/7/retry", {}, { delivery_id: 7, state: "received" }],
    ["retry all", (r) => r.retryDeliveries({ source: "sns" }, "k"), { retried: 3 }, "/deliveries/retry", { source: "sns" }, 3],
    ["discard", (r) => r.discardDelivery(7, "a test", "k"), { delivery_id: 7, state: "discarded" }, "/deliveries/7/discard", { reason: "a test" }, { delivery_id: 7, state: "discarded" }],
    ["silence", (r) => r.createSilence({ ...silence, matchers: [...silence.matchers] }, "k"), { id: "sil-1" }, "/silences", silence, { id: "sil-1" }],
    ["end a silence", (r) => r.endSilence("sil/1", "over", "k"), { id: "sil/1" }, "/silences/sil%2F1/end", { reason: "over" }, { id: "sil/1" }],
    ["merge", (r) => r.merge("inc/1", "inc-2", "same", "k"), { move: { id: "m" } }, "/incidents/inc%2F1/merge", { into: "inc-2", reason: "same" }, { id: "m" }],
    ["split", (r) => r.split("inc/1", ["a", "b"], "other", "k"), { move: { id: "m" } }, "/incidents/inc%2F1/split", { correlation_keys: ["a", "b"], reason: "other" }, { id: "m" }],
  ])("%s is posted with its key", async (_, call, answer, path, body, result) => {
    const { rest, requests } = setUp(json(answer, 202));
    expect(await call(rest)).toEqual(result);
    expect(requests).toEqual([{ method: "POST", url: `/api/v1${path}`, key: "k", body }]);
  });
});

describe("acting safely", () => {
  const controls = { mode: "execute", revision: 8 } as const;

  it.each<[string, (r: Rest) => Promise<unknown>, string, string, unknown]>([
    ["another option", (r) => r.propose("inc/1", { option_id: "restart:web", reason: "why" }, "k"), "POST", "/incidents/inc%2F1/proposals", { option_id: "restart:web", reason: "why" }],
    ["an edit of the review", (r) => r.editReview("inc/1", { base: 2, lines: [] }, "k"), "PUT", "/incidents/inc%2F1/review", { base: 2, lines: [] }],
    ["the controls", (r) => r.setControls({ mode: "execute", dry_run: true, reason: "why", revision: 7 }, "k"), "PUT", "/controls", { mode: "execute", dry_run: true, reason: "why", revision: 7 }],
    ["stopping", (r) => r.stopActing("why", "k"), "POST", "/controls/kill", { reason: "why" }],
    ["starting again", (r) => r.startActing("why", 7, "k"), "DELETE", "/controls/kill", { reason: "why", revision: 7 }],
    ["clearing a lease", (r) => r.clearLease("service:a/b", "w", "why", "k"), "POST", "/leases/service%3Aa%2Fb/clear", { workflow_id: "w", reason: "why" }],
  ])("%s is sent with its key", async (_, call, method, path, body) => {
    const { rest, requests } = setUp(json(controls));
    await call(rest);
    expect(requests).toEqual([{ method, url: `/api/v1${path}`, key: "k", body }]);
  });

  it("controls are read and answered as they are; leases that are null are none", async () => {
    const { rest } = setUp(json(controls), json(controls), json({ leases: null, more: false }));
    expect(await rest.controls()).toEqual(controls);
    expect(await rest.stopActing("", "k")).toEqual(controls);
    expect(await rest.leases()).toEqual({ leases: [], more: false });
    expect(rest.reviewMarkdown("inc/1")).toBe("/api/v1/incidents/inc%2F1/review.md");
  });
});
