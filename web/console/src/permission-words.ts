/** May we call this contact, in words? */
import type { IconName } from "../../ui/src/icons.ts";
import type { Contact } from "../../ui/src/wire.ts";
import { timeOfDay } from "../../ui/src/words.ts";

export interface PermissionWords {
  text: string;
  tone: "yes" | "no" | "wait";
  icon: IconName;
  /** Asking makes sense: there is no permission that already covers calls. */
  askable: boolean;
  /** Asked and not answered yet. */
  pending: boolean;
}

export function permissionWords(contact: Contact): PermissionWords {
  const name = contact.name || "This person";
  const permission = contact.permission;
  if (permission?.status === "permanent") {
    return { text: `${name} always allows your calls.`, tone: "yes", icon: "shield", askable: false, pending: false };
  }
  if (permission?.status === "temporary") {
    const end = permission.expires_at ? ` until ${moment(permission.expires_at)}` : "";
    return { text: `${name} allows your calls${end}.`, tone: "yes", icon: "shield", askable: false, pending: false };
  }
  const last = contact.chat?.findLast((entry) => entry.kind.startsWith("permission_"));
  if (last?.kind === "permission_request") {
    const text = `You asked ${name} at ${timeOfDay(last.at)}. Waiting for the answer.`;
    return { text, tone: "wait", icon: "clock", askable: true, pending: true };
  }
  const said = last ? `${name} does not allow your calls.` : `${name} has not allowed you to call yet.`;
  return { text: said, tone: "no", icon: "shield-off", askable: true, pending: false };
}

function moment(at: string): string {
  const date = new Date(at);
  const day = date.toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long" });
  return `${day}, ${timeOfDay(at)}`;
}
