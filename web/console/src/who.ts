/** How is a user named towards the gateway, and when are two names one user's? */
import type { Peer } from "../../ui/src/wire.ts";

/** The number where it is known, else the business-scoped id; empty where neither is. */
export const addressOf = (who: Peer): string => who.wa_id ?? who.user_id ?? "";

/** By the business-scoped id where both have one, else by the number. */
export function isSame(one: Peer, other: Peer): boolean {
  if (one.user_id !== undefined && other.user_id !== undefined) return one.user_id === other.user_id;
  return one.wa_id !== undefined && one.wa_id === other.wa_id;
}
