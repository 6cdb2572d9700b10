/**
 * How does a page keep its one WebSocket?
 *
 * Opens it, reopens it with a growing pause when it drops, and hands over whole JSON messages.
 * Nothing is queued while it is down: a call or an answer sent late would be a surprise, so `send`
 * says no and the page tells the person.
 */

export type LinkState = "opening" | "open" | "waiting";

export interface LinkHandlers<In> {
  onMessage(message: In): void;
  onState(state: LinkState, failures: number): void;
}

const PAUSE_FIRST_MS = 400;
const PAUSE_MAX_MS = 6_000;

export class Link<In extends { type: string }, Out extends { type: string }> {
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #failures = 0;
  #closed = false;

  constructor(
    private readonly url: string,
    private readonly handlers: LinkHandlers<In>,
  ) {
    this.#open();
  }

  /** True when the message was handed to an open socket. */
  send(message: Out): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #open(): void {
    this.handlers.onState("opening", this.#failures);
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    socket.onopen = () => {
      this.#failures = 0;
      this.handlers.onState("open", 0);
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = () => this.#reopenLater(socket);
  }

  #receive(text: unknown): void {
    if (typeof text !== "string") return;
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      console.warn("a message that is not JSON was dropped");
      return;
    }
    if (typeof message === "object" && message !== null && "type" in message) {
      this.handlers.onMessage(message as In);
    }
  }

  #reopenLater(socket: WebSocket): void {
    if (this.#closed || socket !== this.#socket) return;
    this.#failures += 1;
    this.handlers.onState("waiting", this.#failures);
    const pause = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.min(this.#failures - 1, 6));
    this.#timer = setTimeout(() => this.#open(), pause);
  }
}

/** The `ws:` or `wss:` address of a path on the server this page came from. */
export function socketUrl(path: string): string {
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${path}`;
}
