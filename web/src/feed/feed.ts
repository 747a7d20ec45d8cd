/**
 * The one WebSocket of a tab, in plain TypeScript.
 *
 * It keeps the cursor {epoch, offset}: "I have everything up to here". It says hello with it, so
 * that after an interruption the gateway goes on where it stopped, or sends a snapshot where it
 * cannot. The sink gets snapshots, events and system events in the order of the socket; delivery to
 * it is at least once, because a gateway that restarts may repeat (the store drops repeats).
 *
 * INVARIANT (feed.test.ts "never a silent gap"): the cursor moves only over what the sink was given
 * or the gateway declared complete. Whatever contradicts it (another epoch, a position behind it)
 * drops the cursor and asks for a snapshot.
 */
import { backoff } from "./backoff";
import { type Clock, systemClock } from "./clock";
import { type OpenSocket, type Socket, openBrowserSocket } from "./socket";
import { type DecodedEvent, decodeFrame } from "../protocol/decoder";
import { mayReconnect } from "../protocol/close";
import {
  type Cursor,
  type Hello,
  type ModelDelta,
  type Position,
  type Principal,
  type Snapshot,
  type SystemEvent,
  type Welcome,
  closeReason,
  protocolVersion,
} from "../protocol/generated";

export type ConnectionState = "connecting" | "live" | "reconnecting" | "offline" | "refused";

export interface Connection {
  state: ConnectionState;
  /** Why it is not live, in words. */
  reason?: string;
  /** Attempts in a row that led to nothing. */
  attempts: number;
  /** When the next attempt is due, in ms since 1970. */
  retryAt?: number;
  /** Since when it is in this state. */
  since: number;
  rttMs?: number;
  /** What to add to this computer's clock to get the gateway's. */
  clockOffsetMs: number;
  principal?: Principal;
  /** Frames that could not be read at all since the page was loaded. */
  malformed: number;
}

export interface Sink {
  snapshot(snapshot: Snapshot): void;
  event(event: DecodedEvent): void;
  system(event: SystemEvent): void;
  /** A piece of what a model is saying; moves no cursor, and may be missing. */
  delta(delta: ModelDelta): void;
  /** The gateway is complete up to an offset that no frame led to: compare with what it has. */
  verify(): void;
}

export interface FeedOptions {
  url: string;
  sink: Sink;
  onConnection: (connection: Connection) => void;
  openSocket?: OpenSocket;
  clock?: Clock;
  /** Whether the browser believes that it has a network, and how to hear of changes. */
  network?: { online(): boolean; subscribe(changed: () => void): () => void };
}

/** Positions come every 5 s; without any frame for three of them the socket is dead, whatever TCP says. */
const silenceMs = 16_000;
/** How long a socket may take from being opened until it is welcomed. */
const welcomeMs = 10_000;
/** An attempt that held this long was a success; the next failure starts from a short wait again. */
const stableMs = 5_000;

export class Feed {
  private readonly open: OpenSocket;
  private readonly clock: Clock;
  private readonly options: FeedOptions;
  private socket: Socket | undefined;
  private cursor: Cursor | undefined;
  private connection: Connection;
  private liveSince: number | undefined;
  private cancelTimer: () => void = () => {};
  private cancelWatch: () => void = () => {};
  private stopNetwork: () => void = () => {};
  private running = false;

  constructor(options: FeedOptions) {
    this.options = options;
    this.open = options.openSocket ?? openBrowserSocket;
    this.clock = options.clock ?? systemClock;
    this.connection = { state: "connecting", attempts: 0, since: this.clock.now(), clockOffsetMs: 0, malformed: 0 };
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.stopNetwork = this.options.network?.subscribe(() => this.networkChanged()) ?? (() => {});
    this.connect();
  }

  stop(): void {
    this.running = false;
    this.stopNetwork();
    this.cancelTimer();
    this.drop("stopped");
  }

  /** Tries at once, also after having been refused. */
  retry(): void {
    if (!this.running || this.socket !== undefined) return;
    this.cancelTimer();
    this.connect();
  }

  /** Where the feed stands, for display and tests. */
  position(): Cursor | undefined {
    return this.cursor;
  }

  private connect(): void {
    if (this.options.network !== undefined && !this.options.network.online()) {
      this.show({ state: "offline", reason: "this computer has no network", retryAt: undefined });
      return;
    }
    this.show({ state: this.connection.attempts === 0 && this.cursor === undefined ? "connecting" : "reconnecting", retryAt: undefined });
    const socket = this.open(this.options.url);
    this.socket = socket;
    this.watch(welcomeMs, "the gateway did not answer in time");
    socket.onopen = () => {
      const hello: Hello = { type: "hello", protocol: protocolVersion, topics: ["incidents"] };
      if (this.cursor !== undefined) hello.cursor = this.cursor;
      socket.send(JSON.stringify(hello));
    };
    socket.onmessage = ({ data }) => {
      if (this.socket === socket) this.receive(data);
    };
    socket.onclose = ({ code, reason }) => {
      if (this.socket === socket) this.closed(code, reason);
    };
  }

  private receive(data: unknown): void {
    if (this.connection.state === "live") this.watch(silenceMs, "nothing was heard from the gateway for too long");
    const decoded = typeof data === "string" ? decodeFrame(data) : { kind: "malformed" as const, reason: "a frame that is not text" };
    if (decoded.kind === "malformed") {
      this.show({ malformed: this.connection.malformed + 1 });
      return;
    }
    if (decoded.kind === "event") {
      this.receiveEvent(decoded);
      return;
    }
    const { frame } = decoded;
    switch (frame.type) {
      case "welcome":
        this.welcomed(frame);
        break;
      case "snapshot":
        this.cursor = { epoch: frame.epoch, offset: frame.offset };
        this.options.sink.snapshot(frame);
        break;
      case "position":
        this.receivePosition(frame);
        break;
      case "error":
        this.show({ reason: frame.message });
        break;
      case "model.delta":
        this.options.sink.delta(frame);
        break;
      default:
        this.options.sink.system(frame);
    }
  }

  private welcomed({ principal, resumed, at }: Welcome): void {
    this.liveSince = this.clock.now();
    // A snapshot follows and will set it; until then there is nothing to go on from.
    if (!resumed) this.cursor = undefined;
    this.show({ state: "live", reason: undefined, retryAt: undefined, principal, clockOffsetMs: Date.parse(at) - this.clock.now() });
    this.watch(silenceMs, "nothing was heard from the gateway for too long");
  }

  private receiveEvent(decoded: DecodedEvent): void {
    const { epoch, offset } = decoded.event;
    if (this.cursor !== undefined && epoch !== undefined && offset !== undefined) {
      if (epoch !== this.cursor.epoch) {
        this.resync("the stream of events was made anew");
        return;
      }
      // Events that the gateway filled in carry an earlier offset: they are new, and move no cursor.
      if (offset > this.cursor.offset) this.cursor = { epoch, offset };
    }
    this.options.sink.event(decoded);
  }

  private receivePosition(position: Position): void {
    if (position.rtt_ms > 0) this.show({ rttMs: position.rtt_ms });
    if (this.cursor === undefined) return;
    if (position.epoch !== this.cursor.epoch) this.resync("the stream of events was made anew");
    else if (position.offset < this.cursor.offset) this.resync("the gateway is behind what it had sent");
    else if (position.offset > this.cursor.offset) {
      this.cursor = { epoch: position.epoch, offset: position.offset };
      this.options.sink.verify();
    }
  }

  /** Forgets the cursor and comes back for a snapshot. */
  private resync(reason: string): void {
    this.cursor = undefined;
    this.drop(reason);
    this.retryLater(reason);
  }

  private closed(code: number, reason: string): void {
    this.socket = undefined;
    this.cancelWatch();
    const words = closeReason[code] ?? (reason !== "" ? reason : "the connection was lost");
    if (!mayReconnect(code)) {
      this.show({ state: "refused", reason: words, retryAt: undefined, rttMs: undefined });
      return;
    }
    this.retryLater(words);
  }

  private retryLater(reason: string): void {
    if (!this.running) return;
    const held = this.liveSince !== undefined && this.clock.now() - this.liveSince >= stableMs;
    const attempts = held ? 0 : this.connection.attempts;
    this.liveSince = undefined;
    if (this.options.network !== undefined && !this.options.network.online()) {
      this.show({ state: "offline", reason: "this computer has no network", attempts: attempts + 1, retryAt: undefined, rttMs: undefined });
      return;
    }
    const wait = backoff(attempts, this.clock.random());
    this.show({ state: "reconnecting", reason, attempts: attempts + 1, retryAt: this.clock.now() + wait, rttMs: undefined });
    this.cancelTimer();
    this.cancelTimer = this.clock.after(wait, () => this.connect());
  }

  private networkChanged(): void {
    if (!this.running) return;
    if (this.options.network?.online()) {
      if (this.socket === undefined && this.connection.state !== "refused") this.retry();
      return;
    }
    this.cancelTimer();
    this.drop("this computer has no network");
    this.show({ state: "offline", reason: "this computer has no network", retryAt: undefined, rttMs: undefined });
  }

  /** Ends the socket when nothing comes for ms. */
  private watch(ms: number, reason: string): void {
    this.cancelWatch();
    this.cancelWatch = this.clock.after(ms, () => {
      this.drop(reason);
      this.retryLater(reason);
    });
  }

  /** Lets go of the socket without waiting for its goodbye. */
  private drop(reason: string): void {
    this.cancelWatch();
    const { socket } = this;
    this.socket = undefined;
    if (socket === undefined) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000, reason.slice(0, 100));
  }

  private show(change: Partial<Connection>): void {
    const before = this.connection.state;
    this.connection = { ...this.connection, ...change };
    if (this.connection.state !== before) this.connection.since = this.clock.now();
    this.options.onConnection(this.connection);
  }
}

export const browserNetwork: NonNullable<FeedOptions["network"]> = {
  online: () => navigator.onLine,
  subscribe(changed) {
    window.addEventListener("online", changed);
    window.addEventListener("offline", changed);
    return () => {
      window.removeEventListener("online", changed);
      window.removeEventListener("offline", changed);
    };
  },
};
