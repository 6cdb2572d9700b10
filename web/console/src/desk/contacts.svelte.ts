/** Whom does the desk know? The people seen so far, newest first, each with chat and permission. */
import type { Contact as Known } from "../../../ui/src/wire.ts";
import * as api from "../api.ts";

/** A contact with a number; those known by a business-scoped id alone cannot be shown or called yet. */
export type Contact = Known & { wa_id: string };

const numbered = (contact: Known): contact is Contact => contact.wa_id !== undefined;

export class Contacts {
  all = $state<Contact[]>([]);
  loaded = $state(false);
  selected = $state<string | null>(null);
  /** People with something new since they were last looked at. */
  unread = $state<Record<string, true>>({});

  async load(): Promise<void> {
    try {
      this.all = (await api.contacts()).filter(numbered);
      this.loaded = true;
      this.selected ??= this.all[0]?.wa_id ?? null;
      if (this.selected) await this.refresh(this.selected);
    } catch {
      // The next hello loads again; until then the list stays as it is.
    }
  }

  get open(): Contact | null {
    return this.all.find((each) => each.wa_id === this.selected) ?? null;
  }

  select(waId: string | null): void {
    this.selected = waId;
    if (waId === null) return;
    delete this.unread[waId];
    void this.refresh(waId);
  }

  /** Reads one contact with the whole chat. */
  async refresh(waId: string): Promise<void> {
    try {
      const contact = await api.contact(waId);
      if (numbered(contact)) this.#put(contact, false);
    } catch {
      // A contact that cannot be read keeps what is known of it.
    }
  }

  update(contact: Known): void {
    if (!numbered(contact)) return;
    this.#put(contact, true);
    this.selected ??= contact.wa_id;
    if (contact.wa_id === this.selected) {
      if (!contact.chat) void this.refresh(contact.wa_id);
    } else this.unread[contact.wa_id] = true;
  }

  #put(contact: Contact, first: boolean): void {
    const known = this.all.find((each) => each.wa_id === contact.wa_id);
    const merged = { ...known, ...contact };
    if (known && !first) this.all = this.all.map((each) => (each === known ? merged : each));
    else this.all = [merged, ...this.all.filter((each) => each.wa_id !== contact.wa_id)];
  }
}
