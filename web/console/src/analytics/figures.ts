/** What the gateway counts: calls, answers, waiting, duration and cost, by day and by country; the month's spending. */
import type { Money } from "../../../ui/src/wire.ts";
import { ask } from "../api.ts";

/** What is not known is absent, never zero. */
export interface Figures {
  calls: number;
  answered: number;
  answer_rate?: number;
  waiting?: { p50_s: number; p95_s: number };
  duration?: { sum_s: number; mean_s: number };
  cost?: Money[];
  missed?: Record<string, number>;
}

export interface Row extends Figures {
  key?: string;
}

export interface Analytics {
  from: string;
  to: string;
  timezone: string;
  rows: Row[];
  total: Figures;
}

export interface Spend {
  month: string;
  totals: Money[];
  budget?: { monthly: Money; spent: Money; share: number; stop: boolean; stopped: boolean; resets_at: string };
}

export type By = "day" | "country" | "agent";

function query(from: string, to: string, by: By): string {
  return new URLSearchParams({ from, to, by }).toString();
}

export const analytics = (from: string, to: string, by: By) => ask<Analytics>("GET", `/v1/analytics?${query(from, to, by)}`);
export const spend = () => ask<Spend>("GET", "/v1/spend");
export const csvPath = (from: string, to: string, by: By) => `/v1/analytics.csv?${query(from, to, by)}`;

/** Every day from the first until before the last, `YYYY-MM-DD`: days without calls have no row. */
export function days(from: string, to: string): string[] {
  const all: string[] = [];
  for (let at = Date.parse(from); at < Date.parse(to); at += 86_400_000) all.push(new Date(at).toISOString().slice(0, 10));
  return all;
}

/** Today in a time zone, in the browser's until that is known, plus some days, `YYYY-MM-DD`. */
export function dayFromNow(later: number, zone?: string): string {
  const date = new Date(Date.parse(new Date().toLocaleDateString("en-CA", { timeZone: zone })));
  date.setUTCDate(date.getUTCDate() + later);
  return date.toISOString().slice(0, 10);
}
