/**
 * One Vigil for the tests that only look at it: one that runs already, where VIGIL_GATEWAY and
 * VIGIL_SANDBOX say where, or a new one. Tests that turn parts of it off start their own.
 */
import type { TestProject } from "vitest/node";

import { type Address, startProduct } from "./product";

declare module "vitest" {
  interface ProvidedContext {
    vigil: Address;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const running = { gateway: process.env.VIGIL_GATEWAY, sandbox: process.env.VIGIL_SANDBOX };
  if (running.gateway !== undefined && running.sandbox !== undefined) {
    project.provide("vigil", { gateway: running.gateway, sandbox: running.sandbox });
    return () => Promise.resolve();
  }
  const { gateway, sandbox, stop } = await startProduct();
  project.provide("vigil", { gateway, sandbox });
  return stop;
}
