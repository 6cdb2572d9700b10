/** The sandbox API, as far as this page uses it. */
import type {
  AnalyticsAnswer,
  Behaviour,
  CallInspection,
  CallPage,
  Clock,
  Faults,
  MonthOfMessages,
  PermissionAction,
  Refused,
  Settings,
  State,
  WebhookRecord,
} from "../../ui/src/sandbox.ts";

/** The platform said no, or could not be asked. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly rule: string,
    readonly code: number | null,
    text: string,
    readonly field: string | null,
  ) {
    super(text);
  }
}

/** The rule of a platform that wants its token first. */
export const LOCKED = "sandbox.access";

/** Shows this token from now on, to everything the page asks for, sounds too. */
export function showToken(token: string): void {
  document.cookie = `offhook_sandbox=${token}; path=/sandbox; SameSite=Strict`;
}

const path = (...parts: string[]) => `/sandbox/v1/${parts.map(encodeURIComponent).join("/")}`;

export const state = () => ask<State>("GET", path("state"));

export const settings = (number: string) => ask<Settings>("GET", path("numbers", number, "settings"));
export const credentials = (number: string) =>
  ask<Settings>("GET", `${path("numbers", number, "settings")}?include_sip_credentials=true`);
export const changeSettings = (number: string, calling: object) =>
  ask<unknown>("POST", path("numbers", number, "settings"), { calling });

export async function upload(number: string, file: File): Promise<string> {
  const form = new FormData();
  form.set("messaging_product", "whatsapp");
  form.set("use_case", "call_voicemail_announcement");
  form.set("description", file.name);
  form.set("file", new File([file], file.name, { type: "audio/ogg" }));
  return (await ask<{ id: string }>("POST", path("numbers", number, "media"), form)).id;
}
export const media = (id: string) => path("media", id);

export const changeAccount = (waba: string, change: object) => ask<unknown>("PUT", path("accounts", waba), change);
export const changeNumber = (number: string, change: object) => ask<unknown>("PUT", path("numbers", number), change);
export const changeUser = (user: string, change: object) => ask<unknown>("PUT", path("users", user), change);

export const addUser = (user: { wa_id: string; name: string }) => ask<unknown>("POST", path("users"), user);
export const behave = (user: string, behaviour: Behaviour) =>
  ask<Behaviour>("PUT", path("users", user, "behaviour"), behaviour);
export const placeCall = (user: string, to: string) =>
  ask<{ call_id: string }>("POST", path("users", user, "call"), { to });
export const hangUp = (user: string) => ask<unknown>("POST", path("users", user, "hang_up"), {});
export const write = (user: string, to: string, text: string) =>
  ask<unknown>("POST", path("users", user, "message"), { to, text });
export const decide = (user: string, to: string, action: PermissionAction) =>
  ask<unknown>("POST", path("users", user, "permission"), { to, action });

export const calls = (before?: string) =>
  ask<CallPage>("GET", `${path("calls")}?limit=50${before ? `&before=${encodeURIComponent(before)}` : ""}`);
export const call = (id: string) => ask<CallInspection>("GET", path("calls", id));
export const recording = (id: string) => path("calls", id, "recording.wav");

export interface JournalQuery {
  field?: string;
  state?: string;
  call_id?: string;
}

/** The newest that fit, oldest first. */
export const webhooks = (query: JournalQuery) => {
  const given = Object.entries(query).filter(([, value]) => value);
  const text = new URLSearchParams([...given, ["limit", "200"]]);
  return ask<WebhookRecord[]>("GET", `${path("webhooks")}?${text}`);
};
export const redeliver = (id: string) => ask<unknown>("POST", path("webhooks", id, "redeliver"), {});

export interface AnalyticsQuery {
  /** Unix seconds. */
  start: number;
  end: number;
  dimensions: string[];
  phone_numbers: string[];
}

export const analytics = (waba: string, { start, end, dimensions, phone_numbers }: AnalyticsQuery) => {
  const query = new URLSearchParams({ start: String(start), end: String(end), granularity: "DAILY" });
  if (dimensions.length > 0) query.set("dimensions", JSON.stringify(dimensions));
  if (phone_numbers.length > 0) query.set("phone_numbers", JSON.stringify(phone_numbers));
  return ask<AnalyticsAnswer>("GET", `${path("accounts", waba, "analytics")}?${query}`);
};

export const messages = (waba: string) => ask<MonthOfMessages>("GET", path("accounts", waba, "messages"));

export const faults = () => ask<Faults[]>("GET", path("faults"));
export const clearFaults = (call?: string) =>
  ask<unknown>("DELETE", `${path("faults")}${call ? `?call_id=${encodeURIComponent(call)}` : ""}`);
export const setFaults = (faults: Faults) => ask<unknown>("PUT", path("faults"), faults);
export const moveClock = (change: object) => ask<Clock>("POST", path("clock"), change);

async function ask<T>(method: string, address: string, body?: unknown): Promise<T> {
  const headers = new Headers({ accept: "application/json" });
  const isForm = body instanceof FormData;
  // A form's type has a boundary that the browser makes.
  if (body !== undefined && !isForm) headers.set("content-type", "application/json");
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      headers,
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    });
  } catch {
    throw new Refusal(0, "", null, "The platform does not answer. Is it still running?", null);
  }
  const text = await response.text();
  const value: unknown = text ? parse(text) : null;
  if (!response.ok) throw refusal(response.status, value);
  return value as T;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function refusal(status: number, value: unknown): Refusal {
  const body = (typeof value === "object" && value !== null ? value : {}) as Partial<Refused>;
  const text = body.text ?? `The platform answered ${status}.`;
  return new Refusal(status, body.rule ?? "", body.code ?? null, text, body.field ?? null);
}
