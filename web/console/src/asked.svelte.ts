/** One question to the gateway: what it answered last, whether it is being asked, why it said no. */
import { ApiError } from "./api.ts";

export class Asked<T> {
  value = $state.raw<T | null>(null);
  problem = $state<string | null>(null);
  busy = $state(false);
  #newest = 0;

  /** Asks again; only the newest answer counts. True when it was a yes. */
  async ask(question: () => Promise<T>): Promise<boolean> {
    this.#newest += 1;
    const number = this.#newest;
    this.busy = true;
    try {
      const value = await question();
      if (number === this.#newest) [this.value, this.problem] = [value, null];
      return true;
    } catch (error) {
      if (number === this.#newest) this.problem = error instanceof ApiError ? error.message : String(error);
      return false;
    } finally {
      if (number === this.#newest) this.busy = false;
    }
  }
}
