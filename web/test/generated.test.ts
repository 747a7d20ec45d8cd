import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { expect, it } from "vitest";

it("src/protocol is what the schema gives; otherwise run: npm run generate", () => {
  const script = resolve(import.meta.dirname, "../scripts/generate-protocol.mjs");
  expect(() => execFileSync(process.execPath, [script, "--check"], { stdio: "pipe" })).not.toThrow();
}, 30_000);
