import { expect, it } from "vitest";

import { mayReconnect } from "../protocol/close";
import { backoff } from "./backoff";
import { quality } from "./quality";
import { socketURL } from "./socket";

it.each([
  [undefined, undefined],
  [0, undefined],
  [0.2, "Excellent"],
  [49.9, "Excellent"],
  [50, "Good"],
  [99, "Good"],
  [100, "Fair"],
  [199, "Fair"],
  [200, "Poor"],
])("a round trip of %s ms is %s", (rtt, word) => expect(quality(rtt)).toBe(word));

it.each([
  [1000, true],
  [1006, true],
  [4000, true],
  [4003, true],
  [4099, true],
  [4100, false],
  [4104, false],
  [4999, false],
  [5000, true],
])("closed with %i: may come back is %s", (code, may) => expect(mayReconnect(code)).toBe(may));

it("backs off between half of a ceiling and the ceiling", () => {
  expect(backoff(0, 0)).toBe(250);
  expect(backoff(0, 0.999)).toBe(500);
  expect(backoff(50, 0)).toBe(4_000);
  expect(backoff(50, 1)).toBe(8_000);
});

it("speaks TLS where the page does", () => {
  expect(socketURL({ protocol: "https:", host: "vigil.example:8443" })).toBe("wss://vigil.example:8443/api/v1/ws");
  expect(socketURL({ protocol: "http:", host: "127.0.0.1:8080" })).toBe("ws://127.0.0.1:8080/api/v1/ws");
});
