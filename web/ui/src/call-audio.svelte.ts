/**
 * What does a page need to speak and hear on one call?
 *
 * One RTCPeerConnection with one audio stream each way. The page always makes the offer, complete with
 * its candidates (the servers are ice-lite and learn our address from our checks; a relay is gathered
 * where the server named one), and applies the server's answer. Mute, tones, levels and the autoplay rule live here too.
 */
import { Meter, SILENCE, type Level } from "./meter.ts";

export type Path = "new" | "connecting" | "connected" | "lost" | "failed";

/** Host candidates are there at once; a browser that never says "complete" shall not hold up a call. */
const GATHER_MAX_MS = 1_500;
const METER_EVERY_MS = 60;
const TONE_MS = 160;
const TONE_GAP_MS = 80;

export class MicrophoneError extends Error {}

export class CallAudio {
  path = $state<Path>("new");
  muted = $state(false);
  /** The browser will not play sound before a press; the page then shows a button for `unblock`. */
  blocked = $state(false);
  said = $state.raw<Level>(SILENCE);
  heard = $state.raw<Level>(SILENCE);
  digits = $state("");

  readonly #connection: RTCPeerConnection;
  readonly #context = new AudioContext();
  readonly #player = new Audio();
  readonly #meters: { said: Meter; heard: Meter | null };
  readonly #timer: ReturnType<typeof setInterval>;
  #closed = false;

  private constructor(
    private readonly microphone: MediaStream,
    helpers: RTCConfiguration,
  ) {
    this.#connection = new RTCPeerConnection(helpers);
    for (const track of microphone.getAudioTracks()) this.#connection.addTrack(track, microphone);
    this.#connection.ontrack = (event) => this.#hear(event.streams[0] ?? new MediaStream([event.track]));
    this.#connection.onconnectionstatechange = () => this.#follow(this.#connection.connectionState);
    this.#meters = { said: new Meter(this.#context, microphone), heard: null };
    this.#timer = setInterval(() => this.#measure(), METER_EVERY_MS);
    void this.#context.resume();
  }

  /** Asks for the microphone. Throws a `MicrophoneError` whose message is for the person. */
  static async open(helpers: RTCConfiguration = {}): Promise<CallAudio> {
    return new CallAudio(await openMicrophone(), helpers);
  }

  async offer(): Promise<string> {
    await this.#connection.setLocalDescription(await this.#connection.createOffer());
    await this.#gathered();
    return this.#connection.localDescription?.sdp ?? "";
  }

  async apply(answer: string): Promise<void> {
    if (this.#closed) return;
    this.path = "connecting";
    await this.#connection.setRemoteDescription({ type: "answer", sdp: answer });
  }

  mute(on: boolean): void {
    this.muted = on;
    for (const track of this.microphone.getAudioTracks()) track.enabled = !on;
  }

  /** Sends one digit as an RFC 4733 event and remembers it for the display. */
  tone(digit: string): boolean {
    const sender = this.#connection.getSenders().find((each) => each.dtmf)?.dtmf;
    if (!sender?.canInsertDTMF) return false;
    sender.insertDTMF(sender.toneBuffer + digit, TONE_MS, TONE_GAP_MS);
    this.digits = (this.digits + digit).slice(-24);
    return true;
  }

  unblock(): void {
    void this.#context.resume();
    this.#player.play().then(
      () => (this.blocked = false),
      () => (this.blocked = true),
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#player.srcObject = null;
    this.#connection.close();
    for (const track of this.microphone.getTracks()) track.stop();
    void this.#context.close();
    this.said = SILENCE;
    this.heard = SILENCE;
  }

  #gathered(): Promise<void> {
    const connection = this.#connection;
    if (connection.iceGatheringState === "complete") return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, GATHER_MAX_MS);
      connection.addEventListener("icegatheringstatechange", () => {
        if (connection.iceGatheringState !== "complete") return;
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #hear(stream: MediaStream): void {
    this.#player.srcObject = stream;
    this.unblock();
    this.#meters.heard?.close();
    this.#meters.heard = new Meter(this.#context, stream);
  }

  #follow(state: RTCPeerConnectionState): void {
    if (state === "connected") this.path = "connected";
    else if (state === "disconnected") this.path = "lost";
    else if (state === "failed") this.path = "failed";
  }

  #measure(): void {
    this.said = this.muted ? SILENCE : this.#meters.said.read();
    this.heard = this.#meters.heard?.read() ?? SILENCE;
  }
}

async function openMicrophone(): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new MicrophoneError(
      "This address may not use a microphone. Browsers allow it only on https:// pages and on localhost.",
    );
  }
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    throw new MicrophoneError(microphoneWords(error));
  }
}

function microphoneWords(error: unknown): string {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
      return "The browser did not allow the microphone. Press the microphone sign in the address bar, allow it for this page, and try again.";
    case "NotFoundError":
      return "No microphone was found. Plug one in, or choose one in the system's sound settings, and try again.";
    case "NotReadableError":
      return "Another program is using the microphone. Close it and try again.";
    default:
      return "The microphone could not be opened. Check the browser's and the system's sound settings, and try again.";
  }
}
