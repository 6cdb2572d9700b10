/** May we call this contact, in words? */
import type { IconName } from "../../ui/src/icons.ts";
import type { Contact } from "../../ui/src/wire.ts";
import { timeOfDay } from "../../ui/src/words.ts";

export interface PermissionWords {
  text: string;
  tone: "yes" | "no" | "wait";
  icon: IconName;
}

export function mayCall(contact: Contact): boolean {
  return contact.permission.state === "temporary" || contact.permission.state === "permanent";
}

export function permissionWords(contact: Contact): PermissionWords {
  const name = contact.name || "This person";
  const { state, expires_at } = contact.permission;
  switch (state) {
    case "permanent":
      return { text: `${name} always allows your calls.`, tone: "yes", icon: "shield" };
    case "temporary": {
      const end = expires_at ? ` until ${moment(expires_at)}` : "";
      return { text: `${name} allows your calls${end}.`, tone: "yes", icon: "shield" };
    }
    case "requested": {
      const asked = contact.chat?.findLast((line) => line.kind === "permission_request");
      const when = asked ? ` at ${timeOfDay(asked.at)}` : "";
      return { text: `You asked ${name}${when}. Waiting for the answer.`, tone: "wait", icon: "clock" };
    }
    case "none": {
      const answered = contact.chat?.some((line) => line.kind === "permission_reply");
      const text = answered ? `${name} does not allow your calls.` : `${name} has not allowed you to call yet.`;
      return { text, tone: "no", icon: "shield-off" };
    }
  }
}

function moment(at: string): string {
  const date = new Date(at);
  const day = date.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" });
  return `${day}, ${timeOfDay(at)}`;
}
