/**
 * What does a key do? Single letters act unless somebody types or switched them off; `g` and a letter
 * goes to a page. A dialpad that is open keeps its digits.
 */
import type { Page } from "./rights.ts";

export type Action = "answer" | "hangUp" | "mute" | "hold" | "transfer" | "dialpad" | "search" | "help";

export const ACTION_KEYS: Readonly<Record<Action, string>> = {
  answer: "a",
  hangUp: "x",
  mute: "m",
  hold: "h",
  transfer: "t",
  dialpad: "k",
  search: "/",
  help: "?",
};

export const PAGE_PREFIX = "g";

/** After the prefix. */
export const PAGE_KEYS: Readonly<Record<Page, string>> = {
  desk: "d",
  calls: "c",
  wall: "w",
  analytics: "a",
  numbers: "n",
  flows: "f",
  people: "p",
  audit: "u",
};

/** So long the prefix waits for its letter. */
const PAUSE_MS = 1_500;
const KEPT_AS = "offhook.keys";

export class Keys {
  on = $state(localStorage.getItem(KEPT_AS) !== "off");
  #gone = 0;

  constructor(
    private readonly act: (action: Action) => void,
    private readonly open: (page: Page) => void,
  ) {}

  switch(on: boolean): void {
    this.on = on;
    localStorage.setItem(KEPT_AS, on ? "on" : "off");
  }

  press(event: KeyboardEvent): void {
    if (!this.on || event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTyping(event.target)) return;
    const key = event.key.toLowerCase();
    if (event.timeStamp < this.#gone) {
      this.#gone = 0;
      const page = (Object.keys(PAGE_KEYS) as Page[]).find((each) => PAGE_KEYS[each] === key);
      if (page) return this.#take(event, () => this.open(page));
    }
    if (key === PAGE_PREFIX) {
      this.#gone = event.timeStamp + PAUSE_MS;
      return;
    }
    const action = (Object.keys(ACTION_KEYS) as Action[]).find((each) => ACTION_KEYS[each] === key);
    if (action) this.#take(event, () => this.act(action));
  }

  #take(event: KeyboardEvent, act: () => void): void {
    event.preventDefault();
    act();
  }
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || isTextField(target))
  );
}

function isTextField(target: HTMLElement): boolean {
  return target instanceof HTMLInputElement && target.type !== "checkbox" && target.type !== "radio";
}
