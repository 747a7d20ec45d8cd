// @vitest-environment happy-dom
import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, expect, describe, it } from "vitest";

import { goldenText, story } from "../../../test/golden";
import { Stage, problem } from "../../../test/render";
import type { IncidentEvent, View } from "../../protocol/generated";
import { OpsPage, prefetch } from "./ops-page";

beforeAll(prefetch);

const database = story("story-agents");
const id = database.view.incident_id;
const upTo = (type: string, nth = 1): IncidentEvent[] => {
  const at = database.events.map((e, i) => [e, i] as const).filter(([e]) => e.type === type)[nth - 1]?.[1] ?? -1;
  return database.events.slice(0, at + 1);
};

async function setUp(events: IncidentEvent[], role: "viewer" | "responder" | "approver" = "approver", now = "2026-11-23T14:34:00Z") {
  const stage = new Stage();
  stage.know([events]);
  const open = events[0]?.incident_id ?? "";
  stage.render(<OpsPage incidentId={open} go={() => {}} dev={true} now={Date.parse(now)} />);
  await act(async () => stage.connect(role));
  await screen.findByTestId("incident-detail");
  const post = (verb: string) => stage.calls.filter((c) => c.method === "POST" && c.path === `/incidents/${open}/${verb}`);
  return { stage, user: userEvent.setup({ delay: null }), open, post };
}

/** By label, quicker than key by key. */
function fill(label: string, value: string): HTMLInputElement {
  const field = screen.getByLabelText<HTMLInputElement>(label);
  fireEvent.change(field, { target: { value } });
  return field;
}

/** A button of a panel: asking the whole page for its roles takes long. */
function button(panel: string, name: string): HTMLElement {
  return within(screen.getByTestId(panel)).getByRole("button", { name });
}

describe("models", () => {
  it("degraded: says why, with the ranking of the statistics beneath, until it no longer is", async () => {
    const { stage } = await setUp(upTo("incident.degraded"));
    const banner = screen.getByTestId("degraded");
    expect(banner.textContent).toContain("Degraded: no model can be had");
    expect(within(banner).getByRole("list", { name: "Suspects by statistics" }).textContent).toContain("orders-dbexpensive query");
    const restored = database.events[upTo("incident.degraded").length] as IncidentEvent;
    await act(async () => stage.socket.say({ ...restored, epoch: "e", offset: 2 }));
    expect(screen.queryByTestId("degraded")).toBeNull();
  });

  it("each agent's model is shown with why it was chosen, and what was used of what", async () => {
    await setUp(upTo("model.routed", 3));
    const agent = screen.getByTestId("agent-diagnosis");
    expect(within(agent).getByTestId("route").dataset.reason).toBe("malformed");
    expect(agent.textContent).toContain("amazon.nova-lite-v1:0to diagnosestepped up: the answer could not be read");
    expect(within(agent).getByTestId("used").textContent).toBe("used 1 of 2 calls, 3,977 tokens, $0.0001");
    expect(within(screen.getByTestId("agent-detection")).getByTestId("route").textContent).toContain("configured");
  });

  it("with none left, the statistics have the place of the model", async () => {
    await setUp(upTo("incident.degraded"));
    expect(within(screen.getByTestId("agent-diagnosis")).getByTestId("route").textContent).toBe("statisticsto diagnoseno model is left: statistics alone");
  });

  it("what is being said is shown as unfinished text, and gives way to the finished answer", async () => {
    const events = upTo("model.routed", 2);
    const { stage } = await setUp(events);
    const delta = { ...(JSON.parse(goldenText("model.delta")) as object), incident_id: id, run_id: events[0]?.run_id, turn: 1, attempt: 1 };
    await act(async () => stage.socket.say({ ...delta, index: 0, text: "<img src=x onerror=alert(1)> The load" }));
    const speaking = screen.getByTestId("speaking-diagnosis");
    expect(speaking.textContent).toContain("unfinished, turn 1");
    expect(speaking.textContent).toContain("<img src=x onerror=alert(1)> The load");
    expect(document.querySelector("img")).toBeNull();
    await act(async () => stage.socket.say({ ...delta, index: 3, text: " is high" }));
    expect(speaking.textContent).toContain("parts are missing");
    await act(async () => stage.socket.say({ ...(database.events[events.length] as IncidentEvent), epoch: "e", offset: 2 }));
    expect(screen.queryByTestId("speaking-diagnosis")).toBeNull();
    expect(screen.getByTestId("agent-diagnosis").textContent).toContain("amazon.nova-micro-v1:0 · 3,900 in / 77 out");
  });
});

describe("a budget that is used up", () => {
  it("says what is exhausted, what is known, and how long there is", async () => {
    await setUp(upTo("budget.exhausted"));
    const card = screen.getByTestId("budget");
    expect(within(card).getByTestId("budget-exhausted").textContent).toBe("The diagnosis agent has used up its turns: 2 of 2.");
    expect(card.textContent).toContain("statistics suspect orders-db (expensive query)");
    expect(card.textContent).toContain("7 of 8 pieces of evidence found");
    expect(card.textContent).toMatch(/goes on without models in 1\d m/);
  });

  it("is raised by what was typed, and goes away when that is heard", async () => {
    const events = upTo("budget.exhausted");
    const { stage, user, post } = await setUp(events);
    stage.answers[`/incidents/${id}/budget`] = { seq: 32 };
    fill("More turns", "");
    expect(button("budget", "Raise and go on").hasAttribute("disabled")).toBe(true);
    fill("More turns", "8");
    fill("More US dollars", "0.25");
    fill("Comment on the budget", "go on");
    await user.click(button("budget", "Raise and go on"));
    expect(post("budget")).toMatchObject([{ body: { agent: "diagnosis", turns: 8, cost_usd: 0.25, comment: "go on" } }]);
    expect(post("budget")[0]?.key).toBeTruthy();
    await act(async () => stage.socket.say({ ...(database.events[events.length] as IncidentEvent), epoch: "e", offset: 2 }));
    expect(screen.queryByTestId("budget")).toBeNull();
  });

  it("of the incident: names no agent; or it goes on without models", async () => {
    const { stage, user, post } = await setUp(upTo("budget.exhausted", 2));
    expect(screen.getByTestId("budget-exhausted").textContent).toBe("The incident has used up its money: $0.0013 of $0.0013.");
    stage.answers[`/incidents/${id}/budget`] = { seq: 34 };
    await user.click(button("budget", "Go on without models"));
    expect(post("budget")).toMatchObject([{ body: { decline: true } }]);
    expect(post("budget")[0]?.body).not.toHaveProperty("agent");
  });

  it("takes an approver, and says why another cannot", async () => {
    await setUp(upTo("budget.exhausted"), "responder");
    expect(button("budget", "Raise and go on").hasAttribute("disabled")).toBe(true);
    expect(screen.getByTestId("budget").textContent).toContain("This takes the role approver");
  });
});

describe("cost", () => {
  it("adds up over every call that is listed, repeated and unpriced ones said", async () => {
    await setUp(database.events);
    const panel = screen.getByTestId("cost");
    const { cost } = database.view;
    expect(within(panel).getByTestId("cost-sum").textContent).toBe("$0.0094 + 2 calls of unknown price");
    expect(within(panel).getByTestId("cost-repeated").textContent).toContain("2 calls were lost in a crash and made again: $0.0006 of the sum");
    const rows = [...panel.querySelectorAll("tbody tr")];
    expect(rows).toHaveLength(9);
    const micros = rows.map((r) => Math.round(Number((r.querySelectorAll("td")[6]?.textContent ?? "").replace("$", "")) * 1e6)).filter((n) => !Number.isNaN(n));
    expect(micros.reduce((a, b) => a + b, 0)).toBe(cost.cost_usd_micros);
    expect(within(panel).getByTestId("calls-sum").textContent).toBe(`$${(cost.cost_usd_micros / 1e6).toFixed(6)}`);
    expect(panel.textContent).toContain("not used: the stream ended within the JSON object");
    expect(rows.find((r) => r.textContent?.includes("turn 2"))?.textContent).toContain("$0.000831");
  });

  it("says where calls are missing from the list", async () => {
    const { view, events } = story("story-continued");
    const { stage, open } = await setUp(events);
    stage.answers = {};
    expect(view.cost.cost_usd_micros).toBe(1920);
    await waitFor(() => expect(screen.getByTestId("cost").textContent).toContain("$0.001920 of the sum is of calls that are not listed here"));
    expect(open).toBe(view.incident_id);
  });

  it("without any model call says so", async () => {
    await setUp(story("story-healthy").events);
    expect(screen.getByTestId("cost").textContent).toContain("No model was asked, so nothing was paid for.");
    expect(screen.getByTestId("guardrail").textContent).toContain("none is configured");
  });
});

describe("what was found", () => {
  it("claims and hypotheses lead to their evidence", async () => {
    const { user } = await setUp(upTo("diagnosis.concluded"));
    const panel = screen.getByTestId("diagnosis");
    expect(panel.textContent).toContain("Probable: expensive query in orders-db");
    expect(within(panel).getAllByText("supported")).toHaveLength(2);
    expect(within(panel).getByText("unsupported: cites nothing that exists")).toBeTruthy();
    expect(within(panel).getByRole("button", { name: "E42" }).hasAttribute("disabled")).toBe(true);
    expect(within(panel).getByText("against")).toBeTruthy();
    const evidence = screen.getByTestId("evidence-E2");
    expect(within(evidence).queryByText("Multi-AZ instance failover completed")).toBeNull();
    await user.click(within(panel).getAllByRole("button", { name: "E2" })[0] as HTMLElement);
    expect(within(evidence).getByText("Multi-AZ instance failover completed")).toBeTruthy();
  });

  it("the load of a database is shown by statement and by wait", async () => {
    await setUp(upTo("diagnosis.concluded"));
    const load = screen.getByTestId("evidence-E3");
    expect(load.textContent).toContain("4: more sessions than it can serve at once");
    expect(within(load).getByRole("meter", { name: /Load of the statement SELECT/ }).getAttribute("aria-valuenow")).toBe("5.8");
    expect(within(load).getByRole("meter", { name: "Load that waits for CPU" })).toBeTruthy();
  });

  it("past incidents say what was learned and by whom it was confirmed; runbooks are text", async () => {
    const { user } = await setUp(upTo("diagnosis.concluded"));
    const past = screen.getByTestId("evidence-E4");
    expect(past.textContent).toContain("Learned from incident inc-orders-db-1a2b3c, confirmed by verification: expensive query in orders-db.");
    expect(past.textContent).toContain("From incident inc-orders-9z8y7x; its cause was never confirmed.");
    await user.click(within(screen.getByTestId("evidence-E6")).getByText("Runbooks for an expensive query"));
    expect(screen.getByTestId("evidence-E6").textContent).toContain("<script>alert(1)</script>");
    expect(screen.getByTestId("evidence-E6").querySelector("script, a")).toBeNull();
  });

  it("what was shortened leads to the whole", async () => {
    await setUp(upTo("diagnosis.concluded"));
    const link = within(screen.getByTestId("evidence-E5")).getByRole("link", { name: "Show the whole of E5" });
    expect(link.getAttribute("href")).toBe(`/api/v1/incidents/${id}/evidence/E5/whole`);
    expect(screen.getByTestId("shortened").textContent).toContain("This was shortened from 145 KB");
  });

  it("healthy: says so, what was looked for, and that neither history nor a runbook is there", async () => {
    const { user } = await setUp(story("story-healthy").events);
    expect(screen.getByTestId("diagnosis").textContent).toContain("Healthy: nothing is wrong now");
    expect(screen.getByTestId("needs-human").textContent).toContain("The telemetry shows nothing wrong now");
    expect(screen.getByTestId("looked-for").textContent).toContain("Looked for 3 things, found 1");
    await user.click(within(screen.getByTestId("evidence-E2")).getByText("Similar incidents"));
    expect(screen.getByTestId("evidence-E2").textContent).toContain("No historical matches found");
    await user.click(within(screen.getByTestId("evidence-E3")).getByText("Runbooks"));
    expect(screen.getByTestId("evidence-E3").textContent).toContain("No runbook found");
  });

  it("the forecast has an interval, a time to the limit, and what it spreads to", async () => {
    await setUp(upTo("prediction.concluded"));
    const panel = screen.getByTestId("forecast");
    expect(within(panel).getByRole("img", { name: /Latency p95 of orders: expected 3,320 ms at .*, between 3,222 ms and 3,418 ms/ })).toBeTruthy();
    expect(within(panel).getByTestId("breach").textContent).toMatch(/\(in \d+ m \d+ s\)/);
    expect(within(panel).getByTestId("spread").textContent).toMatch(/checkoutcalls itreachedsince .*E5web2 calls awaynot reached yet/);
  });
});

describe("questions", () => {
  const asked = upTo("question.asked", 3);

  it("are answered with what the answer rests on, refused, or open", async () => {
    await setUp(asked);
    const first = screen.getByTestId("question-Q1");
    expect(first.textContent).toContain("Nothing points to it");
    expect(within(first).getByRole("button", { name: "E2" })).toBeTruthy();
    expect(within(first).getAllByText("unsupported: cites nothing that exists")).toHaveLength(1);
    expect(screen.getByTestId("question-Q2").textContent).toContain("No answer: no model can be had: throttled; ask again later");
    expect(within(screen.getByTestId("question-Q3")).getByRole("status").textContent).toContain("Being looked into");
  });

  it("are asked once, and the box is empty when they were heard", async () => {
    const { stage, user, post } = await setUp(asked);
    stage.answers[`/incidents/${id}/questions`] = { question_id: "Q4", seq: 48 };
    expect(button("questions", "Ask").hasAttribute("disabled")).toBe(true);
    const box = fill("Ask about this incident", "  Why now?");
    await user.type(box, "{Enter}");
    expect(post("questions")).toMatchObject([{ body: { question: "Why now?" } }]);
    expect(box.value).toBe("");
  });

  it("a refusal is said, and the question stays", async () => {
    const { stage, user } = await setUp(asked);
    stage.answers[`/incidents/${id}/questions`] = problem(429, "budget", "the incident's budget is used up");
    await user.type(fill("Ask about this incident", "Why now?"), "{Enter}");
    expect(await screen.findByText("the incident's budget is used up")).toBeTruthy();
    expect(screen.getByLabelText<HTMLInputElement>("Ask about this incident").value).toBe("Why now?");
  });

  it("cannot be asked while the gateway cannot be reached", async () => {
    const { stage } = await setUp(asked);
    await act(async () => stage.socket.end(4000));
    expect(screen.getByLabelText("Ask about this incident").hasAttribute("disabled")).toBe(true);
    expect(screen.getByTestId("questions").textContent).toContain("The connection to the gateway is lost");
  });

  it("of an incident that is over are history", async () => {
    await setUp(database.events);
    expect(screen.queryByLabelText("Ask about this incident")).toBeNull();
    expect(screen.getByTestId("question-Q3").textContent).toContain("The incident ended before there was an answer.");
  });
});

describe("was this the cause?", () => {
  const over = upTo("lesson.learned");

  it("no, with what it was instead", async () => {
    const { stage, user, post } = await setUp(over);
    stage.answers[`/incidents/${id}/review`] = {};
    expect(screen.getByTestId("lesson").textContent).toContain("Its cause is not confirmed, so none was learned.");
    await user.click(button("cause-review", "No"));
    await user.selectOptions(screen.getByLabelText("What it was"), "bad configuration");
    fill("In which service", "orders-db");
    await user.click(button("cause-review", "Send"));
    expect(post("review")).toMatchObject([{ body: { correct: false, cause: "bad_configuration", cause_service: "orders-db" } }]);
    const reviewed = database.events.at(-1) as IncidentEvent;
    await act(async () => stage.socket.say({ ...reviewed, epoch: "e", offset: 2 }));
    expect(screen.getByTestId("cause-answer").dataset.correct).toBe("false");
    expect(screen.getByTestId("cause-answer").textContent).toContain("said noor");
    expect(screen.getByTestId("cause-answer").textContent).toContain("It was bad configuration in orders-db.");
  });

  it("yes, on an open incident too", async () => {
    const { stage, user, post } = await setUp(upTo("diagnosis.concluded"));
    stage.answers[`/incidents/${id}/review`] = {};
    await user.click(button("cause-review", "Yes"));
    await user.click(button("cause-review", "Send"));
    expect(post("review")).toMatchObject([{ body: { correct: true } }]);
    expect(post("review")[0]?.body).not.toHaveProperty("cause");
  });

  it("where nothing was named, asks what it was", async () => {
    const { events } = story("story-healthy");
    const last = events.at(-1) as IncidentEvent;
    const closed = { ...last, type: "incident.closed", seq: last.seq + 1, id: `${last.run_id}/${last.seq + 1}`, data: { status: "closed", outcome: "alert_cleared", reason: "the alert cleared" } };
    const { stage, user, open, post } = await setUp([...events, closed as IncidentEvent]);
    stage.answers[`/incidents/${open}/review`] = {};
    const panel = screen.getByTestId("cause-review");
    expect(panel.textContent).toContain("What was the cause?Vigil found nothing wrong.");
    expect(within(panel).queryByRole("button", { name: "Yes" })).toBeNull();
    expect(button("cause-review", "Send").hasAttribute("disabled")).toBe(true);
    await user.selectOptions(screen.getByLabelText("What it was"), "network failure");
    await user.click(button("cause-review", "Send"));
    expect(post("review")).toMatchObject([{ body: { correct: false, cause: "network_failure" } }]);
  });

  it("is not asked before there is a diagnosis", async () => {
    await setUp(upTo("evidence.collected", 3));
    expect(screen.queryByTestId("cause-review")).toBeNull();
  });
});

it("the guardrail's outcomes are counted, with and units", async () => {
  await setUp(database.events);
  const line = screen.getByTestId("guardrail").textContent;
  expect(line).toContain("1 passed1 anonymised1 blocked1 could not be asked");
  expect(line).toContain("4 text units");
  expect(screen.getByTestId("outcome").dataset.outcome).toBe("resolved_by_person");
});

it("an incident that went on as a new run keeps the timeline of the one before", async () => {
  const { events, view } = story("story-continued");
  const stage = new Stage();
  stage.know([events]);
  const runs = [...new Set(events.map((e) => e.run_id))];
  stage.answers[`/incidents/${view.incident_id}/events?after=0&run_id=${runs[0]}`] = { events: events.filter((e) => e.run_id === runs[0]), more: false };
  stage.render(<OpsPage incidentId={view.incident_id} go={() => {}} dev={true} now={Date.parse("2026-11-23T15:30:00Z")} />);
  await act(async () => stage.connect());
  await screen.findByTestId("incident-detail");
  fireEvent.click(within(screen.getByTestId("timeline")).getByText("Everything"));
  await waitFor(() => expect(screen.getAllByTestId("timeline-entry")).toHaveLength(events.length));
  expect(screen.getByTestId("incident-detail").dataset).toMatchObject({ run: runs[1], seq: String((view as View).seq) });
  expect(screen.getByTestId("timeline").textContent).toContain("The incident goes on as a new run");
  expect(screen.getByTestId("cost").textContent).not.toContain("not listed here");
});

describe("AWS services", () => {
  it("show health, errors by kind, percentiles, breaker and the day's spend", async () => {
    const stage = new Stage();
    stage.render(<OpsPage incidentId={undefined} go={() => {}} dev={true} now={Date.parse("2026-11-23T14:05:00Z")} />);
    await act(async () => stage.connect());
    await act(async () => stage.socket.say(goldenText("aws.services")));
    const panel = screen.getByTestId("aws-services");
    const unpriced = within(panel).getByTestId("aws-bedrock-us.example.unpriced-v1:0");
    expect(unpriced.dataset.health).toBe("error");
    expect(unpriced.textContent).toContain("4 throttled, 1 unavailable");
    expect(unpriced.textContent).toContain("open, 43 s left");
    expect(within(unpriced).getByText("unknown")).toBeTruthy();
    expect(within(panel).getByTestId("aws-bedrock-amazon.nova-pro-v1:0").textContent).toContain("760 / 1,421 / 1,630 ms");
    expect(within(panel).getByTestId("spend-today").textContent).toContain("$1.2045 + 3 calls of unknown price of $20.0000");
    const other = JSON.parse(goldenText("aws.services")) as { data: { worker: string } };
    await act(async () => stage.socket.say({ ...other, data: { ...other.data, worker: "worker-b" } }));
    expect(panel.textContent).toContain("all workers together");
    expect(within(panel).getByTestId("aws-cloudwatch").textContent).toContain("192");
  });
});
