/**
 * What travels between the pages and their servers, as JSON over one WebSocket each.
 *
 * Written by hand after the `wire` crate (`handset`, `console`): a page only reads what is named here,
 * and a server may add fields and message types without breaking it.
 */

/** RFC 3339, UTC, by the server's clock (which may be a test clock). */
export type Time = string;

// ---- the user's phone and the platform -------------------------------------------------------

export interface PhoneUser {
  wa_id: string;
  name: string;
  country?: string;
}

export interface Business {
  number: string;
  name: string;
  calling_enabled: boolean;
  icon_visible: boolean;
}

export type ChatAuthor = "business" | "user" | "system";

export type ChatKind = "text" | "permission_request" | "permission_reply" | "call" | "call_button";

export type ChatEntryState =
  | "open"
  | "temporary"
  | "permanent"
  | "rejected"
  | "revoked"
  | "expired"
  | "sent"
  | "read"
  | "missed"
  | "completed";

/** One line of a chat. Which of the optional fields are there depends on `kind`. */
export interface ChatEntry {
  /** Of a permission request: the `request_id` of the answer. */
  id: string;
  at: Time;
  from: ChatAuthor;
  kind: ChatKind;
  /** The line above the text. */
  header?: string;
  text?: string;
  /** The line below the text. */
  footer?: string;
  /** Buttons that open a page. */
  links?: ChatLink[];
  /** The id of the entry this one answers. */
  reply_to?: string;
  /** When the other side read it. */
  read_at?: Time;
  state?: ChatEntryState;
  expires_at?: Time;
  button_text?: string;
  /** Of a call button: goes back as `cta_payload`. */
  payload?: string;
  call_id?: string;
  duration_s?: number;
}

export interface ChatLink {
  text: string;
  url: string;
}

export interface Chat {
  business: string;
  entries: ChatEntry[];
}

export type PermissionChoice = "temporary" | "permanent" | "reject" | "revoke";

export type ToPlatform =
  | { type: "call"; to: string; sdp: string; deeplink_payload?: string; cta_payload?: string; button?: string }
  | { type: "ask_callback"; to: string }
  | { type: "pick_up"; call_id: string; sdp: string }
  | { type: "reject"; call_id: string }
  | { type: "hang_up"; call_id: string }
  | { type: "busy"; call_id: string }
  | { type: "message"; to: string; text: string; reply_to?: string }
  | { type: "permission"; to: string; request_id?: string; choice: PermissionChoice }
  | { type: "read"; chat: string };

export type EndedReason =
  | "user_hung_up"
  | "business_hung_up"
  | "business_rejected"
  | "user_rejected"
  | "not_answered"
  | "media_lost"
  | "failed";

export type FromPlatform =
  | { type: "hello"; user: PhoneUser; businesses: Business[]; chats: Chat[]; now: Time }
  | { type: "business"; business: Business }
  | { type: "calling"; call_id: string }
  | { type: "answer"; call_id: string; sdp: string }
  | { type: "accepted"; call_id: string; at: Time }
  | { type: "voicemail"; call_id: string; at: Time }
  | { type: "incoming"; call_id: string; from: { number: string; name: string } }
  | { type: "ended"; call_id: string; reason: EndedReason; text: string; duration_s?: number }
  | { type: "refused"; what: string; code: string; text: string; opens_at?: Time; callback?: boolean }
  | { type: "chat"; business: string; entry: ChatEntry }
  | { type: "error"; text: string };

/** The part of `GET /sandbox/v1/state` that the phone needs to offer its users. */
export interface SandboxState {
  users: PhoneUser[];
}

// ---- the agents' console and the gateway -----------------------------------------------------

export type Direction = "USER_INITIATED" | "BUSINESS_INITIATED";
export type Presence = "available" | "away" | "wrap_up";
export type AgentState = Presence | "ringing" | "busy" | "offline";
export type Role = "agent" | "supervisor" | "admin" | "auditor";

export interface Colleague {
  id: string;
  name: string;
  state: AgentState;
  /** In this state since. */
  since?: Time;
  wrap_up_until?: Time;
  skills?: string[];
  /** A telephone of theirs is registered. */
  telephone?: boolean;
}

export interface Agent extends Colleague {
  role: Role;
}

export interface BusinessNumber {
  phone_number_id: string;
  display: string;
  name?: string;
}

export interface Peer {
  name?: string;
  wa_id?: string;
  user_id?: string;
  /** Scoped to the business above, where that has such ids. */
  parent_user_id?: string;
}

export interface Money {
  /** A decimal string in the currency's main unit. */
  amount: string;
  currency: string;
}

/** A call, live or ended; an ended one is its record. What was not measured is absent. */
export interface Call {
  call_id: string;
  direction: Direction;
  state: "placing" | "ringing" | "in_flow" | "connected" | "held" | "transferring" | "consulting" | "three_way" | "ended";
  contact: Peer;
  /** Of the user's number: two letters. */
  country?: string;
  /** The business number, for people. */
  number: string;
  since: Time;
  agent?: string;
  /** The other agent, who rings to take it over or to be asked, is being asked, or was brought in. */
  other?: string;
  /** Who of the supervisors is in it. */
  supervisor?: { id: string; how: Supervising; since: Time };
  /** Who of ours in it is muted. */
  muted?: string[];
  /** Who of ours in it talks at a telephone; in a record, who did. */
  by_telephone?: string[];
  /** Its agent's browser is gone and may come back. */
  away?: boolean;
  deeplink_payload?: string;
  cta_payload?: string;
  answered_at?: Time;
  ended_at?: Time;
  /** A stable word. */
  reason?: string;
  fault?: "user" | "business" | "platform" | "gateway";
  text?: string;
  duration_s?: number;
  pulses?: number;
  price?: Money;
  /** What its agent wrote about it. */
  notes?: string;
  wrap_up?: string;
  queue?: QueuedCall;
  /** The telephone of the house it is put through to. */
  trunk?: { name: string; extension: string; state: "ringing" | "talking" | "held" };
  /** What a bot that gave the call away said of it: names and values. */
  context?: Record<string, string>;
}

/** What a supervisor does in a call: hears all; speaks to the agent alone; speaks to all. */
export type Supervising = "listening" | "whispering" | "joined";

/** Which queue a call waits in, or came from. */
export interface QueuedCall {
  name: string;
  since?: Time;
  position?: number;
  estimated_wait_s?: number;
  waited_s?: number;
}

/** What one leg of an ended call measured. */
export interface LegRecord {
  received: number;
  lost: number;
  sent: number;
  jitter_ms?: number;
  round_trip_ms?: number;
  first_media_ms?: number;
  /** What of it was restored or concealed where the gateway decodes it. */
  concealed_ms?: number;
  /** What the gateway added to its packets' way, on average. */
  added_ms?: number;
  /** Estimated quality, 1 to 4.5. */
  mos?: number;
}

/** A call of `GET /v1/calls`. */
export interface CallRecord extends Call {
  /** The code the platform gave, if it gave one. */
  code?: number;
  whatsapp_leg?: LegRecord;
  agent_leg?: LegRecord;
  transfers?: { at: Time; from?: string; to?: string }[];
  hold_s?: number;
  /** The telephones of the house that rang for it. */
  trunks?: { name: string; extension: string; placed?: boolean; became: string; rang_s: number; talked_s?: number; codec?: string; leg?: LegRecord }[];
  /** Who listened, whispered or joined, and when. */
  supervision?: { supervisor: string; how: Supervising; from: Time; to: Time }[];
  three_way?: { agent: string; other: string; from: Time; to: Time }[];
  ringing_at?: Time;
  ring_s?: number;
  accepted_at?: Time;
  media_at?: Time;
  platform_status?: string;
  /** `sip`, where the call did not come or go by Graph. */
  signalling?: string;
  bots?: { name: string; at: Time; became: string; talked_s?: number }[];
  wrap_up_s?: number;
  keys_pressed?: number;
  /** The way through the flow. */
  flow?: { document?: string; path?: { step: string; keys?: string }[]; variables?: Record<string, string> };
}

/** An event of `GET /v1/events`; of a call's events the data is the call. */
export interface CallEvent {
  id: string;
  type: string;
  time: Time;
  data: Partial<Call>;
}

export interface ContactPermission {
  state: "none" | "requested" | "temporary" | "permanent";
  expires_at?: Time;
}

export interface ChatLine {
  id: string;
  at: Time;
  from: ChatAuthor;
  kind: ChatKind;
  text?: string;
  state?: ChatEntryState;
}

export interface Contact extends Peer {
  /** Which number of ours, in digits. */
  number?: string;
  country?: string;
  permission: ContactPermission;
  window_open_until?: Time;
  /** Oldest first; absent in the list of contacts. */
  chat?: ChatLine[];
}

export interface Preflight {
  allowed: boolean;
  rule: string;
  evidence: string;
  /** The evidence by codes, sentence by sentence. */
  said?: Said[];
  changes_at?: Time;
  price?: { pulse: string; per_minute: string; currency: string; card: string };
  /** What comes near a limit. */
  warnings?: { rule: string; text: string; said?: Said[] }[];
}

/** A sentence for people by its code, and what stands in it. */
export interface Said {
  code: string;
  facts?: Readonly<Record<string, string>>;
}

/** Something the doctor looked at. */
export interface Finding {
  check: string;
  /** Of one number. */
  line?: string;
  grade: "ok" | "warning" | "fault";
  code: string;
  facts?: Readonly<Record<string, string>>;
  what: string;
  evidence?: string;
  fix?: string;
}

export interface Diagnosis {
  call_id: string;
  verdicts: { code: string; text: string; evidence?: string; fix?: string; facts?: Readonly<Record<string, string>> }[];
}

export type ToGateway =
  | { type: "presence"; state: Presence }
  | { type: "answer"; call_id: string; sdp: string }
  | { type: "decline"; call_id: string }
  | { type: "place"; to: string; from?: string; sdp: string }
  | { type: "hang_up"; call_id: string }
  | { type: "mute"; call_id: string; on: boolean }
  | { type: "hold"; call_id: string }
  | { type: "resume"; call_id: string }
  | { type: "transfer"; call_id: string; to: Destination }
  | ({ type: "consult"; call_id: string } & Consulted)
  | { type: "hand_over"; call_id: string }
  | { type: "merge"; call_id: string }
  /** A supervisor begins with an offer, and only listens again without one. */
  | { type: "listen"; call_id: string; sdp?: string }
  | { type: "whisper"; call_id: string }
  | { type: "join"; call_id: string }
  | { type: "leave"; call_id: string }
  | { type: "rejoin"; call_id: string; sdp: string }
  /** What is absent stays, `null` takes it back. */
  | { type: "note"; call_id: string; notes?: string | null; wrap_up?: string | null }
  | { type: "take"; offer_id: string; sdp: string }
  | { type: "pass"; offer_id: string }
  | { type: "digit"; call_id: string; digit: string };

/** Whom an agent asks while the user waits. */
export type Consulted = { agent: string } | { queue: string } | { trunk: string; extension: string };

export type Destination =
  | { kind: "agent"; id: string }
  | { kind: "flow"; step?: string }
  | { kind: "queue"; name: string }
  | { kind: "bot"; name: string }
  | { kind: "trunk"; name: string; extension: string };

/** `GET /v1/destinations`: where a call can be given to beside agents. `X` in an extension is a digit. */
export interface Destinations {
  queues: string[];
  bots: string[];
  trunks: { name: string; extensions: string }[];
}

/** "You are about to call …": a call that a program or a queue asks this agent to place. */
export interface Offer {
  offer_id: string;
  to: Peer;
  cause: "program" | "callback";
  queue?: string;
  waiting_since?: Time;
  until: Time;
}

export interface Queue {
  name: string;
  skills?: string[];
  waiting: Waiting[];
  agents: Record<AgentState, number>;
  today: {
    since: Time;
    answered: number;
    answered_in_time: number;
    abandoned: number;
    overflowed: number;
    callbacks: number;
    threshold_s: number;
    service_level_percent?: number;
    average_wait_s?: number;
  };
}

/** A call in a queue, or a callback that keeps its place. */
export interface Waiting {
  call_id?: string;
  callback_id?: string;
  contact: Peer;
  since: Time;
  position: number;
  estimated_wait_s?: number;
  offered_to?: string;
}

export type RingStopped = "taken" | "declined" | "timed_out" | "ended";

/** What a browser may use beside its own addresses to find a path for sound. */
export interface Helpers {
  ice_servers?: { urls: string[]; username: string; credential: string }[];
  /** Nothing but relays of them. */
  relay_only?: boolean;
}

export type FromGateway =
  | ({
      type: "hello";
      agent: Agent;
      calls: Call[];
      number: BusinessNumber;
      numbers?: BusinessNumber[];
    } & Helpers)
  /** In place of those told before, whose login ends. */
  | ({ type: "ice_servers" } & Helpers)
  | { type: "ringing"; call: Call }
  | { type: "ring_stopped"; call_id: string; why: RingStopped }
  | { type: "answer"; call_id: string; sdp: string }
  | { type: "call"; call: Call }
  | { type: "contact"; contact: Contact }
  | { type: "refused"; what: string; code: string; text: string }
  | { type: "agents"; agents: Colleague[] }
  | { type: "queues"; queues: Queue[] }
  | { type: "offered"; offer: Offer }
  | { type: "offer_stopped"; offer_id: string; why: RingStopped }
  | { type: "noted"; call_id: string; notes?: string; wrap_up?: string; by?: string; at: Time }
  /** The gateway is being stopped: no new calls; those that run are ended at `until`. */
  | { type: "draining"; until: Time };
