/** May we call this contact, in words? */
import type { IconName } from "../../../ui/src/icons.ts";
import type { Contact } from "../../../ui/src/wire.ts";
import { timeOfDay, when } from "../texts/format.ts";
import { spoken } from "../texts/language.svelte.ts";

export interface PermissionWords {
  text: string;
  tone: "yes" | "no" | "wait";
  icon: IconName;
}

export function mayCall(contact: Contact): boolean {
  return contact.permission.state === "temporary" || contact.permission.state === "permanent";
}

export function permissionWords(contact: Contact): PermissionWords {
  const words = spoken.t.permission;
  const name = contact.name || spoken.t.pane.thisPerson;
  const { state, expires_at } = contact.permission;
  switch (state) {
    case "permanent":
      return { text: words.permanent(name), tone: "yes", icon: "shield" };
    case "temporary": {
      const text = expires_at ? words.temporaryUntil(name, when(expires_at)) : words.temporary(name);
      return { text, tone: "yes", icon: "shield" };
    }
    case "requested": {
      const asked = contact.chat?.findLast((line) => line.kind === "permission_request");
      const text = asked ? words.requestedAt(name, timeOfDay(asked.at)) : words.requested(name);
      return { text, tone: "wait", icon: "clock" };
    }
    case "none": {
      const answered = contact.chat?.some((line) => line.kind === "permission_reply");
      return { text: answered ? words.refused(name) : words.none(name), tone: "no", icon: "shield-off" };
    }
  }
}
