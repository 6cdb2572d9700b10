/** The time, once a second, for durations on the screen. */
export class Now {
  at = $state(Date.now());

  /** Ticks until the returned function is called. */
  start(): () => void {
    const timer = setInterval(() => (this.at = Date.now()), 1000);
    return () => clearInterval(timer);
  }

  /** Seconds since a moment; none when the gateway's clock is ahead of ours. */
  since(moment: string): number {
    return Math.max(0, (this.at - new Date(moment).getTime()) / 1000);
  }
}
