/**
 * In which call of others is this supervisor, how, and with which sound? The gateway tells the agent and
 * writes it down: nobody listens unseen.
 */
import { CallAudio, MicrophoneError } from "../../../ui/src/call-audio.svelte.ts";
import type { Call, Supervising, ToGateway } from "../../../ui/src/wire.ts";
import { spoken } from "../texts/language.svelte.ts";

export class Ear {
  callId = $state<string | null>(null);
  /** Absent until the gateway says that we are in it. */
  how = $state<Supervising | null>(null);
  audio = $state.raw<CallAudio | null>(null);
  problem = $state<string | null>(null);

  constructor(
    private readonly send: (message: ToGateway) => boolean,
    private readonly helpers: () => RTCConfiguration,
  ) {}

  /** Begins to listen; the sound comes with the gateway's answer. */
  async listen(callId: string): Promise<void> {
    this.leave();
    this.problem = null;
    this.callId = callId;
    try {
      const audio = await CallAudio.open(this.helpers());
      if (this.callId !== callId) return audio.close();
      this.audio = audio;
      const sdp = await audio.offer();
      if (this.callId === callId && !this.send({ type: "listen", call_id: callId, sdp })) this.#end();
    } catch (error) {
      const { microphone, live } = spoken.t;
      this.#end(error instanceof MicrophoneError ? microphone[error.fault] : live.noSound);
    }
  }

  /** Changes to listening, to whispering or to speaking with all. */
  change(how: Supervising): void {
    if (!this.callId) return;
    const type = how === "whispering" ? "whisper" : how === "joined" ? "join" : "listen";
    this.send({ type, call_id: this.callId });
  }

  leave(): void {
    if (this.callId) this.send({ type: "leave", call_id: this.callId });
    this.#end();
  }

  async apply(sdp: string): Promise<void> {
    try {
      await this.audio?.apply(sdp);
    } catch (error) {
      console.warn("the gateway's answer was not usable", error);
      this.leave();
    }
  }

  /** A call changed: are we still in it, and how? */
  follow(call: Call, me: string): void {
    if (call.call_id !== this.callId) return;
    const ours = call.supervisor?.id === me ? call.supervisor.how : null;
    if (call.state === "ended" || (this.how !== null && ours === null)) return this.#end();
    this.how = ours;
  }

  /** After a reconnect the gateway has let go of us. */
  resume(calls: Call[], me: string): void {
    const call = calls.find((each) => each.call_id === this.callId);
    if (!call || call.supervisor?.id !== me) this.#end();
  }

  /** True when the refusal was meant for us. */
  refused(what: string, text: string): boolean {
    if (what !== "listen" && what !== "whisper" && what !== "join") return false;
    if (this.how === null) this.#end(text);
    else this.problem = text;
    return true;
  }

  #end(problem: string | null = null): void {
    this.audio?.close();
    this.audio = null;
    this.callId = null;
    this.how = null;
    if (problem !== null) this.problem = problem;
  }
}
