/** A number's calling settings, as the gateway reads and changes them at the platform. */
import type { Finding } from "../../../ui/src/wire.ts";
import { ask } from "../api.ts";

export type Switch = "ENABLED" | "DISABLED" | "NOT_SET";
export type IconVisibility = "DEFAULT" | "DISABLE_ALL" | "NOT_SET";

export interface OpeningHours {
  day_of_week: string;
  /** `HHMM` */
  open_time: string;
  close_time: string;
}

export interface Holiday {
  /** `YYYY-MM-DD` */
  date: string;
  start_time: string;
  end_time: string;
}

export interface CallHours {
  status: Switch;
  timezone_id: string;
  weekly_operating_hours: OpeningHours[];
  holiday_schedule?: Holiday[];
}

export interface Calling {
  status?: Switch;
  call_icon_visibility?: IconVisibility;
  call_icons?: { restrict_to_user_countries?: string[] };
  call_hours?: CallHours;
  callback_permission_status?: Switch;
  restrictions?: { restrictions_list: { type: string; reason?: string; expiration?: number }[] };
}

export interface NumberSettings {
  phone_number_id: string;
  calling: Calling;
}

const settingsPath = (id: string) => `/v1/numbers/${encodeURIComponent(id)}/settings`;

export const settings = (id: string) => ask<NumberSettings>("GET", settingsPath(id));
/** What is not named stays; the answer is what holds then. */
export const change = (id: string, calling: Calling) => ask<NumberSettings>("PATCH", settingsPath(id), { calling });

/** What the doctor found. */
export interface Report {
  checked_at: string;
  findings: Finding[];
}

export const examine = () => ask<Report>("GET", "/v1/doctor");
