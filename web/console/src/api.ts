/** The gateway's REST interface, as far as the console uses it. Signed in by a cookie. */
import type { Agent, CallRecord, Contact, Diagnosis, Preflight } from "../../ui/src/wire.ts";

/** The gateway said no, or could not be asked. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    text: string,
  ) {
    super(text);
  }
}

export const me = () => ask<Agent>("GET", "/v1/me");
export const signIn = (user: string, password: string) => ask<unknown>("POST", "/v1/session", { user, password });
export const signOut = () => ask<unknown>("DELETE", "/v1/session");
export const contacts = async () => list<Contact>(await ask("GET", "/v1/contacts?limit=1000"), "contacts");
export const contact = (waId: string) => ask<Contact>("GET", `/v1/contacts/${encodeURIComponent(waId)}`);
export const calls = async (limit = 100) => list<CallRecord>(await ask("GET", `/v1/calls?limit=${limit}`), "calls");
export const call = (id: string) => ask<CallRecord>("GET", `/v1/calls/${encodeURIComponent(id)}`);
export const diagnosis = (id: string) => ask<Diagnosis>("GET", `/v1/calls/${encodeURIComponent(id)}/diagnosis`);
export const preflight = (to: string) => ask<Preflight>("GET", `/v1/preflight?to=${encodeURIComponent(to)}`);
export const askPermission = (to: string, text: string) =>
  ask<unknown>("POST", "/v1/permission_requests", text ? { to, text } : { to });
export const write = (to: string, text: string) => ask<unknown>("POST", "/v1/messages", { to, text });

async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(0, "", "The gateway does not answer. Is it still running?");
  }
  const text = await response.text();
  const value: unknown = text ? parse(text) : null;
  if (!response.ok) throw refused(response.status, value);
  return value as T;
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
  return new ApiError(status, String(code), String(text ?? `The gateway answered ${status}.`));
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** Lists come bare or under their name. */
function list<T>(value: unknown, name: string): T[] {
  const found = Array.isArray(value) ? value : record(value)[name];
  return Array.isArray(found) ? (found as T[]) : [];
}
