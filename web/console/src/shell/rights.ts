/** Which pages does a role see? The gateway decides what may be done; this only keeps away doors that are locked. */
import type { IconName } from "../../../ui/src/icons.ts";
import type { Role } from "../../../ui/src/wire.ts";

export const PAGES = ["desk", "calls", "wall", "analytics", "numbers", "flows", "people", "audit"] as const;
export type Page = (typeof PAGES)[number];

export const ICONS: Readonly<Record<Page, IconName>> = {
  desk: "chat",
  calls: "list",
  wall: "speaker",
  analytics: "chart",
  numbers: "phone",
  flows: "branch",
  people: "people",
  audit: "clock",
};

const SEEN_BY: Readonly<Record<Role, readonly Page[]>> = {
  agent: ["desk", "calls"],
  supervisor: ["desk", "calls", "wall", "analytics"],
  admin: PAGES,
  auditor: ["calls", "analytics", "audit"],
};

export function pagesOf(role: Role): readonly Page[] {
  return SEEN_BY[role];
}

/** Whether this role takes calls, and so says whether it is there. */
export function takesCalls(role: Role): boolean {
  return role !== "auditor";
}
