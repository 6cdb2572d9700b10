/**
 * What does an agent's desk know and do? Who is signed in, who is ringing, the one call the agent is on,
 * the contacts and their chats; kept in step with the gateway over one WebSocket.
 */
import { CallAudio, MicrophoneError } from "../../../ui/src/call-audio.svelte.ts";
import { Link, socketUrl, type LinkState } from "../../../ui/src/link.ts";
import { ring, ringback } from "../../../ui/src/ringer.ts";
import { Ticker } from "../../../ui/src/ticker.svelte.ts";
import type {
  Agent,
  BusinessNumber,
  Call,
  Colleague,
  Contact,
  Consulted,
  Destination,
  FromGateway,
  Helpers,
  Offer,
  Peer,
  Presence,
  Queue,
  RingStopped,
  ToGateway,
} from "../../../ui/src/wire.ts";
import * as api from "../api.ts";
import { Ear } from "../wall/ear.svelte.ts";
import { Contacts } from "./contacts.svelte.ts";
import { DeskCall } from "./desk-call.svelte.ts";
import { endWords } from "../texts/endings.ts";
import { spoken } from "../texts/language.svelte.ts";
import { addressOf, isSame } from "../who.ts";
import { mayCall } from "./permission-words.ts";

const END_SHOWN_MS = 12_000;
/** A path for sound that fails so often in one call will not come by itself. */
const REJOINS_MAX = 3;

export interface Refused {
  code: string;
  text: string;
  who: Peer | null;
}

export class Desk {
  link = $state<LinkState>("opening");
  me = $state() as Agent;
  agents = $state<Colleague[]>([]);
  numbers = $state.raw<BusinessNumber[]>([]);
  ringing = $state<Call[]>([]);
  call = $state<DeskCall | null>(null);
  /** Calls that this agent is asked to place. */
  offers = $state<Offer[]>([]);
  /** Every running call, by its id. */
  live = $state<Record<string, Call>>({});
  /** Absent where no queue is configured, and for who is no supervisor. */
  queues = $state.raw<Queue[] | null>(null);
  refused = $state<Refused | null>(null);
  /** The gateway is being stopped: no new calls. */
  draining = $state(false);
  /** Counts ended calls, so that the call list knows when to read again. */
  endedCount = $state(0);
  readonly contacts = new Contacts();
  /** The call of others that this supervisor is in. */
  readonly ear: Ear;

  readonly #link: Link<FromGateway, ToGateway>;
  #stopRing: (() => void) | null = null;
  #helpers: RTCConfiguration = {};

  constructor(me: Agent, onSignedOut: () => void) {
    this.me = me;
    this.ear = new Ear(
      (message) => this.#link.send(message),
      () => this.#helpers,
    );
    this.#link = new Link(socketUrl("/v1/console/ws"), {
      onMessage: (message) => this.#receive(message),
      onState: (state, failures) => {
        this.link = state;
        if (state === "waiting" && failures % 3 === 1) void this.#stillSignedIn(onSignedOut);
      },
    });
  }

  close(): void {
    if (!this.atTelephone) this.hangUp();
    this.ear.leave();
    this.#ring(false);
    this.#link.close();
  }

  // ---- what the agent does ----

  setPresence(state: Presence): void {
    if (this.#link.send({ type: "presence", state })) this.me = { ...this.me, state };
  }

  async answer(ringing: Call): Promise<void> {
    if (this.busy) return;
    const call = new DeskCall("in", ringing.contact);
    call.id = ringing.call_id;
    call.stage = "connecting";
    call.facts = ringing;
    this.call = call;
    this.#dropRinging(ringing.call_id);
    const offer = await this.#offer(call);
    if (offer === null) {
      this.#link.send({ type: "decline", call_id: ringing.call_id });
      return;
    }
    if (this.#live(ringing.call_id)) this.#link.send({ type: "answer", call_id: ringing.call_id, sdp: offer });
  }

  decline(ringing: Call): void {
    this.#link.send({ type: "decline", call_id: ringing.call_id });
    this.#dropRinging(ringing.call_id);
  }

  /** Calls a person; `from` which of our numbers, absent where there is one. */
  async place(who: Peer, from?: string): Promise<void> {
    if (this.busy) return;
    this.refused = null;
    const call = new DeskCall("out", who);
    this.call = call;
    const offer = await this.#offer(call);
    if (offer === null || call.abandoned) return;
    if (!this.#link.send({ type: "place", to: addressOf(who), ...(from ? { from } : {}), sdp: offer })) {
      this.#over(call, spoken.t.live.noConnection, spoken.t.live.noConnectionHint);
    }
  }

  /** Places the call that was offered. */
  async take(offer: Offer): Promise<void> {
    if (this.busy) return;
    const call = new DeskCall("out", offer.to);
    this.call = call;
    this.#dropOffer(offer.offer_id);
    const sdp = await this.#offer(call);
    if (sdp === null || call.abandoned) this.#link.send({ type: "pass", offer_id: offer.offer_id });
    else this.#link.send({ type: "take", offer_id: offer.offer_id, sdp });
  }

  pass(offer: Offer): void {
    this.#link.send({ type: "pass", offer_id: offer.offer_id });
    this.#dropOffer(offer.offer_id);
  }

  hangUp(): void {
    const call = this.call;
    if (!call || call.stage === "ended") return;
    if (call.id === null) call.abandoned = true;
    else this.#link.send({ type: "hang_up", call_id: call.id });
    this.#over(call, spoken.t.live.ended, "");
  }

  mute(on: boolean): void {
    const call = this.call;
    call?.audio?.mute(on);
    if (call?.id) this.#link.send({ type: "mute", call_id: call.id, on });
  }

  hold(on: boolean): void {
    const call_id = this.call?.id;
    if (call_id) this.#link.send({ type: on ? "hold" : "resume", call_id });
  }

  transfer(to: Destination): void {
    const call = this.call;
    if (call?.id && this.#link.send({ type: "transfer", call_id: call.id, to })) call.given = to;
  }

  consult(whom: Consulted): void {
    const call_id = this.call?.id;
    if (call_id) this.#link.send({ type: "consult", call_id, ...whom });
  }

  /** All three talk. */
  merge(): void {
    const call_id = this.call?.id;
    if (call_id) this.#link.send({ type: "merge", call_id });
  }

  handOver(): void {
    const call_id = this.call?.id;
    if (call_id) this.#link.send({ type: "hand_over", call_id });
  }

  /** The first of our numbers. */
  get number(): BusinessNumber | null {
    return this.numbers[0] ?? null;
  }

  /** What one of our numbers is called. */
  numberName(digits: string | undefined): string {
    return this.numbers.find((each) => each.display === digits)?.name ?? digits ?? "";
  }

  /** An agent's name, for people. */
  nameOf(id: string | undefined): string {
    return this.agents.find((agent) => agent.id === id)?.name ?? id ?? "";
  }

  digit(digit: string): boolean {
    const call = this.call;
    if (!call?.id || call.stage !== "talking") return false;
    const sent = this.#link.send({ type: "digit", call_id: call.id, digit });
    if (sent) call.digits = (call.digits + digit).slice(-24);
    return sent;
  }

  dismissCall(): void {
    if (this.call?.stage === "ended") this.call = null;
  }

  /** The agent talks at a telephone: the call is shown here, and heard there. */
  get atTelephone(): boolean {
    return this.call?.facts.by_telephone?.includes(this.me.id) ?? false;
  }

  get busy(): boolean {
    return this.call !== null && this.call.stage !== "ended";
  }

  // ---- what the gateway says ----

  #receive(message: FromGateway): void {
    switch (message.type) {
      case "hello":
        this.me = message.agent;
        this.numbers = message.numbers ?? [message.number];
        this.draining = false;
        this.#takeHelpers(message);
        this.live = Object.fromEntries(message.calls.map((call) => [call.call_id, call]));
        this.offers = [];
        this.ear.resume(message.calls, message.agent.id);
        this.#resume(message.calls);
        return void this.contacts.load();
      case "ice_servers":
        return this.#takeHelpers(message);
      case "agents":
        this.agents = message.agents;
        this.me = { ...this.me, ...message.agents.find((agent) => agent.id === this.me.id) };
        return;
      case "ringing":
        this.#dropRinging(message.call.call_id);
        this.ringing.push(message.call);
        return this.#ring(true);
      case "ring_stopped":
        return this.#ringStopped(message.call_id, message.why);
      case "answer":
        if (this.ear.callId === message.call_id) return void this.ear.apply(message.sdp);
        return void this.#applyAnswer(message.call_id, message.sdp);
      case "call":
        if (message.call.state === "ended") delete this.live[message.call.call_id];
        else this.live[message.call.call_id] = message.call;
        this.ear.follow(message.call, this.me.id);
        return this.#follow(message.call);
      case "queues":
        this.queues = message.queues;
        return;
      case "offered":
        this.#dropOffer(message.offer.offer_id);
        this.offers.push(message.offer);
        return this.#ring(true);
      case "offer_stopped":
        return this.#dropOffer(message.offer_id);
      case "noted":
        return this.#noted(message.call_id, message.notes, message.wrap_up);
      case "contact":
        return this.#contact(message.contact);
      case "draining":
        this.draining = true;
        return;
      case "refused":
        if (this.ear.refused(message.what, message.text)) return;
        return this.#refused(message.what, message.code, message.text);
    }
  }

  /** After a reconnect: calls that rang or ended while the line was down, and the one we were in. */
  #resume(calls: Call[]): void {
    this.ringing = this.ringing.filter((each) => calls.some((call) => call.call_id === each.call_id));
    this.#quiet();
    const call = this.call;
    if (call?.id && call.stage !== "ended" && !calls.some((each) => each.call_id === call.id)) {
      this.#over(call, spoken.t.live.ended, spoken.t.live.endedAway);
    }
    calls.forEach((each) => this.#pickedUp(each));
    const left = calls.find((each) => each.away && each.agent === this.me.id);
    if (left && (!this.busy || this.call?.id === left.call_id)) void this.#rejoin(left);
  }

  #takeHelpers(told: Helpers): void {
    this.#helpers = { iceServers: told.ice_servers ?? [], iceTransportPolicy: told.relay_only ? "relay" : "all" };
  }

  /** The user waits for us since our page, our line or our sound was gone: a new path for the sound. */
  async #rejoin(left: Call): Promise<void> {
    const before = this.call?.id === left.call_id ? this.call.rejoins : 0;
    this.call?.audio?.close();
    const call = new DeskCall(left.direction === "USER_INITIATED" ? "in" : "out", left.contact);
    call.id = left.call_id;
    call.rejoins = before + 1;
    call.stage = "connecting";
    call.facts = left;
    this.call = call;
    const offer = await this.#offer(call);
    if (offer !== null && this.#live(left.call_id)) this.#link.send({ type: "rejoin", call_id: left.call_id, sdp: offer });
  }

  #follow(facts: Call): void {
    const call = this.#live(facts.call_id) ?? this.#adopt(facts) ?? this.#pickedUp(facts);
    if (facts.state === "ended") {
      this.endedCount += 1;
      this.#dropRinging(facts.call_id);
    }
    if (!call) return this.#late(facts);
    // What is absent now has gone.
    const wasMuted = call.facts?.muted?.includes(this.me.id) ?? false;
    call.facts = { ...call.facts, other: undefined, away: undefined, supervisor: undefined, muted: undefined, by_telephone: undefined, trunk: undefined, ...facts };
    if (this.atTelephone) call.silence();
    // A supervisor or a program may have done it.
    const isMuted = facts.muted?.includes(this.me.id) ?? false;
    if (isMuted !== wasMuted) call.audio?.mute(isMuted);
    if (facts.state === "ended") {
      const words = endWords(facts);
      return this.#over(call, words.title, words.text);
    }
    if (this.#wentOn(call, facts)) return;
    // Our sound was lost while the page was there.
    const lost = facts.away && facts.agent === this.me.id && call.stage === "talking";
    if (lost && call.rejoins < REJOINS_MAX) return void this.#rejoin(facts);
    const joined = (facts.state === "consulting" || facts.state === "three_way") && facts.other === this.me.id;
    if (facts.state === "connected" || facts.state === "three_way" || joined) {
      call.stage = "talking";
      call.sound(null);
      call.ticker ??= new Ticker();
    } else if (facts.state === "ringing" && call.direction === "out") {
      call.stage = "ringing";
      if (!this.atTelephone) call.sound(ringback);
    }
  }

  /** The call goes on without us: given away, or its agent no longer asks us. */
  #wentOn(call: DeskCall, facts: Call): boolean {
    const me = this.me.id;
    if (call.stage !== "talking") return false;
    const t = spoken.t.live;
    const given = facts.state === "transferring" || facts.state === "in_flow";
    const asked = facts.state === "consulting" || facts.state === "three_way";
    const ours = facts.agent === me || (asked && facts.other === me);
    if (ours && !given) return false;
    if (facts.trunk) this.#over(call, t.toTrunk(facts.trunk.extension), t.toTrunkHint(call.name));
    else if (facts.state === "in_flow") this.#over(call, ...this.#givenAway(call));
    else if (given) this.#over(call, t.transferred, t.transferredHint(this.nameOf(facts.other)));
    else this.#over(call, t.out, t.outHint(this.nameOf(facts.agent), call.name));
    return true;
  }

  /** A call that is in a queue or with a bot is in the flow to the gateway, not to people. */
  #givenAway(call: DeskCall): [title: string, text: string] {
    const t = spoken.t.live;
    switch (call.given?.kind) {
      case "queue":
        return [t.toQueue(call.given.name), t.toQueueHint(call.name)];
      case "bot":
        return [t.toBot(call.given.name), t.toBotHint(call.name)];
      default:
        return [t.toMenu, t.toMenuHint(call.name)];
    }
  }

  /** The call we are placing learns its id from the first word about it. */
  #adopt(facts: Call): DeskCall | null {
    const call = this.call;
    if (!call || call.direction !== "out" || call.id !== null || !isSame(facts.contact, call.who)) return null;
    if (facts.direction !== "BUSINESS_INITIATED" || (facts.agent && facts.agent !== this.me.id)) return null;
    if (facts.state === "ended" && call.stage === "ended") return null;
    call.id = facts.call_id;
    if (!call.abandoned) return call;
    this.#link.send({ type: "hang_up", call_id: facts.call_id });
    return null;
  }

  /** The call our telephone has: it is shown here, with its buttons. */
  #pickedUp(facts: Call): DeskCall | null {
    if (this.busy || facts.state === "ended" || !facts.by_telephone?.includes(this.me.id)) return null;
    const call = new DeskCall(facts.direction === "USER_INITIATED" ? "in" : "out", facts.contact);
    call.id = facts.call_id;
    call.facts = facts;
    call.stage = facts.answered_at ? "talking" : "connecting";
    if (call.stage === "talking") call.ticker = new Ticker();
    this.call = call;
    return call;
  }

  /** The record of a call we hung up ourselves arrives after our own "ended": it brings the price. */
  #late(facts: Call): void {
    const call = this.call;
    if (call?.id === facts.call_id && facts.state === "ended") {
      call.facts = { ...call.facts, ...facts };
      call.end = endWords(facts);
    }
  }

  async #applyAnswer(callId: string, sdp: string): Promise<void> {
    const call = this.call;
    if (!call?.audio || call.stage === "ended") return;
    if (call.id === null && call.direction === "out") call.id = callId;
    if (call.id !== callId) return;
    try {
      await call.audio.apply(sdp);
    } catch (error) {
      console.warn("the gateway's answer was not usable", error);
      this.#link.send({ type: "hang_up", call_id: callId });
      this.#over(call, spoken.t.live.failed, spoken.t.live.failedHint);
    }
  }

  /** It stopped because we took it, or it went away while we were reaching for it. */
  #ringStopped(callId: string, why: RingStopped): void {
    this.#dropRinging(callId);
    const call = this.#live(callId);
    if (call?.stage === "connecting" && why === "ended") {
      this.#over(call, spoken.t.live.gaveUp, spoken.t.live.gaveUpHint(call.name));
    }
  }

  #refused(what: string, code: string, text: string): void {
    const call = this.call;
    const concerned = what === "place" || what === "answer" || what === "rejoin" || what === "take";
    const who = concerned ? (call?.who ?? null) : null;
    if (concerned && call && call.stage !== "ended" && call.stage !== "talking") {
      call.finish("", "");
      this.call = null;
    }
    this.refused = { code, text, who };
  }

  #contact(contact: Contact): void {
    this.contacts.update(contact);
    // A yes from the user answers the refusal that was shown.
    if (mayCall(contact) && this.refused?.code === "138006" && this.refused.who && isSame(this.refused.who, contact)) this.refused = null;
  }

  #live(callId: string): DeskCall | null {
    const call = this.call;
    return call && call.id === callId && call.stage !== "ended" ? call : null;
  }

  #dropRinging(callId: string): void {
    this.ringing = this.ringing.filter((each) => each.call_id !== callId);
    this.#quiet();
  }

  #dropOffer(id: string): void {
    this.offers = this.offers.filter((each) => each.offer_id !== id);
    this.#quiet();
  }

  #noted(callId: string, notes: string | undefined, wrap_up: string | undefined): void {
    const call = this.call;
    if (call?.id === callId) call.facts = { ...call.facts, notes, wrap_up };
  }

  #quiet(): void {
    if (this.ringing.length === 0 && this.offers.length === 0) this.#ring(false);
  }

  #ring(on: boolean): void {
    if (on) this.#stopRing ??= this.busy ? null : ring();
    else {
      this.#stopRing?.();
      this.#stopRing = null;
    }
  }

  async #offer(call: DeskCall): Promise<string | null> {
    try {
      const audio = await CallAudio.open(this.#helpers);
      if (call.stage === "ended") {
        audio.close();
        return null;
      }
      call.audio = audio;
      return await audio.offer();
    } catch (error) {
      const { microphone, live } = spoken.t;
      const text = error instanceof MicrophoneError ? microphone[error.fault] : live.noSound;
      this.#over(call, live.noMicrophone, text);
      return null;
    }
  }

  #over(call: DeskCall, title: string, text: string): void {
    call.finish(title, text);
    setTimeout(() => {
      if (this.call === call && !call.kept) this.call = null;
    }, END_SHOWN_MS);
  }

  async #stillSignedIn(onSignedOut: () => void): Promise<void> {
    try {
      await api.me();
    } catch (error) {
      if (error instanceof api.ApiError && error.status === 401) {
        this.#link.close();
        onSignedOut();
      }
    }
  }
}
