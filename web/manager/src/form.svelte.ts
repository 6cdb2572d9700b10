/** One form: whether it is being sent, what became of it, and beside which field a "no" belongs. */
import { Refusal } from "./api.ts";

const SAVED_MS = 3000;

export class Form {
  busy = $state(false);
  refusal = $state.raw<Refusal | null>(null);
  saved = $state(false);
  #claims = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Sends it. The answer is whether it was taken. */
  async send(action: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    clearTimeout(this.#timer);
    this.busy = true;
    this.saved = false;
    try {
      await action();
      this.refusal = null;
      this.saved = true;
      this.#timer = setTimeout(() => (this.saved = false), SAVED_MS);
      return true;
    } catch (error) {
      this.refusal = error instanceof Refusal ? error : new Refusal(0, "", null, String(error), null);
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** A field says which paths of the body are its own. */
  claim(path: string): void {
    this.#claims.add(path);
  }

  /** The "no" that belongs to this field. */
  at(path: string): Refusal | null {
    return this.refusal && belongs(this.refusal.field, path) ? this.refusal : null;
  }

  /** The "no" that belongs to no field. */
  get rest(): Refusal | null {
    const field = this.refusal?.field ?? null;
    return [...this.#claims].some((path) => belongs(field, path)) ? null : this.refusal;
  }
}

/** Bodies are read from their root, rules speak of the settings alone; both name the same field. */
function belongs(field: string | null, path: string): boolean {
  if (!field) return false;
  const bare = field.replace(/^calling\./, "").replaceAll(/\[\d+\]/g, "");
  return bare === path || bare.startsWith(`${path}.`);
}
