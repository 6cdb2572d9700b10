/**
 * How do we say it? Numbers, times and money as people write them, and every refusal as what happened
 * and what to do next.
 */
import type { Money } from "./wire.ts";

/** `5511988887777` → `+55 11 98888-7777`. For reading only; the digits are never changed. */
export function phoneNumber(digits: string): string {
  const grouped: [RegExp, string][] = [
    [/^(55)(\d{2})(\d{4,5})(\d{4})$/, "+$1 $2 $3-$4"],
    [/^(52)(1)(\d{3})(\d{3})(\d{4})$/, "+$1 $2 $3 $4 $5"],
    [/^(234)(\d{3})(\d{3})(\d{4})$/, "+$1 $2 $3 $4"],
    [/^(1)(\d{3})(\d{3})(\d{4})$/, "+$1 $2 $3 $4"],
    [/^(\d{2})(\d{2,3})(\d{3})(\d{3,4})$/, "+$1 $2 $3 $4"],
  ];
  for (const [shape, text] of grouped) if (shape.test(digits)) return digits.replace(shape, text);
  return /^\d+$/.test(digits) ? `+${digits}` : digits;
}

const COUNTRY_NAMES = new Intl.DisplayNames(["en"], { type: "region" });

/** The name of a two-letter country, or the code itself when it is none. */
export function country(code: string | undefined): string {
  if (!code) return "";
  try {
    return COUNTRY_NAMES.of(code.toUpperCase()) ?? code;
  } catch {
    return code;
  }
}

/** `74.4` → `1:14`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(minutes).padStart(hours ? 2 : 1, "0")}:${String(rest).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}

/** `74.4` → `1 min 14 s`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
}

export function timeOfDay(at: string): string {
  return new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

export function day(at: string, now: string): string {
  const [then, today] = [new Date(at), new Date(now)];
  if (then.toDateString() === today.toDateString()) return "Today";
  const year = then.getFullYear() === today.getFullYear() ? undefined : ("numeric" as const);
  return then.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "long", year });
}

/** `in 6 days`, `in 3 hours`: how far away a moment is. */
export function until(at: string, now: number): string {
  const minutes = Math.round((new Date(at).getTime() - now) / 60_000);
  if (minutes <= 0) return "now";
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  if (minutes < 60) return relative.format(minutes, "minute");
  if (minutes < 48 * 60) return relative.format(Math.round(minutes / 60), "hour");
  return relative.format(Math.round(minutes / 1440), "day");
}

export function price(value: Money | undefined): string {
  if (!value) return "";
  const amount = Number(value.amount);
  if (!Number.isFinite(amount)) return `${value.amount} ${value.currency}`;
  if (amount === 0) return "Free";
  const digits = { minimumFractionDigits: 2, maximumFractionDigits: 4 };
  return `${amount.toLocaleString("en", digits)} ${value.currency}`;
}

export interface RefusalWords {
  what: string;
  next: string;
}

/** A refusal by its code. `who` is the person on the other side; unknown codes keep the server's text. */
export function refusal(code: string, text: string, who: string): RefusalWords {
  const known = (REFUSALS as Readonly<Record<string, RefusalWords>>)[code];
  if (!known) return { what: text || "The call was refused.", next: "" };
  return { what: known.what.replaceAll("{who}", who), next: known.next.replaceAll("{who}", who) };
}

export const REFUSALS = {
  100: {
    what: "The platform could not read the request.",
    next: "Reload this page and try again. If it happens again, the server log names the field.",
  },
  190: { what: "The access token is not valid.", next: "Give the gateway a valid token for this number." },
  613: { what: "Permissions were asked for too often.", next: "Wait a second and try again." },
  131026: { what: "{who}'s app is too old for this.", next: "Ask {who} to update WhatsApp." },
  131030: { what: "{who} is not on this test number's list.", next: "Add the number to the allowed list first." },
  131042: { what: "There is no valid payment method.", next: "Add one to the WhatsApp account, then call again." },
  131044: { what: "There is no valid payment method.", next: "Add one to the WhatsApp account, then call again." },
  131047: {
    what: "{who} has not been in touch for 24 hours.",
    next: "You can write or call again as soon as {who} sends a message or calls.",
  },
  131055: { what: "This number takes calls over SIP.", next: "Place the call from the SIP side." },
  131056: { what: "Too many messages to {who} in a short time.", next: "Wait a minute and try again." },
  138000: {
    what: "Calling is switched off for this number.",
    next: "Switch it on in the number's calling settings.",
  },
  138001: { what: "{who} cannot take WhatsApp calls.", next: "Write a message instead." },
  138002: { what: "All lines of this number are in use.", next: "Try again when a call has ended." },
  138003: { what: "There is already a call with {who}.", next: "Wait until it has ended." },
  138004: { what: "The call could not be connected.", next: "Try once more." },
  138005: { what: "This number has placed all its calls for today.", next: "Try again tomorrow." },
  138006: {
    what: "{who} has not allowed you to call.",
    next: "Ask for permission: {who} gets a card in the chat, and you can call after a yes.",
  },
  138007: { what: "The call took too long to connect.", next: "Try once more." },
  138009: {
    what: "You have asked {who} often enough for now.",
    next: "One request a day and two a week are allowed. A call with {who} starts the count again.",
  },
  138012: { what: "{who} was called as often as a day allows.", next: "Try again tomorrow." },
  138013: { what: "WhatsApp does not offer this in this country.", next: "Write a message instead." },
  138014: {
    what: "Calling is paused for this number, after too much negative feedback.",
    next: "Wait until the pause ends; the account's health page says when.",
  },
  138017: { what: "{who} always allows your calls.", next: "No need to ask: just call." },
  138019: { what: "{who}'s phone could not set up the call.", next: "Try again." },
  138020: { what: "{who}'s phone could not reach the relay.", next: "Try again." },
  138021: { what: "No sound arrived from one side, so the call was ended.", next: "Check the microphone, then try again." },
  138022: { what: "{who}'s phone sent no sound.", next: "Try again." },
  138023: { what: "The call ended before any sound came through.", next: "Try again." },
} as const satisfies Readonly<Record<number, RefusalWords>>;
