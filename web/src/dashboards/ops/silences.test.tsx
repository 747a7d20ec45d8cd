// @vitest-environment happy-dom
import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { createStore, useStore } from "zustand";

import { goldenText } from "../../../test/golden";
import { type Call, Part, Stage, problem } from "../../../test/render";
import type { Silence } from "../../feed/rest";
import type { Role } from "../../protocol/generated";
import { SilencesPanel } from "./silences-panel";

const now = "2026-11-23T17:00:00Z";

function silence(id: string, part: Partial<Silence> = {}): Silence {
  return {
    id,
    kind: "silence",
    matchers: [
      { name: "service", op: "=", value: "search" },
      { name: "alertname", op: "=~", value: "Pod.*" },
    ],
    starts_at: "2026-11-23T16:00:00Z",
    ends_at: "2026-11-23T17:42:00Z",
    reason: "the index is rebuilt",
    created_by: "noor",
    created_at: "2026-11-23T16:00:00Z",
    state: "active",
    alerts: 0,
    ...part,
  };
}

const known = [
  silence("sil-1", { alerts: 2, last_alert_at: "2026-11-23T16:59:00Z" }),
  silence("sil-2", { state: "pending", kind: "maintenance", starts_at: "2026-11-24T02:00:00Z", ends_at: "2026-11-24T04:00:00Z" }),
  silence("sil-3", { state: "expired", ends_at: "2026-11-23T15:00:00Z" }),
  silence("sil-4", { state: "ended", ended_by: "omar", ended_at: "2026-11-23T16:30:00Z", end_reason: "called off" }),
  silence("sil-5", { kind: "maintenance", repeat: "daily", starts_at: "2026-11-20T16:30:00Z", ends_at: "2026-11-20T18:00:00Z" }),
];

/** Answers as the gateway does: those of a state, or all. */
function lists(silences: readonly Silence[]) {
  return ({ path }: Call) => {
    const state = new URLSearchParams(path.split("?")[1]).get("state");
    return { silences: silences.filter((s) => (state ?? s.state) === s.state) };
  };
}

async function setUp(silences: readonly Silence[] = known, role: Role = "responder", pointed?: string) {
  const stage = new Stage();
  stage.answers["/silences"] = lists(silences);
  const clock = createStore(() => now);
  function Panel() {
    return (
      <Part now={useStore(clock)}>
        <SilencesPanel pointed={pointed} />
      </Part>
    );
  }
  stage.render(<Panel />);
  await act(async () => stage.connect(role));
  return { stage, user: userEvent.setup({ delay: null }), later: (time: string) => act(async () => clock.setState(time)) };
}

const fill = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });

describe("the list", () => {
  it("active: what is silenced in words, who, why, how long, how many alerts", async () => {
    await setUp();
    const item = await screen.findByTestId("silence-sil-1");
    expect(item.textContent).toContain("ends in 42 m");
    expect(within(item).getByRole("list", { name: "Alerts of which all of this is true" }).textContent).toBe("service is searchandalertname matches Pod.*");
    for (const words of ["the index is rebuilt", "noor, 1h ago", "touched 2 alerts", "the last 1m ago"]) expect(item.textContent).toContain(words);
    expect(item.querySelector("time[datetime='2026-11-23T17:42:00.000Z']")?.getAttribute("title")).toContain("2026-11-23T17:42:00.000Z");
    expect(screen.getByTestId("silence-sil-5").textContent).toContain("every dayends in 1 h for this time");
    expect(within(screen.getByTestId("silences-pending")).getByTestId("silence-sil-2").textContent).toContain("starts in 9 h, for 2 h");
    expect(screen.queryByTestId("silence-sil-3")).toBeNull();
  });

  it("past: what ran its time, and what was ended early, by whom and why", async () => {
    const { user } = await setUp();
    await user.click(screen.getByRole("button", { name: "Past" }));
    expect((await screen.findByTestId("silence-sil-3")).textContent).toContain("over 2h ago");
    const ended = await screen.findByTestId("silence-sil-4");
    expect(ended.textContent).toContain("ended early, 30m ago");
    expect(ended.textContent).toContain("Ended by omar: called off");
    expect(within(ended).queryByTestId("silence-end")).toBeNull();
  });

  it("reads on where there are more", async () => {
    const { stage, user } = await setUp([]);
    stage.answers["/silences?state=active"] = { silences: [known[0]], next: "sil-1" };
    stage.answers["/silences?state=active&before=sil-1"] = { silences: [silence("sil-0")] };
    await act(async () => stage.socket.say({ ...JSON.parse(goldenText("system.health")), data: { ...JSON.parse(goldenText("system.health")).data, silences_active: 2 } }));
    await screen.findByTestId("silence-sil-1");
    expect(screen.getByTestId("silences").textContent).toContain("2 active");
    await user.click(screen.getByRole("button", { name: "Show earlier silences" }));
    expect(await screen.findByTestId("silence-sil-0")).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Show earlier silences" })).toBeNull();
  });

  it("empty is said", async () => {
    await setUp([]);
    expect(await screen.findByText("Nothing is silenced.")).toBeTruthy();
    expect(screen.getByText("Nothing is planned.")).toBeTruthy();
  });

  it("an error leaves the way to try again", async () => {
    const stage = new Stage();
    stage.answers["/silences"] = problem(503, "unavailable", "the store does not answer");
    stage.render(<Part now={now}><SilencesPanel /></Part>);
    await act(async () => stage.connect());
    const alerts = await screen.findAllByRole("alert");
    expect(alerts[0]?.textContent).toContain("the store does not answer");
    stage.answers["/silences"] = lists(known);
    await userEvent.setup().click(within(alerts[0] as HTMLElement).getByRole("button", { name: "Try again" }));
    expect(await screen.findByTestId("silence-sil-1")).toBeTruthy();
  });

  it("lists the alerts that it kept back, page by page, with the incident that one is in", async () => {
    const { stage, user } = await setUp();
    const touched = (n: number, incident_id?: string) => ({ delivery_id: n, received_at: now, correlation_key: "k", incident_id, alert: { source: "sns", correlation_key: "k", fingerprint: `f${n}`, status: "firing", title: `<b>alert ${n}</b>` } });
    stage.answers["/silences/sil-1/alerts"] = { alerts: [touched(9, "inc-1")], next: 9 };
    stage.answers["/silences/sil-1/alerts?before=9"] = { alerts: [touched(8)] };
    const item = await screen.findByTestId("silence-sil-1");
    await user.click(within(item).getByRole("button", { name: "touched 2 alerts" }));
    expect(await within(item).findByText("<b>alert 9</b>")).toBeTruthy();
    expect(within(item).getByRole("link", { name: "inc-1" }).getAttribute("href")).toBe("/ops/incidents/inc-1");
    await user.click(within(item).getByRole("button", { name: "Show earlier alerts" }));
    expect(await within(item).findByText("<b>alert 8</b>")).toBeTruthy();
  });

  it("has on top the one that was pointed at, once, and says where it is not known", async () => {
    await setUp(known, "responder", "sil-1");
    const pointed = await screen.findByRole("region", { name: "The silence sil-1" });
    expect(await within(pointed).findByTestId("silence-sil-1")).toBeTruthy();
    await screen.findByTestId("silence-sil-5");
    expect(screen.getAllByTestId("silence-sil-1")).toHaveLength(1);
  });

  it("what was pointed at and is not there is said", async () => {
    await setUp(known, "responder", "sil-none");
    expect(await screen.findByText("The silence sil-none is not among the latest.")).toBeTruthy();
  });
});

describe("creating", () => {
  async function open(silences: readonly Silence[] = []) {
    const all = await setUp(silences);
    await all.user.click(screen.getByTestId("silence-create"));
    const dialog = await screen.findByRole("dialog", { name: "Silence alerts" });
    const submit = () => within(dialog).getByRole<HTMLButtonElement>("button", { name: /^(Silence|Plan maintenance)$/ });
    return { ...all, dialog, submit };
  }

  it("a silence for four hours from now, with a reason", async () => {
    const { stage, user, dialog, submit } = await open();
    expect(submit().disabled).toBe(true);
    fill("Value 1", "search");
    await user.click(within(dialog).getByRole("button", { name: "Add a condition" }));
    fill("Name 2", " alertname ");
    fill("Condition 2", "=~");
    fill("Value 2", "Pod.*");
    await user.click(within(dialog).getByLabelText("Four hours"));
    expect(submit().disabled).toBe(true);
    fill("Reason", " the index is rebuilt ");
    stage.answers["/silences"] = (call: Call) => (call.method === "POST" ? silence("sil-9") : { silences: [] });
    await user.click(submit());
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(stage.posts).toEqual([
      {
        method: "POST",
        path: "/silences",
        key: expect.stringMatching(/^[0-9a-f]{32}$/),
        body: {
          kind: "silence",
          matchers: [
            { name: "service", op: "=", value: "search" },
            { name: "alertname", op: "=~", value: "Pod.*" },
          ],
          ends_at: "2026-11-23T21:00:00.000Z",
          reason: "the index is rebuilt",
        },
      },
    ]);
  });

  it("maintenance that starts later and comes again every week", async () => {
    const { stage, user, dialog, submit } = await open();
    await user.click(within(dialog).getByLabelText(/Maintenance window/));
    fill("Value 1", "orders-db");
    await user.click(within(dialog).getByLabelText("Until…"));
    await user.click(within(dialog).getByLabelText("Starts later"));
    fill("From (UTC)", "2026-11-24T02:00");
    fill("Until (UTC)", "2026-11-24T01:00");
    fill("Reason", "upgrade");
    expect(dialog.textContent).toContain("It would end before it starts.");
    expect(submit().disabled).toBe(true);
    fill("Until (UTC)", "2026-11-24T04:00");
    fill("Comes again", "weekly");
    expect(dialog.textContent).toContain("and again every week until somebody ends it");
    await user.click(submit());
    await waitFor(() => expect(stage.posts).toHaveLength(1));
    expect(stage.posts[0]?.body).toEqual({
      kind: "maintenance",
      matchers: [{ name: "service", op: "=", value: "orders-db" }],
      starts_at: "2026-11-24T02:00:00.000Z",
      ends_at: "2026-11-24T04:00:00.000Z",
      repeat: "weekly",
      reason: "upgrade",
    });
  });

  it("one that would never end, or is over, is not sent", async () => {
    const { user, dialog, submit } = await open();
    fill("Value 1", "x");
    fill("Reason", "y");
    await user.click(within(dialog).getByLabelText(/Maintenance window/));
    await user.click(within(dialog).getByLabelText("One day"));
    fill("Comes again", "daily");
    expect(dialog.textContent).toContain("It would never end");
    expect(submit().disabled).toBe(true);
    fill("Comes again", "");
    expect(submit().disabled).toBe(false);
    await user.click(within(dialog).getByLabelText("Until…"));
    fill("Until (UTC)", "2026-11-23T16:59");
    await user.click(within(dialog).getByLabelText("Starts later"));
    fill("From (UTC)", "2026-11-23T16:00");
    expect(dialog.textContent).toContain("It would be over already.");
  });

  it("sent again while nothing is known, it is the same request with the same key", async () => {
    const { stage, user, submit, later } = await open();
    fill("Value 1", "search");
    fill("Reason", "known");
    stage.answers["/silences"] = (call: Call) => (call.method === "POST" ? problem(503, "unavailable", "no answer from the store") : { silences: [] });
    await user.click(submit());
    expect(await screen.findByText("no answer from the store")).toBeTruthy();
    await later("2026-11-23T17:00:20Z");
    await user.click(submit());
    await waitFor(() => expect(stage.posts).toHaveLength(2));
    expect(stage.posts[1]).toEqual(stage.posts[0]);
    fill("Reason", "known trouble");
    await user.click(submit());
    await waitFor(() => expect(stage.posts).toHaveLength(3));
    expect(stage.posts[2]?.key).not.toBe(stage.posts[0]?.key);
  });

  it("conditions can be taken away, the last one cannot; Escape closes and gives the focus back", async () => {
    const { user, dialog } = await open();
    expect(within(dialog).getByRole("button", { name: "Remove condition 1" }).hasAttribute("disabled")).toBe(true);
    await user.click(within(dialog).getByRole("button", { name: "Add a condition" }));
    fill("Name 2", "team");
    await user.click(within(dialog).getByRole("button", { name: "Remove condition 1" }));
    expect(within(dialog).getByLabelText<HTMLInputElement>("Name 1").value).toBe("team");
    expect(dialog.contains(document.activeElement)).toBe(true);
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    await waitFor(() => expect(document.activeElement).toBe(screen.getByTestId("silence-create")));
  });
});

describe("ending", () => {
  it("takes a reason, and the list is read anew", async () => {
    const { stage, user } = await setUp([known[0] as Silence]);
    const item = await screen.findByTestId("silence-sil-1");
    await user.click(within(item).getByTestId("silence-end"));
    const dialog = await screen.findByRole("dialog", { name: "End it now" });
    const submit = within(dialog).getByRole("button", { name: "End now" });
    expect(submit.hasAttribute("disabled")).toBe(true);
    fill("Reason", "rebuilt");
    stage.answers["/silences/sil-1/end"] = silence("sil-1", { state: "ended" });
    stage.answers["/silences"] = lists([]);
    await user.click(submit);
    await waitFor(() => expect(screen.queryByTestId("silence-sil-1")).toBeNull());
    expect(stage.posts).toMatchObject([{ path: "/silences/sil-1/end", body: { reason: "rebuilt" }, key: expect.any(String) }]);
  });

  it("is refused aloud", async () => {
    const { stage, user } = await setUp([known[0] as Silence]);
    await user.click(within(await screen.findByTestId("silence-sil-1")).getByTestId("silence-end"));
    fill("Reason", "x");
    stage.answers["/silences/sil-1/end"] = problem(409, "conflict", "omar ended it 3 s ago");
    await user.click(screen.getByRole("button", { name: "End now" }));
    expect((await screen.findByRole("alert")).textContent).toBe("omar ended it 3 s ago");
  });
});

describe("who may not, or cannot now", () => {
  it("a viewer reads, and is told why there is no more", async () => {
    await setUp(known, "viewer");
    const item = await screen.findByTestId("silence-sil-1");
    expect(screen.getByTestId("silence-create").hasAttribute("disabled")).toBe(true);
    expect(within(item).getByTestId("silence-end").hasAttribute("disabled")).toBe(true);
    expect(screen.getByTestId("silences").textContent).toContain("This takes the role responder; dana is viewer");
  });

  it("offline, what is known stays on screen and nothing can be sent, not even from an open dialog", async () => {
    const { stage, user } = await setUp();
    await screen.findByTestId("silence-sil-1");
    await user.click(screen.getByTestId("silence-create"));
    fill("Value 1", "search");
    fill("Reason", "known");
    const submit = within(screen.getByRole("dialog")).getByRole("button", { name: "Silence" });
    expect(submit.hasAttribute("disabled")).toBe(false);
    await act(async () => stage.socket.end(4000));
    expect(submit.hasAttribute("disabled")).toBe(true);
    expect(screen.getByRole("dialog").textContent).toContain("The connection to the gateway is lost");
    expect(screen.getByTestId("silence-sil-1")).toBeTruthy();
    expect(within(screen.getByTestId("silence-sil-1")).getByTestId("silence-end").hasAttribute("disabled")).toBe(true);
  });
});
