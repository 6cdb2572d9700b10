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

export type ChatEntry = { id: string; at: Time; from: "business" | "user" | "system"; text?: string } & (
  | { kind: "text" }
  | { kind: "permission_request"; state?: "open" | "answered" | "expired" | string }
  | { kind: "permission_reply"; state?: "temporary" | "permanent" | "reject" | "revoke" | string }
  | { kind: "call"; state?: string; direction?: Direction; duration_s?: number; call_id?: string }
  | { kind: "call_button"; label?: string; payload?: string; state?: string }
);

export interface Chat {
  business: string;
  entries: ChatEntry[];
}

export type PermissionChoice = "temporary" | "permanent" | "reject" | "revoke";

export type ToPlatform =
  | { type: "call"; to: string; sdp: string; deeplink_payload?: string; cta_payload?: string }
  | { type: "pick_up"; call_id: string; sdp: string }
  | { type: "reject"; call_id: string }
  | { type: "hang_up"; call_id: string }
  | { type: "busy"; call_id: string }
  | { type: "message"; to: string; text: string }
  | { type: "permission"; to: string; request_id?: string; choice: PermissionChoice }
  | { type: "read"; chat: string };

export type FromPlatform =
  | { type: "hello"; user: PhoneUser; businesses: Business[]; chats: Chat[]; now: Time }
  | { type: "calling"; call_id: string }
  | { type: "answer"; call_id: string; sdp: string }
  | { type: "accepted"; call_id: string; at: Time }
  | { type: "incoming"; call_id: string; from: { number: string; name: string } }
  | { type: "ended"; call_id: string; reason: string; text: string; duration_s?: number }
  | { type: "refused"; what: string; code?: number; text: string }
  | { type: "chat"; business: string; entry: ChatEntry }
  | { type: "error"; text: string };

/** The part of `GET /sandbox/v1/state` that the phone needs to offer its users. */
export interface SandboxState {
  users: PhoneUser[];
}

// ---- the agents' console and the gateway -----------------------------------------------------

export type Direction = "user_initiated" | "business_initiated";
export type Presence = "available" | "away";

export interface Agent {
  id: string;
  name: string;
  role?: string;
  state: Presence | "busy" | string;
}

export interface BusinessNumber {
  display?: string;
  number?: string;
  name?: string;
}

export interface Person {
  name?: string;
  wa_id: string;
}

export interface ConsoleCall {
  call_id: string;
  direction: Direction;
  state: "placing" | "ringing" | "connected" | "ended" | string;
  contact: Person;
  agent?: string;
  number?: string;
  since?: Time;
  deeplink_payload?: string;
  cta_payload?: string;
  reason?: string;
  fault?: string;
  text?: string;
  duration_s?: number;
  pulses?: number;
  price?: Price;
}

export interface Price {
  amount: string;
  currency: string;
}

export interface PermissionState {
  status: "no_permission" | "temporary" | "permanent" | string;
  expires_at?: Time;
}

export interface ContactMessage {
  id: string;
  at: Time;
  from: "business" | "user" | "system";
  kind: string;
  text?: string;
  state?: string;
}

export interface Contact {
  wa_id: string;
  name?: string;
  country?: string;
  permission?: PermissionState;
  window_until?: Time;
  chat?: ContactMessage[];
}

/** One ended call, as the gateway recorded it. What was not measured is absent. */
export interface Cdr {
  call_id: string;
  direction: Direction;
  contact?: Person;
  agent?: string;
  started_at?: Time;
  answered_at?: Time;
  ended_at?: Time;
  result?: string;
  reason?: string;
  fault?: string;
  text?: string;
  duration_s?: number;
  pulses?: number;
  price?: Price;
  deeplink_payload?: string;
  cta_payload?: string;
}

export type ToGateway =
  | { type: "presence"; state: Presence }
  | { type: "answer"; call_id: string; sdp: string }
  | { type: "decline"; call_id: string }
  | { type: "place"; to: string; sdp: string }
  | { type: "hang_up"; call_id: string }
  | { type: "mute"; call_id: string; on: boolean }
  | { type: "digit"; call_id: string; digit: string };

export type FromGateway =
  | { type: "hello"; agent: Agent; calls: ConsoleCall[]; number?: BusinessNumber }
  | { type: "ringing"; call: Omit<ConsoleCall, "state"> & { state?: string } }
  | { type: "ring_stopped"; call_id: string; why: string }
  | { type: "answer"; call_id: string; sdp: string }
  | { type: "call"; call: ConsoleCall }
  | { type: "contact"; contact: Contact }
  | { type: "refused"; what: string; code?: number; text: string }
  | { type: "agents"; agents: Agent[] };
