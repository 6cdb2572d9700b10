/** Which page, what is chosen there, and how it is filtered? `#/calls/wacid…?agent=lia`: a reload keeps it, a link can be sent. */
import { PAGES, type Page } from "./rights.ts";

export class Route {
  page = $state<Page | null>(null);
  chosen = $state<string | null>(null);
  filters = $state.raw<URLSearchParams>(new URLSearchParams());

  constructor() {
    this.#read();
  }

  /** Follows the address bar until the returned function is called. */
  start(): () => void {
    const read = () => this.#read();
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }

  /** Filters without a step in the history: they change with every letter. */
  filter(filters: URLSearchParams): void {
    if (this.page === null) return;
    history.replaceState(null, "", address(this.page, this.chosen, filters));
    this.#read();
  }

  #read(): void {
    const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
    const [page = "", chosen = ""] = path.split("/");
    this.page = PAGES.find((each) => each === page) ?? null;
    this.chosen = chosen ? decodeURIComponent(chosen) : null;
    if (query !== this.filters.toString()) this.filters = new URLSearchParams(query);
  }
}

/** The address of a page, of something in it, and of how it is filtered. */
export function address(page: Page, chosen: string | null = null, filters?: URLSearchParams): string {
  const query = filters?.toString() ?? "";
  return `#/${page}${chosen ? `/${encodeURIComponent(chosen)}` : ""}${query ? `?${query}` : ""}`;
}

export function go(page: Page, chosen: string | null = null, filters?: URLSearchParams): void {
  location.hash = address(page, chosen, filters);
}
