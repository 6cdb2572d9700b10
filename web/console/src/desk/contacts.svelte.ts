/** Whom does the desk know? The people seen so far, newest first, each with chat and permission: one for each number of ours they were in touch with. */
import type { Contact as Known } from "../../../ui/src/wire.ts";
import * as api from "../api.ts";

/** A contact with a number; those known by a business-scoped id alone cannot be shown or called yet. */
export type Contact = Known & { wa_id: string };

const numbered = (contact: Known): contact is Contact => contact.wa_id !== undefined;

/** Who, towards which number of ours; any where it is absent. */
interface Choice {
  wa_id: string;
  number?: string | undefined;
}

function fits(contact: Contact, choice: Choice): boolean {
  const sameNumber = choice.number === undefined || contact.number === undefined || contact.number === choice.number;
  return contact.wa_id === choice.wa_id && sameNumber;
}

/** Tells contacts apart. */
export function keyOf(contact: Contact): string {
  return `${contact.number ?? ""}/${contact.wa_id}`;
}

export class Contacts {
  all = $state<Contact[]>([]);
  loaded = $state(false);
  /** People with something new since they were last looked at, by their key. */
  unread = $state<Record<string, true>>({});
  #chosen = $state.raw<Choice | null>(null);

  async load(): Promise<void> {
    try {
      this.all = (await api.contacts()).filter(numbered);
      this.loaded = true;
      this.#chosen ??= this.all[0] ?? null;
      if (this.#chosen) await this.refresh(this.#chosen.wa_id, this.#chosen.number);
    } catch {
      // The next hello loads again; until then the list stays as it is.
    }
  }

  get open(): Contact | null {
    return this.#chosen ? this.of(this.#chosen.wa_id, this.#chosen.number) : null;
  }

  /** This person, towards this number of ours. */
  of(waId: string | undefined, number?: string): Contact | null {
    return waId === undefined ? null : (this.all.find((each) => fits(each, { wa_id: waId, number })) ?? null);
  }

  select(waId: string | null, number?: string): void {
    this.#chosen = waId === null ? null : { wa_id: waId, number };
    if (waId === null) return;
    const open = this.open;
    if (open) delete this.unread[keyOf(open)];
    void this.refresh(waId, number);
  }

  /** Reads one contact with the whole chat. */
  async refresh(waId: string, number?: string): Promise<void> {
    try {
      const contact = await api.contact(waId, number);
      if (numbered(contact)) this.#put(contact, false);
    } catch {
      // A contact that cannot be read keeps what is known of it.
    }
  }

  update(contact: Known): void {
    if (!numbered(contact)) return;
    this.#put(contact, true);
    this.#chosen ??= { wa_id: contact.wa_id, number: contact.number };
    if (fits(contact, this.#chosen)) {
      if (!contact.chat) void this.refresh(contact.wa_id, contact.number);
    } else this.unread[keyOf(contact)] = true;
  }

  #put(contact: Contact, first: boolean): void {
    const known = this.all.find((each) => fits(each, contact));
    const merged = { ...known, ...contact };
    if (known && !first) this.all = this.all.map((each) => (each === known ? merged : each));
    else this.all = [merged, ...this.all.filter((each) => each !== known)];
  }
}
