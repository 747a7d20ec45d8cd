import { expect, it } from "vitest";

import { money } from "./money";

it.each([
  [88_641_000_000, "EUR", "€88,641"],
  [-12_400_000, "EUR", "−€12.40"],
  [99_990_000, "USD", "$99.99"],
  [0, "USD", "$0.00"],
  [1_240_000_000, "credits", "1,240 credits"],
])("%d millionths of %s", (micros, currency, text) => expect(money(micros, currency)).toBe(text));
