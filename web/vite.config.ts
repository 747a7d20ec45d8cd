import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

import { initialSize } from "./scripts/initial-size.ts";

/** Where `npm run dev` finds a gateway. */
const gateway = process.env.VIGIL_GATEWAY ?? "http://127.0.0.1:8080";

export default defineConfig(({ mode }) => ({
  // `npm run fixtures` serves the golden stories instead of a gateway; no build contains them.
  root: mode === "fixtures" ? "fixtures" : ".",
  plugins: [react(), tailwindcss(), initialSize()],
  build: {
    target: "es2022",
    // The gateway's content security policy allows no data: URLs.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
  },
  server: {
    port: 5173,
    fs: { allow: ["..", "../.."] },
    proxy: mode === "fixtures" ? undefined : { "/api": { target: gateway, ws: true, changeOrigin: true } },
  },
  test: {
    // Component tests ask for a DOM themselves: most tests need none, and start faster without.
    environment: "node",
    env: { TZ: "UTC" },
    include: ["src/**/*.test.{ts,tsx}", "test/**/*.test.ts"],
    restoreMocks: true,
    // A whole page in a DOM takes a second or two where many things run at once.
    testTimeout: 20_000,
  },
}));
