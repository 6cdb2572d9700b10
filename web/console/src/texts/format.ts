/** How are times, money and countries written in the language that is chosen? */
import type { Money } from "../../../ui/src/wire.ts";
import { spoken } from "./language.svelte.ts";

export function timeOfDay(at: string): string {
  return new Date(at).toLocaleTimeString(spoken.locale, { hour: "2-digit", minute: "2-digit" });
}

/** With seconds, for a timeline. */
export function exactTime(at: string): string {
  return new Date(at).toLocaleTimeString(spoken.locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

function isToday(at: string): boolean {
  return new Date(at).toDateString() === new Date().toDateString();
}

/** A heading between the messages of a chat. */
export function day(at: string): string {
  if (isToday(at)) return capital(new Intl.RelativeTimeFormat(spoken.locale, { numeric: "auto" }).format(0, "day"));
  const year = new Date(at).getFullYear() === new Date().getFullYear() ? undefined : ("numeric" as const);
  return new Date(at).toLocaleDateString(spoken.locale, { weekday: "short", day: "numeric", month: "long", year });
}

/** The time alone for today, else the day too. */
export function whenShort(at: string): string {
  if (isToday(at)) return timeOfDay(at);
  return `${new Date(at).toLocaleDateString(spoken.locale, { day: "numeric", month: "short" })}, ${timeOfDay(at)}`;
}

/** A moment that may be days away. */
export function when(at: string): string {
  if (isToday(at)) return timeOfDay(at);
  const date = new Date(at).toLocaleDateString(spoken.locale, { weekday: "short", day: "numeric", month: "short" });
  return `${date}, ${timeOfDay(at)}`;
}

export function moment(at: string): string {
  return new Date(at).toLocaleString(spoken.locale, { dateStyle: "medium", timeStyle: "medium" });
}

/** `74.4` → `1 min 14 s`, the same in every language. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  if (minutes === 0) return `${rest} s`;
  return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
}

/** Empty when there is none. */
export function price(value: Money | undefined): string {
  if (!value) return "";
  const amount = Number(value.amount);
  if (!Number.isFinite(amount)) return `${value.amount} ${value.currency}`;
  return `${sum(amount)} ${value.currency}`;
}

/** An amount without its currency: a call may cost less than a cent. */
export function sum(amount: number): string {
  return amount.toLocaleString(spoken.locale, { minimumFractionDigits: 2, maximumFractionDigits: 4 });
}

export function number(value: number, digits = 0): string {
  return value.toLocaleString(spoken.locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A share of one as a percentage. */
export function percent(share: number): string {
  return share.toLocaleString(spoken.locale, { style: "percent", maximumFractionDigits: 1 });
}

/** A country's name, or its code when it is none. */
export function country(code: string): string {
  try {
    return new Intl.DisplayNames([spoken.locale], { type: "region" }).of(code.toUpperCase()) ?? code;
  } catch {
    return code;
  }
}

/** The name of a weekday, from 0 for Monday. */
export function weekday(index: number): string {
  const monday = Date.UTC(2026, 0, 5);
  const date = new Date(monday + index * 86_400_000);
  return capital(date.toLocaleDateString(spoken.locale, { weekday: "long", timeZone: "UTC" }));
}

function capital(text: string): string {
  return text.charAt(0).toLocaleUpperCase(spoken.locale) + text.slice(1);
}
