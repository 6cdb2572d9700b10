/** What is a webhook about? Its event, status or message, read from its body. */
import type { WebhookRecord } from "../../../ui/src/sandbox.ts";

type Json = Record<string, unknown>;

const object = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const first = (value: unknown): Json => object(Array.isArray(value) ? value[0] : undefined);
const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

function value(record: WebhookRecord): Json {
  return object(first(first(object(record.body)["entry"])["changes"])["value"]);
}

/** `terminate`, `RINGING`, `call_permission_reply: accept`, `text message`, … */
export function about(record: WebhookRecord): string {
  const change = value(record);
  const call = first(change["calls"]);
  const status = first(change["statuses"]);
  const message = first(change["messages"]);
  const reply = object(object(message["interactive"])["call_permission_reply"]);
  if (text(call["event"])) return [text(call["event"]), text(call["status"])].filter(Boolean).join(", ");
  if (text(status["status"])) return `${text(status["type"]) ?? "message"} ${text(status["status"])}`;
  if (text(reply["response"])) return `permission: ${text(reply["response"])}`;
  if (text(message["type"])) return `${text(message["type"])} message`;
  return text(change["event"]) ?? text(change["type"]) ?? record.field;
}

/** Which user it is about: a name, else a number. */
about.who = (record: WebhookRecord): string => {
  const change = value(record);
  const contact = first(change["contacts"]);
  const known = text(object(contact["profile"])["name"]) ?? text(contact["wa_id"]);
  return known ?? text(first(change["statuses"])["recipient_id"]) ?? "";
};
