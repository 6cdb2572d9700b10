/** Who may use the console, and which programs may use the interface. */
import type { Role } from "../../../ui/src/wire.ts";
import { ask } from "../api.ts";

export interface User {
  id: string;
  name: string;
  role: Role;
  /** What they know about: queues and rings ask for these words. */
  skills: string[];
  disabled: boolean;
  /** Of the configuration file: changed there alone. */
  source: "file" | "store";
}

export interface Key {
  id: string;
  name: string;
  scopes: string[];
  created_at: string;
  created_by?: string;
  last_used_at?: string;
  revoked_at?: string;
}

export const ROLES = ["agent", "supervisor", "admin", "auditor"] as const satisfies readonly Role[];
export const SCOPES = ["calls:read", "calls:write", "contacts:read", "contacts:write", "consent", "events", "analytics", "admin"] as const;

const at = (kind: "users" | "api_keys", id: string) => `/v1/${kind}/${encodeURIComponent(id)}`;

/** Skills as people write them: separated by commas. */
export const skillsOf = (text: string) => [...new Set(text.split(",").map((skill) => skill.trim()))].filter(Boolean);

export const users = async () => (await ask<{ users: User[] }>("GET", "/v1/users")).users;
export const addUser = (user: { id: string; name: string; role: Role; skills: string[]; password: string }) => ask<User>("POST", "/v1/users", user);
export const changeUser = (id: string, change: Partial<Pick<User, "name" | "role" | "skills" | "disabled">> & { password?: string }) =>
  ask<User>("PATCH", at("users", id), change);

export const keys = async () => (await ask<{ api_keys: Key[] }>("GET", "/v1/api_keys")).api_keys;
/** The answer has the token, this once. */
export const addKey = (name: string, scopes: string[]) => ask<Key & { token: string }>("POST", "/v1/api_keys", { name, scopes });
export const revokeKey = (id: string) => ask<unknown>("DELETE", at("api_keys", id));
