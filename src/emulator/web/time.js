// Dates and times as words, in the reader's own language and time zone.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const exact = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hour12: false });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" });
const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

export const time = (at) => clock.format(at);
export const exactTime = (at) => exact.format(at);
export const fullTime = (at) => full.format(at);

/// Returns a key that is the same for all times of one day.
export function dayKey(at) {
  const date = new Date(at);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/// "Today", "Yesterday", or the day's name.
export function dayName(at) {
  const now = Date.now();
  if (dayKey(at) === dayKey(now)) return "Today";
  if (dayKey(at) === dayKey(now - 86_400_000)) return "Yesterday";
  return longDay.format(at);
}

/// Returns the time for today's messages and the day for older ones, for lists.
export function when(at) {
  return dayKey(at) === dayKey(Date.now()) ? clock.format(at) : shortDay.format(at);
}

// The formats the portal's `[timestamp]` knows by name; any other shows the date and the time.
const FORMATS = {
  SHORT_TIME_FORMAT: { timeStyle: "short" },
  LONG_TIME_FORMAT: { timeStyle: "medium" },
  SHORT_DATE_FORMAT: { dateStyle: "short" },
  MEDIUM_DATE_FORMAT: { dateStyle: "medium" },
  LONG_DATE_FORMAT: { dateStyle: "long" },
  FULL_DATE_FORMAT: { dateStyle: "full" },
  DAY_MONTH_FORMAT: { day: "numeric", month: "long" },
  DAY_SHORT_MONTH_FORMAT: { day: "numeric", month: "short" },
  DAY_OF_WEEK_MONTH_FORMAT: { weekday: "long", day: "numeric", month: "long" },
};

export function stamp(date, format) {
  const options = FORMATS[String(format ?? "").toUpperCase()] ?? { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(undefined, options).format(date);
}
