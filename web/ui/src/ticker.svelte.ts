/** Seconds since a call was accepted, by this browser's steady clock (the server's may be a test clock). */
export class Ticker {
  seconds = $state(0);
  readonly #start = performance.now();
  readonly #timer = setInterval(() => (this.seconds = (performance.now() - this.#start) / 1000), 250);

  stop(): void {
    clearInterval(this.#timer);
  }
}
