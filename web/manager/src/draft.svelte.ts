/** What a form shows while it is edited: follows what is stored until somebody changes something. */
export class Draft<T> {
  value = $state() as T;
  #base = $state() as string;

  constructor(stored: T) {
    this.reset(stored);
  }

  /** What is stored has (perhaps) changed. */
  follow(stored: T): void {
    const text = JSON.stringify(stored);
    if (text === this.#base) return;
    if (!this.changed) this.value = JSON.parse(text) as T;
    this.#base = text;
  }

  /** Back to what is stored. */
  reset(stored: T): void {
    this.#base = JSON.stringify(stored);
    this.value = JSON.parse(this.#base) as T;
  }

  get changed(): boolean {
    return JSON.stringify(this.value) !== this.#base;
  }
}
