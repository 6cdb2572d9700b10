/** How do the platform's call hours become a form, and a form the platform's call hours? */
import type { CallHours } from "../sandbox.ts";

export const DAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"] as const;

/** An opening on a weekday, or on a date. */
export interface Span {
  name: string;
  /** `HH:MM` */
  from: string;
  to: string;
}

export interface Schedule {
  on: boolean;
  zone: string;
  week: Span[];
  holidays: Span[];
}

const clock = (hhmm: string) => `${hhmm.slice(0, 2)}:${hhmm.slice(2)}`;
const hhmm = (clock: string) => clock.replace(":", "");

/** Without hours yet: office hours, off. */
export function fromHours(hours: CallHours | undefined): Schedule {
  const office = DAYS.slice(0, 5).map((name): Span => ({ name, from: "09:00", to: "18:00" }));
  return {
    on: hours?.status === "ENABLED",
    zone: hours?.timezone_id || "America/Sao_Paulo",
    week:
      hours?.weekly_operating_hours.map((each) => ({
        name: each.day_of_week,
        from: clock(each.open_time),
        to: clock(each.close_time),
      })) ?? office,
    holidays: (hours?.holiday_schedule ?? []).map((each) => ({
      name: each.date,
      from: clock(each.start_time),
      to: clock(each.end_time),
    })),
  };
}

export function toHours(schedule: Schedule): CallHours {
  const place = (span: Span) => DAYS.findIndex((day) => day === span.name);
  return {
    status: schedule.on ? "ENABLED" : "DISABLED",
    timezone_id: schedule.zone.trim(),
    weekly_operating_hours: schedule.week
      .toSorted((one, other) => place(one) - place(other))
      .map((span) => ({ day_of_week: span.name, open_time: hhmm(span.from), close_time: hhmm(span.to) })),
    holiday_schedule: schedule.holidays.map((span) => ({
      date: span.name,
      start_time: hhmm(span.from),
      end_time: hhmm(span.to),
    })),
  };
}
