/**
 * The platform's sandbox API, as far as pages use it.
 *
 * Written by hand after `wire::sandbox`; the test `web_agrees` of that crate holds every interface here
 * against it: same keys, same optional ones, same words.
 */
import type { Direction, Money, Time } from "./wire.ts";

/** A "no" of the sandbox API. */
export interface Refused {
  rule: string;
  code: number;
  text: string;
  /** The field of the body at fault, as a path. */
  field?: string;
}

export interface State {
  clock: Clock;
  apps: App[];
  accounts: Account[];
  numbers: BusinessNumber[];
  users: User[];
  calls: CallSummary[];
  rulebooks: string[];
  rate_cards: string[];
}

export interface Clock {
  now: Time;
  mode: ClockMode;
}

export type ClockMode = "running" | "frozen";

export interface App {
  app_id: string;
  name: string;
  fields: string[];
  callback_url?: string;
  is_live: boolean;
  tokens: TokenScope[];
}

export interface TokenScope {
  scopes: string[];
  expires_at?: Time;
  accounts?: string[];
}

export interface Account {
  waba_id: string;
  name: string;
  rulebook: string;
  rate_card: string;
  kind: string;
  timezone: string;
  country?: string;
  use_case: string;
  apps: string[];
  subscribed_apps: string[];
  currency: string;
  payment_valid: boolean;
}

export interface BusinessNumber {
  phone_number_id: string;
  waba_id: string;
  number: string;
  name: string;
  country?: string;
  tier: number;
  kind: string;
  calling_enabled: boolean;
}

export interface User {
  wa_id: string;
  user_id: string;
  name: string;
  country?: string;
  parent_user_id?: string;
  username?: string;
  hides_number?: boolean;
  client: Client;
  behaviour: Behaviour;
  phone_connected: boolean;
  /** By business number. */
  consents?: Record<string, Consent>;
}

export interface Client {
  os: string;
  version?: string;
}

export type PermissionStatus = "no_permission" | "temporary" | "permanent";

export interface Consent {
  permission: PermissionStatus;
  permission_expires_at?: Time;
  window_open_until?: Time;
  request_open: boolean;
  unanswered_in_a_row: number;
  requests: Counter[];
  calls: Counter[];
}

export interface Counter {
  period_s: number;
  max: number;
  used: number;
  allowed_at?: Time;
}

export type PermissionAction = "accept_temporary" | "accept_permanent" | "reject" | "revoke";

export interface Behaviour {
  answer: { after_ms: number } | "ignore" | "reject" | "busy" | "unreachable";
  play: "silence" | { tone_hz: number } | { wav: string };
  dtmf: KeyPress[];
  hang_up: { after_ms: number } | null;
  permission: "temporary" | "permanent" | "reject" | "ignore";
}

export interface KeyPress {
  digit: string;
  at_ms: number;
}

export type Party = "user" | "business" | "platform";

export interface CallSummary {
  call_id: string;
  direction: Direction;
  state: string;
  user: string;
  business: string;
  placed_at: Time;
  end?: CallEnd;
  price?: Money;
  verdicts: number;
}

export interface CallEnd {
  reason: string;
  party: Party;
  text: string;
  code?: number;
  at: Time;
  connected_ms?: number;
}

export interface CallPage {
  calls: CallSummary[];
  next?: string;
}

export interface CallInspection {
  call_id: string;
  direction: Direction;
  state: string;
  user: string;
  business: string;
  deeplink_payload?: string;
  cta_payload?: string;
  opaque?: string;
  end?: CallEnd;
  recorded: boolean;
  states: StateChange[];
  legs: Legs;
  verdicts: Verdict[];
  price?: Money;
  messages?: MessageInCall[];
}

/** A message that was sent during a call, and what it cost. */
export interface MessageInCall {
  id: string;
  category: string;
  charge: string;
  price?: Money;
}

export interface StateChange {
  state: string;
  at: Time;
}

export interface Legs {
  user?: LegReport;
  business?: LegReport;
}

export interface LegReport {
  heard: Heard;
}

export interface Heard {
  dbfs?: number;
  tone_hz?: number;
  packets?: number;
  lost?: number;
  jitter_ms?: number;
  mos?: number;
}

export interface Verdict {
  code: string;
  text: string;
  evidence?: string;
  fix?: string;
}

export interface WebhookRecord {
  id: string;
  made_at: Time;
  field: string;
  call_id?: string;
  target: string;
  body: unknown;
  signature?: string;
  url?: string;
  attempts: WebhookAttempt[];
  state: string;
  next_attempt_at?: Time;
  faults?: FaultDone[];
  synthetic?: boolean;
}

export interface WebhookAttempt {
  at: Time;
  status?: number;
  error?: string;
}

/** What a fault did to one webhook. */
export interface FaultDone {
  fault: WebhookFault;
  scope: FaultScope;
  delay_ms?: number;
  of?: string;
}

export type WebhookFault = "delay" | "duplicate" | "reorder" | "drop" | "bad_signature";

export type FaultScope = "global" | "call";

export interface Faults {
  call_id?: string;
  webhook?: WebhookFaults;
  graph?: GraphFaults;
  media?: MediaFaults;
}

export interface WebhookFaults {
  delay_ms: number;
  duplicate: boolean;
  reorder: boolean;
  drop: boolean;
  bad_signature: boolean;
}

export interface GraphFaults {
  status?: number;
  latency_ms: number;
}

export interface MediaFaults {
  loss: number;
  jitter_ms: number;
  silence: boolean;
  rebind: boolean;
  no_dtls: boolean;
}

// ---- Graph's own shapes, which the sandbox API hands through ------------------------------------

export type Switch = "ENABLED" | "DISABLED" | "NOT_SET";

export interface Settings {
  calling?: Calling;
}

export interface Calling {
  status?: Switch;
  call_icon_visibility?: "DEFAULT" | "DISABLE_ALL" | "NOT_SET";
  call_icons?: { restrict_to_user_countries: string[] };
  call_hours?: CallHours;
  callback_permission_status?: Switch;
  srtp_key_exchange_protocol?: "DTLS" | "SDES";
  audio?: { additional_codecs: ("PCMA" | "PCMU")[] };
  sip?: Sip;
  voicemail?: Voicemail;
  restrictions?: { restrictions_list: Restriction[] };
}

export interface CallHours {
  status: Switch;
  timezone_id: string;
  weekly_operating_hours: OpeningHours[];
  holiday_schedule?: Holiday[];
}

export interface OpeningHours {
  day_of_week: string;
  open_time: string;
  close_time: string;
}

export interface Holiday {
  date: string;
  start_time: string;
  end_time: string;
}

export interface Sip {
  status?: Switch;
  webhook_delivery?: Switch;
  servers?: SipServer[];
}

export interface SipServer {
  app_id?: number;
  hostname: string;
  port?: number;
  request_uri_user_params?: Record<string, string>;
  sip_user_password?: string;
}

export interface Voicemail {
  status: Switch;
  triggers?: ("REJECT" | "TIMEOUT")[];
  audio?: { default?: { announcement_media_id?: number; timeout_seconds?: number } };
}

export interface Restriction {
  type: string;
  reason?: string;
  expiration?: number;
}

/** What an account's messages of a month cost; the newest ones are listed too. */
export interface MonthOfMessages {
  month: string;
  totals: MessageTotal[];
}

export interface MessageTotal {
  category: string;
  charge: string;
  count: number;
  /** Absent where one of them has no price. */
  price?: Money;
}

/** Graph's edge `call_analytics`. */
export interface AnalyticsAnswer {
  data: CallAnalytics[];
}

export interface CallAnalytics {
  granularity: string;
  data_points: AnalyticsPoint[];
}

export interface AnalyticsPoint {
  /** Unix seconds. */
  start: number;
  end: number;
  direction?: Direction;
  country?: string;
  phone_number?: string;
  count?: number;
  cost?: number;
  average_duration?: number;
}
