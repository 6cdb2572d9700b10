/** Which section, and which thing in it: `#/calls/wacid…`. A link to it can be sent to a colleague. */
export const SECTIONS = ["numbers", "accounts", "users", "calls", "webhooks", "analytics", "clock"] as const;
export type Section = (typeof SECTIONS)[number];

export class Route {
  section = $state<Section>("numbers");
  chosen = $state<string | null>(null);

  constructor() {
    this.#read();
  }

  start(): () => void {
    const read = () => this.#read();
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }

  #read(): void {
    const [section = "", chosen = ""] = location.hash.replace(/^#\/?/, "").split("/");
    const known = SECTIONS.find((each) => each === section);
    this.section = known ?? "numbers";
    this.chosen = chosen ? decodeURIComponent(chosen) : null;
  }
}

export function link(section: Section, chosen?: string): string {
  return chosen ? `#/${section}/${encodeURIComponent(chosen)}` : `#/${section}`;
}

/** Chooses something in a section, or nothing. */
export function go(section: Section, chosen?: string): void {
  location.hash = link(section, chosen);
}
