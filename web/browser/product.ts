/**
 * Vigil as it is run: its binary, started on ports of its own in a directory of its own, and stopped
 * by its process id. Nothing of it is replaced; the AWS it speaks to is the sandbox.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { until } from "./until";

const root = resolve(import.meta.dirname, "../..");

/** A busy machine with a cold cache. */
const startMs = 120_000;
const stopMs = 15_000;

/**
 * Clocks of an incident for a world that moves every second, as finely as CloudWatch can show it:
 * an incident is over within two minutes.
 */
const quick = ["--tick=1s", "--lookback=120s", "--verify-every=1s", "--verify-timeout=60s", "--handover-timeout=10m"];

export interface Address {
  gateway: string;
  sandbox: string;
}

export type Part = "temporal" | "nats" | "sandbox" | "worker" | "gateway";

export interface Product extends Address {
  temporalUI: string;
  /** Ends a part as `kill -9` does. It comes back by itself. Only where each part is its own process. */
  kill(part: Part): Promise<void>;
  stop(): Promise<void>;
}

/** Starts everything, in one process or split into one for each part, and waits until it is ready. */
export async function startProduct({ split = false } = {}): Promise<Product> {
  const binaries = process.env.VIGIL_BIN ?? join(root, ".vigil/bin");
  const binary = join(resolve(root, binaries), "vigil-dev");
  if (!existsSync(binary)) throw new Error(`There is no ${binary}: build it with \`go tool task build\`, or say in VIGIL_BIN where the binaries are.`);
  if (!existsSync(join(root, "web/dist/index.html"))) throw new Error("The dashboards are not built: run `npm run build` in web/.");
  const state = await mkdtemp(join(tmpdir(), "vigil-browser-"));
  const [temporal, temporalUI, nats, sandbox, sns, gateway] = await freePorts(6);
  const args = [
    `--state-dir=${state}`,
    `--web-dir=${join(root, "web/dist")}`,
    `--temporal-addr=${temporal}`,
    `--temporal-ui-addr=${temporalUI}`,
    `--nats-addr=${nats}`,
    `--sandbox-addr=${sandbox}`,
    `--sandbox-sns-addr=${sns}`,
    `--gateway-addr=${gateway}`,
    // The example that ships, so that there is money to show and to compare.
    `--business-file=${join(root, "deploy/docs/business.yaml")}`,
    ...quick,
    ...(split ? ["--split", "--restart-after=2s"] : []),
  ];
  const child = spawn(binary, args, { cwd: state, env: { ...process.env, TEMPORAL_ADDRESS: "" }, stdio: ["ignore", "pipe", "pipe"] });
  const endWithUs = () => child.kill("SIGKILL");
  process.once("exit", endWithUs);
  const said = lastWords(child);
  const address = { gateway: `http://${gateway}`, sandbox: `http://${sandbox}` };
  const stop = async () => {
    process.off("exit", endWithUs);
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), stopMs);
      await ended;
      clearTimeout(late);
    }
    await rm(state, { recursive: true, force: true });
  };
  try {
    await until(
      "Vigil is ready",
      async () => {
        if (child.exitCode !== null) return;
        const response = await fetch(`${address.gateway}/readyz`);
        if (!response.ok) throw new Error(`/readyz answers ${response.status}`);
      },
      startMs,
    );
    if (child.exitCode !== null) throw new Error(`vigil-dev ended with ${child.exitCode} before it was ready.`);
  } catch (error) {
    await stop();
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${said()}`, { cause: error });
  }
  const kill = async (part: Part) => {
    const pid = await processId(state, part);
    process.kill(pid, "SIGKILL");
    await until(`${part} has another process than ${pid}`, async () => {
      if ((await processId(state, part)) === pid) throw new Error("It is the same still.");
    });
  };
  return { ...address, temporalUI: `http://${temporalUI}`, kill, stop };
}

async function processId(state: string, part: Part): Promise<number> {
  const listed = await readFile(join(state, "pids"), "utf8");
  const pid = new RegExp(`^${part} (\\d+)$`, "m").exec(listed)?.[1];
  if (pid === undefined) throw new Error(`No process of ${part} is listed; only a split Vigil lists them:\n${listed}`);
  return Number(pid);
}

/** What a process printed last, for when it does not start. */
function lastWords(child: ChildProcess): () => string {
  let words = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("data", (text: string) => {
      words = (words + text).slice(-4_000);
    });
  }
  return () => words;
}

/**
 * Addresses on loopback that nobody listens on, below the ports that the kernel gives to outgoing
 * connections: a part that is killed must find its port free when it comes back.
 */
export async function freePorts(count: number): Promise<string[]> {
  const found = new Set<string>();
  while (found.size < count) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port)) found.add(`127.0.0.1:${port}`);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const server = createServer();
    server.once("error", () => answer(false));
    server.listen(port, "127.0.0.1", () => server.close(() => answer(true)));
  });
}
