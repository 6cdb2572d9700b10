/** What else an entry of the audit says, a line for each thing, named as the interface names it. */
type Parts = Readonly<Record<string, unknown>>;

export const detail = (parts: Parts): string[] => Object.entries(parts).flatMap(([name, value]) => lines(name, value));

function lines(name: string, value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return [`${name}: ${value.map(short).join(", ")}`];
  if (!isParts(value)) return [`${name}: ${String(value)}`];
  return Object.entries(value).flatMap(([part, inner]) => lines(`${name}.${part}`, inner));
}

/** One of a list; a day's hours as people write them. */
function short(value: unknown): string {
  if (!isParts(value)) return String(value);
  const { day_of_week: day, date, open_time, close_time, start_time, end_time, ...rest } = value;
  const span = [open_time ?? start_time, close_time ?? end_time].filter(Boolean).join("–");
  return [day ?? date, span, ...Object.values(rest)].filter(Boolean).join(" ");
}

function isParts(value: unknown): value is Parts {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
