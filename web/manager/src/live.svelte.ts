/** What the platform is now: asked again every moment while somebody looks. */
import type { State } from "../../ui/src/sandbox.ts";
import * as api from "./api.ts";

const EVERY_MS = 1500;

export class Live {
  state = $state.raw<State | null>(null);
  problem = $state<string | null>(null);
  /** How often the platform asked for a token instead of an answer, since the last answer. */
  locked = $state(0);
  /** Counts the answers, for sections that ask for more at the same pace. */
  beat = $state(0);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;
  #stopped = false;

  start(): () => void {
    document.addEventListener("visibilitychange", this.#onVisible);
    void this.refresh();
    return () => {
      this.#stopped = true;
      clearTimeout(this.#timer);
      document.removeEventListener("visibilitychange", this.#onVisible);
    };
  }

  /** Asks at once; an older question's answer that comes late is dropped. */
  refresh = async (): Promise<void> => {
    clearTimeout(this.#timer);
    const mine = ++this.#asked;
    try {
      const state = await api.state();
      if (mine !== this.#asked) return;
      this.state = state;
      this.problem = null;
      this.locked = 0;
      this.beat += 1;
    } catch (error) {
      if (mine !== this.#asked) return;
      if (error instanceof api.Refusal && error.rule === api.LOCKED) {
        // Somebody has to give the token first.
        this.locked += 1;
        return;
      }
      this.problem = (error as Error).message;
    }
    if (!this.#stopped && !document.hidden) this.#timer = setTimeout(this.refresh, EVERY_MS);
  };

  #onVisible = (): void => {
    if (!document.hidden) void this.refresh();
  };
}

/** Keeps asking for one thing at the pace of the whole, and says what came or why not. */
export class Asked<T> {
  value = $state.raw<T | null>(null);
  problem = $state<string | null>(null);
  #asked = 0;

  async ask(question: () => Promise<T>): Promise<void> {
    const mine = ++this.#asked;
    try {
      const value = await question();
      if (mine !== this.#asked) return;
      this.value = value;
      this.problem = null;
    } catch (error) {
      if (mine === this.#asked) this.problem = (error as Error).message;
    }
  }

  forget(): void {
    this.#asked += 1;
    this.value = null;
    this.problem = null;
  }
}
