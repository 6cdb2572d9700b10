/** How is the list of calls narrowed? Kept in the page's address, sent to the gateway as its query. */
export const FILTERS = ["contact", "direction", "result", "agent", "country", "from", "to", "text"] as const;
export type Filter = (typeof FILTERS)[number];

export const PAGE_LENGTH = 50;

/** The gateway's query: days become moments, and the result becomes its reason or "missed". */
export function query(filters: URLSearchParams, after: string | null): URLSearchParams {
  const asked = new URLSearchParams({ limit: String(PAGE_LENGTH) });
  for (const name of FILTERS) {
    const value = filters.get(name);
    if (!value) continue;
    if (name === "result") asked.set(value === "missed" ? "missed" : "reason", value === "missed" ? "true" : value);
    else if (name === "from" || name === "to") asked.set(name, midnight(value, name === "to" ? 1 : 0));
    else asked.set(name, value);
  }
  if (after) asked.set("after", after);
  return asked;
}

/** The begin of a day, `2026-11-29`, in the browser's time zone; or of one some days later. */
function midnight(day: string, later: number): string {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}
