/**
 * What does this phone know and do? One user's chats and at most one call, kept in step with the
 * platform over one WebSocket.
 */
import { CallAudio, MicrophoneError } from "../../ui/src/call-audio.svelte.ts";
import { Link, socketUrl, type LinkState } from "../../ui/src/link.ts";
import { ring, ringback } from "../../ui/src/ringer.ts";
import { Ticker } from "../../ui/src/ticker.svelte.ts";
import type {
  Business,
  ChatEntry,
  FromPlatform,
  PermissionChoice,
  PhoneUser,
  Time,
  ToPlatform,
} from "../../ui/src/wire.ts";
import { closedWords, endWords } from "./end-words.ts";

export type Stage = "calling" | "ringing" | "incoming" | "connecting" | "talking" | "ended";

/** What a link or a button in the chat says when it is pressed; the business receives it. */
export interface Context {
  deeplink_payload?: string;
  cta_payload?: string;
  /** The id of the chat entry whose button was pressed. */
  button?: string;
}

const END_SHOWN_MS = 6_000;

export class PhoneCall {
  id = $state<string | null>(null);
  stage = $state<Stage>("calling");
  audio = $state.raw<CallAudio | null>(null);
  ticker = $state.raw<Ticker | null>(null);
  /** What to read when the call is over. */
  end = $state<{ title: string; text: string } | null>(null);
  /** Nobody took the call; the machine did. */
  voicemail = $state(false);
  /** The business is closed and may be asked to call back. */
  callback = $state(false);
  /** Hung up here before the platform gave the call an id. */
  abandoned = false;
  #quiet: (() => void) | null = null;

  constructor(
    readonly from: "user" | "business",
    readonly number: string,
    readonly name: string,
  ) {}

  sound(make: (() => () => void) | null): void {
    this.#quiet?.();
    this.#quiet = make?.() ?? null;
  }

  finish(title: string, text: string): void {
    this.stage = "ended";
    this.end = { title, text };
    this.sound(null);
    this.ticker?.stop();
    this.audio?.close();
  }
}

export class Phone {
  link = $state<LinkState>("opening");
  user = $state<PhoneUser | null>(null);
  businesses = $state<Business[]>([]);
  chats = $state<Record<string, ChatEntry[]>>({});
  now = $state<Time>(new Date().toISOString());
  call = $state<PhoneCall | null>(null);
  /** One line about something that did not work, until it is closed. */
  notice = $state<string | null>(null);

  readonly #link: Link<FromPlatform, ToPlatform>;

  constructor(readonly waId: string) {
    this.#link = new Link(socketUrl(`/phone/ws?wa_id=${encodeURIComponent(waId)}`), {
      onMessage: (message) => this.#receive(message),
      onState: (state) => (this.link = state),
    });
  }

  close(): void {
    this.hangUp();
    this.call?.finish("", "");
    this.#link.close();
  }

  // ---- what the person does ----

  async dial(business: Business, context: Context = {}): Promise<void> {
    if (this.call && this.call.stage !== "ended") return;
    const call = new PhoneCall("user", business.number, business.name);
    this.call = call;
    const offer = await this.#offer(call);
    if (offer === null || call.abandoned) return;
    const sent = this.#link.send({ type: "call", to: business.number, sdp: offer, ...context });
    if (!sent) this.#over(call, "No connection", "This phone is not connected to the platform just now.");
  }

  async answer(): Promise<void> {
    const call = this.call;
    if (call?.stage !== "incoming" || call.id === null) return;
    call.stage = "connecting";
    call.sound(null);
    const offer = await this.#offer(call);
    if (offer === null) {
      this.#link.send({ type: "reject", call_id: call.id });
      return;
    }
    if (this.call === call && call.stage === "connecting") {
      this.#link.send({ type: "pick_up", call_id: call.id, sdp: offer });
    }
  }

  decline(): void {
    const call = this.call;
    if (call?.stage !== "incoming" || call.id === null) return;
    this.#link.send({ type: "reject", call_id: call.id });
    this.#over(call, "Declined", "");
  }

  hangUp(): void {
    const call = this.call;
    if (!call || call.stage === "ended") return;
    if (call.stage === "incoming") return this.decline();
    if (call.id === null) call.abandoned = true;
    else this.#link.send({ type: "hang_up", call_id: call.id });
    const words = endWords("user_hung_up", "", call.ticker?.seconds);
    this.#over(call, words.title, words.text);
  }

  dismissCall(): void {
    if (this.call?.stage === "ended") this.call = null;
  }

  write(to: string, text: string): boolean {
    const sent = this.#link.send({ type: "message", to, text });
    if (!sent) this.notice = "Not sent: the phone is not connected to the platform just now.";
    return sent;
  }

  choose(to: string, choice: PermissionChoice, request_id?: string): void {
    const sent = this.#link.send({ type: "permission", to, choice, ...(request_id ? { request_id } : {}) });
    if (!sent) this.notice = "Not sent: the phone is not connected to the platform just now.";
  }

  /** The business is closed: let it call later. */
  askCallback(): void {
    const call = this.call;
    if (!call?.callback) return;
    const sent = this.#link.send({ type: "ask_callback", to: call.number });
    if (sent) this.call = null;
  }

  read(chat: string): void {
    this.#link.send({ type: "read", chat });
  }

  // ---- what the platform says ----

  #receive(message: FromPlatform): void {
    switch (message.type) {
      case "hello":
        this.user = message.user;
        this.businesses = message.businesses;
        this.chats = Object.fromEntries(message.chats.map((chat) => [chat.business, chat.entries]));
        this.now = message.now;
        return;
      case "business":
        return this.#putBusiness(message.business);
      case "chat":
        return this.#addEntry(message.business, message.entry);
      case "calling":
        return this.#calling(message.call_id);
      case "incoming":
        return this.#incoming(message);
      case "answer":
        return void this.#applyAnswer(message.call_id, message.sdp);
      case "accepted":
        return this.#accepted(message.call_id);
      case "voicemail":
        return this.#accepted(message.call_id, true);
      case "ended":
        return this.#ended(message);
      case "refused":
        return this.#refused(message);
      case "error":
        this.notice = message.text;
    }
  }

  #putBusiness(business: Business): void {
    const known = this.businesses.findIndex((each) => each.number === business.number);
    if (known >= 0) this.businesses[known] = business;
    else this.businesses.push(business);
  }

  #addEntry(business: string, entry: ChatEntry): void {
    const entries = (this.chats[business] ??= []);
    const known = entries.findIndex((each) => each.id === entry.id);
    if (known >= 0) entries[known] = entry;
    else entries.push(entry);
    this.now = entry.at;
  }

  #calling(callId: string): void {
    const call = this.call;
    if (!call || call.from !== "user" || call.id !== null) return;
    call.id = callId;
    if (call.abandoned) {
      this.#link.send({ type: "hang_up", call_id: callId });
      return;
    }
    call.stage = "ringing";
    call.sound(ringback);
  }

  #incoming({ call_id, from }: FromPlatform & { type: "incoming" }): void {
    if (this.call && this.call.stage !== "ended") {
      if (this.call.id !== call_id) this.#link.send({ type: "busy", call_id });
      return;
    }
    const call = new PhoneCall("business", from.number, from.name);
    call.id = call_id;
    call.stage = "incoming";
    call.sound(ring);
    this.call = call;
  }

  async #applyAnswer(callId: string, sdp: string): Promise<void> {
    const call = this.#mine(callId);
    if (!call?.audio) return;
    try {
      await call.audio.apply(sdp);
    } catch (error) {
      console.warn("the platform's answer was not usable", error);
      this.#link.send({ type: "hang_up", call_id: callId });
      this.#over(call, "Call failed", "The browser could not use the platform's answer for the sound.");
    }
  }

  #accepted(callId: string, voicemail = false): void {
    const call = this.#mine(callId);
    if (!call) return;
    call.stage = "talking";
    call.voicemail = voicemail;
    call.sound(null);
    call.ticker ??= new Ticker();
  }

  #ended(message: FromPlatform & { type: "ended" }): void {
    const call = this.#mine(message.call_id);
    if (!call) return;
    const words = endWords(message.reason, message.text, message.duration_s);
    this.#over(call, words.title, words.text);
  }

  #refused({ what, text, opens_at, callback }: FromPlatform & { type: "refused" }): void {
    const call = this.call;
    if (call && call.stage !== "ended" && what === "call" && (opens_at || callback)) {
      call.callback = callback ?? false;
      this.#over(call, "Closed now", closedWords(call.name, opens_at));
    } else if (call && call.stage !== "ended" && (what === "call" || what === "pick_up")) {
      this.#over(call, what === "call" ? "The call did not go out" : "The call could not be answered", text);
    } else {
      this.notice = text;
    }
  }

  // ---- helpers ----

  #mine(callId: string): PhoneCall | null {
    const call = this.call;
    return call && call.id === callId && call.stage !== "ended" ? call : null;
  }

  async #offer(call: PhoneCall): Promise<string | null> {
    try {
      const audio = await CallAudio.open();
      if (call.stage === "ended") {
        audio.close();
        return null;
      }
      call.audio = audio;
      return await audio.offer();
    } catch (error) {
      const text = error instanceof MicrophoneError ? error.message : "The browser could not prepare the sound.";
      this.#over(call, "No microphone", text);
      return null;
    }
  }

  /** Shows how the call ended; short endings go away by themselves, explained ones wait to be read. */
  #over(call: PhoneCall, title: string, text: string): void {
    call.finish(title, text);
    if (text.length > 40 || call.callback) return;
    setTimeout(() => {
      if (this.call === call) this.call = null;
    }, END_SHOWN_MS);
  }
}
