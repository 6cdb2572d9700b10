/** The gateway's REST interface, as far as the console uses it. Signed in by a cookie. */
import type { Agent, CallEvent, CallRecord, Contact, Destinations, Diagnosis, Preflight } from "../../ui/src/wire.ts";
import { spoken } from "./texts/language.svelte.ts";
import { problem as words } from "./texts/said.ts";

/** The gateway said no, or could not be asked. */
export class ApiError extends Error {
  constructor(
    /** Of HTTP; 0 when there was no answer. */
    readonly status: number,
    readonly code: string,
    text: string,
  ) {
    super(text);
  }
}

export interface CallsPage {
  calls: CallRecord[];
  next?: string;
}

function query(values: Record<string, string | undefined>): string {
  const known = Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return known.length === 0 ? "" : `?${new URLSearchParams(known)}`;
}

const path = (...parts: string[]) => parts.map(encodeURIComponent).join("/");

export const me = () => ask<Agent>("GET", "/v1/me");
export const signIn = (user: string, password: string) => ask<unknown>("POST", "/v1/session", { user, password });
export const signOut = () => ask<unknown>("DELETE", "/v1/session");
export const contacts = async () => (await ask<{ contacts: Contact[] }>("GET", "/v1/contacts")).contacts;
/** `from`: which number of ours; absent where there is one. */
export const contact = (user: string, from?: string) => ask<Contact>("GET", `/v1/contacts/${path(user)}${query({ from })}`);
export const calls = (filters: URLSearchParams) => ask<CallsPage>("GET", `/v1/calls?${filters}`);
export const call = (id: string) => ask<CallRecord>("GET", `/v1/calls/${path(id)}`);
export const diagnosis = (id: string) => ask<Diagnosis>("GET", `/v1/calls/${path(id)}/diagnosis`);
export const eventsOf = async (id: string) =>
  (await ask<{ events: CallEvent[] }>("GET", `/v1/calls/${path(id)}/events`)).events;
export const preflight = (to: string, from?: string) => ask<Preflight>("GET", `/v1/preflight${query({ to, from })}`);
export const askPermission = (to: string, text: string, from?: string) =>
  ask<unknown>("POST", "/v1/permission_requests", { to, ...(text ? { text } : {}), ...(from ? { from } : {}) });
export const write = (to: string, text: string, from?: string) =>
  ask<unknown>("POST", "/v1/messages", { to, text, ...(from ? { from } : {}) });
/** Null takes away what was written. */
export const note = (id: string, notes: string | null, wrap_up: string | null) =>
  ask<CallRecord>("PATCH", `/v1/calls/${path(id)}`, { notes, wrap_up });
export const destinations = () => ask<Destinations>("GET", "/v1/destinations");
export const wrapUpCodes = async () => (await ask<{ codes: string[] }>("GET", "/v1/wrap_up_codes")).codes;

/** Asks the gateway. Throws an `ApiError` for a no, and when there is no answer. */
export async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(0, "", spoken.t.shell.unreachable);
  }
  if (!response.ok) throw await refusal(response);
  const text = await response.text();
  return (text ? parse(text) : null) as T;
}

/** What an answer that says no means. */
export async function refusal(response: Response): Promise<ApiError> {
  return refused(response.status, parse(await response.text()));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Errors are problem details (RFC 9457) with a `code`. */
function refused(status: number, value: unknown): ApiError {
  const problem = record(value);
  const code = problem["code"] ?? "";
  const text = [problem["detail"], problem["title"]].find((each) => typeof each === "string");
  return new ApiError(status, String(code), words(String(code), String(text ?? spoken.t.shell.answered(status))));
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
