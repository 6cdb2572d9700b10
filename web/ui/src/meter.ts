/**
 * How loud is a stream, and which tone leads in it?
 *
 * Reads an AnalyserNode. The level is what the meters show; the tone is for tests and for people who
 * feed the microphone from a file.
 */

export interface Level {
  /** RMS in dBFS; −100 stands for digital silence. */
  dbfs: number;
  /** The strongest frequency, or null when there is too little sound to say. */
  hz: number | null;
}

export const SILENCE: Level = { dbfs: -100, hz: null };

/** Below this a tone is noise, not sound. */
const TONE_FLOOR_DBFS = -50;
const FFT_SIZE = 8192;

export class Meter {
  readonly #analyser: AnalyserNode;
  readonly #source: MediaStreamAudioSourceNode;
  readonly #samples = new Float32Array(2048);
  readonly #bins: Float32Array<ArrayBuffer>;

  constructor(
    private readonly context: AudioContext,
    stream: MediaStream,
  ) {
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = FFT_SIZE;
    this.#analyser.smoothingTimeConstant = 0;
    this.#bins = new Float32Array(this.#analyser.frequencyBinCount);
    this.#source = context.createMediaStreamSource(stream);
    this.#source.connect(this.#analyser);
  }

  read(): Level {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    const dbfs = Math.max(-100, 10 * Math.log10(sum / this.#samples.length + 1e-10));
    return { dbfs, hz: dbfs > TONE_FLOOR_DBFS ? this.#peak() : null };
  }

  close(): void {
    this.#source.disconnect();
  }

  /** The strongest bin, refined by a parabola through its neighbours. */
  #peak(): number | null {
    this.#analyser.getFloatFrequencyData(this.#bins);
    let best = 1;
    for (let bin = 2; bin < this.#bins.length - 1; bin += 1) {
      if (this.#bins[bin]! > this.#bins[best]!) best = bin;
    }
    const [left, mid, right] = [this.#bins[best - 1]!, this.#bins[best]!, this.#bins[best + 1]!];
    if (!Number.isFinite(mid)) return null;
    const bend = left - 2 * mid + right;
    const shift = bend === 0 ? 0 : (left - right) / (2 * bend);
    return ((best + shift) * this.context.sampleRate) / FFT_SIZE;
  }
}

/** Maps −60…0 dBFS to 0…1 for drawing. */
export function loudness(level: Level): number {
  return Math.min(1, Math.max(0, (level.dbfs + 60) / 54));
}
