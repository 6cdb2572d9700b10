/** What is known of the one call an agent is on: how far it is, its sound, how it ended. */
import type { CallAudio } from "../../../ui/src/call-audio.svelte.ts";
import type { Ticker } from "../../../ui/src/ticker.svelte.ts";
import type { Call, Destination, Peer } from "../../../ui/src/wire.ts";
import { phoneNumber } from "../../../ui/src/words.ts";
import { addressOf } from "../who.ts";

export type Stage = "placing" | "ringing" | "connecting" | "talking" | "ended";

export class DeskCall {
  id = $state<string | null>(null);
  stage = $state<Stage>("placing");
  facts = $state<Partial<Call>>({});
  audio = $state.raw<CallAudio | null>(null);
  ticker = $state.raw<Ticker | null>(null);
  digits = $state("");
  end = $state<{ title: string; text: string } | null>(null);
  abandoned = false;
  /** Where this desk has given it last. */
  given: Destination | null = null;
  /** How often the path for sound was offered anew. */
  rejoins = 0;
  /** Somebody writes about it: it stays on the screen after its end. */
  kept = false;
  #quiet: (() => void) | null = null;

  constructor(
    readonly direction: "in" | "out",
    readonly who: Peer,
  ) {}

  get name(): string {
    return this.who.name || phoneNumber(addressOf(this.who));
  }

  sound(make: (() => () => void) | null): void {
    this.#quiet?.();
    this.#quiet = make?.() ?? null;
  }

  /** It is heard elsewhere. */
  silence(): void {
    this.audio?.close();
    this.audio = null;
  }

  finish(title: string, text: string): void {
    this.stage = "ended";
    this.end = { title, text };
    this.sound(null);
    this.ticker?.stop();
    this.audio?.close();
  }
}
