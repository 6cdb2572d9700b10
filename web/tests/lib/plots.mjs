/** What do the plots and tables of the analytics say? As somebody hears it who does not see bars, and as the bars show it. */

/** @typedef {import("playwright-core").Page} Page */

/**
 * A plot: by day the figures of its table, and how high its bars are on its axis.
 * @param {Page} page
 * @param {string} title
 * @returns {Promise<Record<string, { said: string[], drawn: number[] }>>}
 */
export async function plot(page, title) {
  const read = await page.locator(`[data-plot="${title}"]`).evaluate((figure) => {
    /** @param {Element | null | undefined} each @param {string} name */
    const size = (each, name) => Number(each?.getAttribute(name) ?? NaN);
    const lines = [...figure.querySelectorAll("svg line")];
    const [floor, ceiling] = [size(lines[0], "y1"), size(lines.at(-1), "y1")];
    const top = [...figure.querySelectorAll('svg text[text-anchor="end"]')].at(-1)?.textContent ?? "";
    /** @param {string} day */
    const bars = (day) => [...figure.querySelectorAll(`svg g[data-day="${day}"] rect.bar`)].map((bar) => size(bar, "height") / (floor - ceiling));
    const rows = [...figure.querySelectorAll("tbody tr")].map((row) => ({
      day: row.getAttribute("data-day") ?? "",
      shares: bars(row.getAttribute("data-day") ?? ""),
      said: [...row.querySelectorAll("td")].map((cell) => cell.textContent ?? ""),
    }));
    return { top, rows };
  });
  return Object.fromEntries(read.rows.map(({ day, said, shares }) => [day, { said, drawn: shares.map((share) => share * figure(read.top)) }]));
}

/**
 * A table by country or agent: by its row's name the cells under each heading.
 * @param {Page} page
 * @param {string} title
 * @returns {Promise<Record<string, string[]>>}
 */
export async function breakdown(page, title) {
  const rows = await page.getByRole("region", { name: title }).locator("tbody tr").evaluateAll((all) =>
    all.map((row) => [row.querySelector("th")?.textContent ?? "", [...row.querySelectorAll("td")].map((cell) => cell.textContent ?? "")]),
  );
  return Object.fromEntries(rows);
}

/** What a figure says in English: `1 min 5 s` is 65, `50%` is 0.5, `0.01 USD` is 0.01. @param {string} text */
export function figure(text) {
  const minutes = /^(\d+) min(?: (\d+) s)?$/.exec(text);
  if (minutes) return Number(minutes[1]) * 60 + Number(minutes[2] ?? 0);
  const value = parseFloat(text.replaceAll(",", ""));
  return text.endsWith("%") ? value / 100 : value;
}
