import type { Socket } from "../src/feed/socket";

/** A socket whose other end is the test. */
export class FakeSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  readonly sent: unknown[] = [];
  closed: number | undefined;

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(code?: number): void {
    this.closed = code ?? 1005;
  }

  /** What the gateway does. */
  accept(): void {
    this.onopen?.({});
  }

  say(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  end(code: number, reason = ""): void {
    this.onclose?.({ code, reason });
  }
}
