// @vitest-environment happy-dom
/** The post-incident review: read, followed to its events, edited by several people. */
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, describe, expect, it } from "vitest";

import { story } from "../../../test/golden";
import { Stage, problem } from "../../../test/render";
import type { IncidentEvent, Role, View } from "../../protocol/generated";
import { reduce } from "../../store/reduce";
import { OpsPage, prefetch } from "./ops-page";

beforeAll(prefetch);

const whole = story("story-actions").events;
const written: IncidentEvent[] = whole.filter((e) => e.type !== "review.edited");
const edit = whole.find((e) => e.type === "review.edited") as Extract<IncidentEvent, { type: "review.edited" }>;
const id = "inc-payments-4k7d2r";

async function setUp(events = written, role: Role = "responder") {
  const stage = new Stage();
  stage.know([events]);
  stage.render(<OpsPage incidentId={id} go={() => {}} dev={false} now={Date.parse("2026-11-23T18:50:00Z")} />);
  await act(async () => stage.connect(role)); // as dana
  await screen.findByTestId("postmortem");
  return { stage, user: userEvent.setup({ delay: null }) };
}

describe("the review", () => {
  it("has its lines by section, whose they are, and leads to Markdown", async () => {
    await setUp(whole);
    const panel = within(screen.getByTestId("postmortem"));
    expect(panel.getAllByRole("region").map((s) => s.getAttribute("aria-label"))).toEqual(["Summary", "Actions", "People"]);
    expect(within(panel.getByRole("region", { name: "Summary" })).getByText("dana")).toBeTruthy();
    expect(panel.getByTestId("review-version").textContent).toBe("version 2, edited");
    expect(panel.getByRole("link", { name: "Markdown" }).getAttribute("href")).toBe(`/api/v1/incidents/${id}/review.md`);
  });

  it("leads from a line to the events that it rests on, also to those that are folded away", async () => {
    const { user } = await setUp();
    const quiet = whole.find((e) => e.type === "notification.sent" && e.data.delivery.state === "sent") as IncidentEvent;
    const timeline = within(screen.getByTestId("timeline"));
    expect(timeline.queryAllByTestId("timeline-entry").some((e) => e.dataset.seq === String(quiet.seq))).toBe(false);
    await user.click(within(screen.getByTestId("postmortem")).getAllByRole("button", { name: /event #/ })[0] as HTMLElement);
    const asked = timeline.getAllByTestId("timeline-entry").filter((e) => e.dataset.asked === "true");
    expect(asked.map((e) => e.dataset.seq)).toEqual(["1"]);
    expect(document.activeElement).toBe(asked[0]);
    expect(timeline.getAllByTestId("timeline-entry")).toHaveLength(written.length); // all of it is shown now
  });

  it("is edited line by line, on top of the version that was seen", async () => {
    const { stage, user } = await setUp();
    stage.answers[`/incidents/${id}/review`] = {};
    await user.click(screen.getByRole("button", { name: "Edit" }));
    const editor = within(screen.getByTestId("postmortem-editor"));
    const save = editor.getByRole<HTMLButtonElement>("button", { name: "Save" });
    expect(save.disabled).toBe(true); // nothing is changed
    await user.clear(editor.getByLabelText("Line 1"));
    expect(save.disabled).toBe(true); // a line says something
    await user.type(editor.getByLabelText("Line 1"), "The pool was too small.");
    await user.click(editor.getByRole("button", { name: "Remove line 2" }));
    await user.click(editor.getByRole("button", { name: "Add a line" }));
    await user.type(editor.getByLabelText("Line 4"), "Check pools in review.");
    await user.click(save);
    const call = stage.calls.find((c) => c.method === "PUT");
    const { lines = [] } = (call?.body ?? {}) as { lines?: NonNullable<View["review_lines"]> };
    expect(call).toMatchObject({ path: `/incidents/${id}/review`, body: { base: 1 } });
    expect(call?.key).toBeTruthy();
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatchObject({ section: "Summary", text: "The pool was too small.", by: "dana", cites: [`${written[0]?.run_id}/1`, expect.any(String)] });
    expect(lines[3]).toEqual({ section: "People", text: "Check pools in review.", by: "dana" });
    expect(lines[1]?.by).toBeUndefined();
    await waitFor(() => expect(screen.queryByTestId("postmortem-editor")).toBeNull());
  });

  it("shows what somebody else wrote, where they were first", async () => {
    const { stage, user } = await setUp();
    stage.answers[`/incidents/${id}/review`] = problem(409, "conflict", "noor edited version 1 before you");
    const theirs = [...written, edit].reduce<View | undefined>(reduce, undefined);
    stage.answers[`/incidents/${id}`] = theirs;
    await user.click(screen.getByRole("button", { name: "Edit" }));
    const editor = within(screen.getByTestId("postmortem-editor"));
    await user.type(editor.getByLabelText("Line 1"), " Mine.");
    await user.click(editor.getByRole("button", { name: "Save" }));
    const notice = await editor.findByTestId("their-review");
    expect(notice.textContent).toContain("Theirs is version 2");
    expect(notice.textContent).toContain("because a change at 17:58 made its connection pool too small");
    expect(editor.getByLabelText<HTMLTextAreaElement>("Line 1").value).toContain("Mine.");
    expect(editor.getByRole<HTMLButtonElement>("button", { name: "Save" }).disabled).toBe(true);
    await user.click(within(notice).getByRole("button", { name: "Keep mine in its place" }));
    stage.answers[`/incidents/${id}/review`] = {};
    await user.click(editor.getByRole("button", { name: "Save" }));
    expect(stage.calls.filter((c) => c.method === "PUT").map((c) => (c.body as { base: number }).base)).toEqual([1, 2]);
  });

  it("says at once that somebody else has edited it, and goes on from theirs", async () => {
    const { stage, user } = await setUp();
    await user.click(screen.getByRole("button", { name: "Edit" }));
    const editor = within(screen.getByTestId("postmortem-editor"));
    await user.type(editor.getByLabelText("Line 1"), " Mine.");
    await act(async () => stage.socket.say({ ...edit, epoch: "e" }));
    await user.click(within(await editor.findByTestId("their-review")).getByRole("button", { name: "Go on from theirs" }));
    expect(editor.getByLabelText<HTMLTextAreaElement>("Line 1").value).toContain("because a change at 17:58");
    expect(editor.queryByTestId("their-review")).toBeNull();
  });

  it("is not edited by viewers", async () => {
    await setUp(written, "viewer");
    expect(screen.getByRole("button", { name: "Edit" }).title).toBe("This takes the role responder; dana is viewer");
  });
});
