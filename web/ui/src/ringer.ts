/**
 * What does a waiting person hear? The ring of a call that comes in, the ringback of one that goes out,
 * and a short tone for each digit pressed. Made here, so that no sound file is needed.
 */

let context: AudioContext | null = null;

function audio(): AudioContext {
  context ??= new AudioContext();
  if (context.state === "suspended") void context.resume();
  return context;
}

function beep(frequencies: readonly number[], at: number, seconds: number, volume: number): void {
  const { destination } = audio();
  const gain = audio().createGain();
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(volume, at + 0.03);
  gain.gain.setValueAtTime(volume, at + seconds - 0.06);
  gain.gain.linearRampToValueAtTime(0, at + seconds);
  gain.connect(destination);
  for (const frequency of frequencies) {
    const oscillator = audio().createOscillator();
    oscillator.frequency.value = frequency;
    oscillator.connect(gain);
    oscillator.start(at);
    oscillator.stop(at + seconds);
  }
}

function repeat(every_ms: number, play: () => void): () => void {
  play();
  const timer = setInterval(play, every_ms);
  return () => clearInterval(timer);
}

/** Rings until the returned function is called. */
export function ring(): () => void {
  return repeat(2_600, () => {
    const now = audio().currentTime + 0.02;
    for (const [step, note] of [659, 784, 988, 784].entries()) beep([note], now + step * 0.18, 0.22, 0.06);
  });
}

export function ringback(): () => void {
  return repeat(4_000, () => beep([425], audio().currentTime + 0.02, 1, 0.035));
}

const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477];

export function digitSound(digit: string): void {
  const place = "123456789*0#".indexOf(digit);
  if (place < 0) return;
  beep([ROWS[Math.floor(place / 3)]!, COLUMNS[place % 3]!], audio().currentTime, 0.14, 0.03);
}
