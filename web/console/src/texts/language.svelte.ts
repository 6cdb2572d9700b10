/** In which language does the console speak? The person's choice is remembered; before one, the browser's language counts. */
import { en, type Texts } from "./en.ts";
import { pt } from "./pt.ts";

export const LANGUAGES = { en: "English", pt: "Português" } as const;
export type Language = keyof typeof LANGUAGES;

const CATALOGUE: Readonly<Record<Language, Texts>> = { en, pt };
const LOCALES: Readonly<Record<Language, string>> = { en: "en-GB", pt: "pt-BR" };
const KEPT_AS = "offhook.language";

function first(): Language {
  const kept = localStorage.getItem(KEPT_AS);
  if (kept === "en" || kept === "pt") return kept;
  return navigator.language.toLowerCase().startsWith("pt") ? "pt" : "en";
}

class Spoken {
  language = $state<Language>(first());

  constructor() {
    this.#mark();
  }

  /** The words. */
  get t(): Texts {
    return CATALOGUE[this.language];
  }

  /** How dates and numbers are written. */
  get locale(): string {
    return LOCALES[this.language];
  }

  choose(language: Language): void {
    this.language = language;
    localStorage.setItem(KEPT_AS, language);
    this.#mark();
  }

  #mark(): void {
    document.documentElement.lang = this.locale;
  }
}

export const spoken = new Spoken();
