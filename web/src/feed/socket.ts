/** The part of a WebSocket that the feed uses; tests bring their own. */
export interface Socket {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: unknown) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
}

export type OpenSocket = (url: string) => Socket;

export const openBrowserSocket: OpenSocket = (url) => new WebSocket(url) as Socket;

/** The feed's address on the host that served the page. */
export function socketURL(location: { protocol: string; host: string }): string {
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/api/v1/ws`;
}
