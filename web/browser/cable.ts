/** The network between a browser and the gateway, which can be cut as a cable is: nothing is refused, nothing arrives. */
import { type AddressInfo, type Socket, connect, createServer } from "node:net";

export interface Cable {
  /** Where the browser finds the gateway through it. */
  url: string;
  /** Nothing goes through from now on, in either direction; nobody is told. */
  cut(): void;
  /** Goes through again. What was open while it was cut is dead, as after a long sleep. */
  mend(): void;
  close(): Promise<void>;
}

export async function layCable(gateway: string): Promise<Cable> {
  const to = new URL(gateway);
  const open = new Set<Socket>();
  let whole = true;
  const server = createServer((near) => {
    open.add(near);
    near.on("error", () => near.destroy());
    near.on("close", () => open.delete(near));
    if (!whole) return; // accepted by this end of the cable; nobody at the other hears of it
    const far = connect(Number(to.port), to.hostname);
    open.add(far);
    far.on("error", () => near.destroy());
    far.on("close", () => {
      open.delete(far);
      if (whole) near.destroy();
    });
    near.on("close", () => far.destroy());
    near.on("data", (bytes) => whole && far.write(bytes));
    far.on("data", (bytes) => whole && near.write(bytes));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const drop = () => open.forEach((socket) => socket.destroy());
  return {
    url: `http://127.0.0.1:${port}`,
    cut: () => {
      whole = false;
    },
    mend: () => {
      drop();
      whole = true;
    },
    close: () => {
      drop();
      return new Promise((done) => server.close(() => done()));
    },
  };
}
