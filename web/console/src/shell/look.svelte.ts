/** Light or dark? As the system has it, unless the person chose; the choice is remembered. */
export const LOOKS = ["system", "light", "dark"] as const;
export type Look = (typeof LOOKS)[number];

const KEPT_AS = "offhook.look";

class Appearance {
  look = $state<Look>(LOOKS.find((each) => each === localStorage.getItem(KEPT_AS)) ?? "system");

  constructor() {
    this.#apply();
  }

  choose(look: Look): void {
    this.look = look;
    localStorage.setItem(KEPT_AS, look);
    this.#apply();
  }

  #apply(): void {
    document.documentElement.dataset["look"] = this.look;
  }
}

export const appearance = new Appearance();
