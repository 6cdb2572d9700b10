/** Whom does the desk know? The people seen so far, newest first, each with chat and permission: one for each number of ours they were in touch with. */
import type { Contact, Peer } from "../../../ui/src/wire.ts";
import * as api from "../api.ts";
import { addressOf, isSame } from "../who.ts";

/** Who, towards which number of ours; any where it is absent. */
interface Choice {
  who: Peer;
  number?: string | undefined;
}

function fits(contact: Contact, choice: Choice): boolean {
  const sameNumber = choice.number === undefined || contact.number === undefined || contact.number === choice.number;
  return isSame(contact, choice.who) && sameNumber;
}

/** Tells contacts apart. */
export function keyOf(contact: Contact): string {
  return `${contact.number ?? ""}/${contact.user_id ?? contact.wa_id ?? ""}`;
}

export class Contacts {
  all = $state<Contact[]>([]);
  loaded = $state(false);
  /** People with something new since they were last looked at, by their key. */
  unread = $state<Record<string, true>>({});
  #chosen = $state.raw<Choice | null>(null);

  async load(): Promise<void> {
    try {
      this.all = await api.contacts();
      this.loaded = true;
      const [first] = this.all;
      if (first) this.#chosen ??= { who: first, number: first.number };
      if (this.#chosen) await this.refresh(this.#chosen.who, this.#chosen.number);
    } catch {
      // The next hello loads again; until then the list stays as it is.
    }
  }

  get open(): Contact | null {
    return this.#chosen ? this.of(this.#chosen.who, this.#chosen.number) : null;
  }

  /** This person, towards this number of ours. */
  of(who: Peer, number?: string): Contact | null {
    return this.all.find((each) => fits(each, { who, number })) ?? null;
  }

  select(who: Peer | null, number?: string): void {
    this.#chosen = who === null ? null : { who, number };
    if (who === null) return;
    const open = this.open;
    if (open) delete this.unread[keyOf(open)];
    void this.refresh(who, number);
  }

  /** Reads one contact with the whole chat. */
  async refresh(who: Peer, number?: string): Promise<void> {
    try {
      this.#put(await api.contact(addressOf(who), number), false);
    } catch {
      // A contact that cannot be read keeps what is known of it.
    }
  }

  update(contact: Contact): void {
    this.#put(contact, true);
    this.#chosen ??= { who: contact, number: contact.number };
    if (fits(contact, this.#chosen)) {
      if (!contact.chat) void this.refresh(contact, contact.number);
    } else this.unread[keyOf(contact)] = true;
  }

  #put(contact: Contact, first: boolean): void {
    const known = this.all.find((each) => fits(each, { who: contact, number: contact.number }));
    const merged = { ...known, ...contact };
    if (known && !first) this.all = this.all.map((each) => (each === known ? merged : each));
    else this.all = [merged, ...this.all.filter((each) => each !== known)];
  }
}
