// @vitest-environment happy-dom
import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { FakeSocket } from "../../test/fake-socket";
import { Stage, problem } from "../../test/render";
import { App } from "./app";
import { pageOf } from "./location";

describe("addresses", () => {
  it.each([
    ["/", { name: "ops", incidentId: undefined }],
    ["/ops", { name: "ops", incidentId: undefined }],
    ["/ops/incidents/inc-1", { name: "ops", incidentId: "inc-1" }],
    ["/ops/incidents/a%2Fb", { name: "ops", incidentId: "a/b" }],
    ["/ops/incidents/%", { name: "ops", incidentId: "%" }],
    ["/ops/incidents/a/b", { name: "unknown", path: "/ops/incidents/a/b" }],
    ["/elsewhere", { name: "unknown", path: "/elsewhere" }],
  ])("%s", (path, page) => expect(pageOf(path)).toEqual(page));
});

describe("who is asking", () => {
  const sockets: FakeSocket[] = [];

  beforeEach(() => {
    sockets.length = 0;
    vi.stubGlobal(
      "WebSocket",
      class extends FakeSocket {
        constructor() {
          super();
          sockets.push(this);
        }
      },
    );
    window.history.replaceState(null, "", "/");
    return () => vi.unstubAllGlobals();
  });

  it("somebody unknown is asked for a token, which is exchanged and kept nowhere", async () => {
    const stage = new Stage();
    stage.answers["/me"] = problem(401, "denied", "sign in");
    stage.render(<App rest={stage.vigil.rest} />);
    const field = await screen.findByLabelText("Access token");
    expect(sockets).toHaveLength(0);

    const user = userEvent.setup();
    stage.answers["/session"] = problem(401, "denied", "no");
    await user.type(field, "wrong");
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    expect((await screen.findByRole("alert")).textContent).toContain("This token is not known");

    stage.answers["/session"] = {};
    stage.answers["/me"] = { name: "dana", role: "approver", dev: false, sandbox: false };
    await user.clear(field);
    await user.type(field, "right");
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    expect(await screen.findByTestId("connection", {}, { timeout: 5_000 })).toBeTruthy();
    expect(stage.calls.findLast((c) => c.path === "/session")?.body).toEqual({ token: "right" });
    expect(sockets.length).toBeGreaterThan(0);
    expect(window.localStorage.length + window.sessionStorage.length).toBe(0);
  });

  it("the root leads to operations", async () => {
    const stage = new Stage();
    stage.answers["/me"] = { name: "dev", role: "admin", dev: true, sandbox: false };
    stage.render(<App rest={stage.vigil.rest} />);
    await screen.findByTestId("connection", {}, { timeout: 5_000 });
    await waitFor(() => expect(window.location.pathname).toBe("/ops"));
  });

  it("a gateway that does not answer is said, and asked again", async () => {
    const stage = new Stage();
    stage.answers["/me"] = new TypeError("fetch failed");
    stage.render(<App rest={stage.vigil.rest} />);
    expect(await screen.findByText("The gateway does not answer")).toBeTruthy();
    stage.answers["/me"] = { name: "dev", role: "admin", dev: true, sandbox: false };
    await userEvent.setup().click(screen.getByRole("button", { name: "Ask now" }));
    expect(await screen.findByTestId("connection", {}, { timeout: 5_000 })).toBeTruthy();
  });

  it("after two vain attempts it is asked whether the session still stands", async () => {
    const stage = new Stage();
    stage.answers["/me"] = { name: "dana", role: "viewer", dev: false, sandbox: false };
    stage.render(<App rest={stage.vigil.rest} />);
    await screen.findByTestId("connection", {}, { timeout: 5_000 });
    stage.answers["/me"] = problem(401, "denied", "the session is over");
    sockets.at(-1)?.end(4102);
    expect(await screen.findByLabelText("Access token")).toBeTruthy();
  });
});
