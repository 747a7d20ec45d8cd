/** Money for people, from millionths. What has no currency is not money. */
import { quantity } from "./format";

/** €88,641, −€12.40: whole where a hundredth does not matter. */
export function money(micros: number, currency: string): string {
  const value = micros / 1e6;
  const digits = Math.abs(value) >= 100 ? 0 : 2;
  try {
    const text = new Intl.NumberFormat("en", { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
    return text.replace("-", "−");
  } catch {
    return `${quantity(value)} ${currency}`; // not an ISO code: as the user wrote it
  }
}
