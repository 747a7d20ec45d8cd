import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

/** Tests with a real browser against the product as it is run. `npm test` has those that need neither. */
export default defineConfig({
  root: resolve(import.meta.dirname, ".."),
  test: {
    environment: "node",
    include: ["browser/**/*.test.ts"],
    globalSetup: "browser/setup.ts",
    // One after another: each has a browser, and some a Vigil, of their own.
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 240_000,
    restoreMocks: true,
  },
});
