//! The working hours of operators: days of the week, times of day, and an offset from UTC.

use imbot::store;
use jiff::civil::{DateTime, Time, Weekday};
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

/// Working hours, with a fixed offset from UTC (no daylight saving time).
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "HoursEntry")]
pub(super) struct Hours {
    days: Vec<Weekday>,
    from: Time,
    to: Time,
    zone: TimeZone,
}

/// The hours as written in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoursEntry {
    days: Vec<String>,
    from: String,
    to: String,
    utc_offset: String,
}

/// The names of the days in the file, from the first day of a week.
const DAYS: [(&str, Weekday); 7] = [
    ("Monday", Weekday::Monday),
    ("Tuesday", Weekday::Tuesday),
    ("Wednesday", Weekday::Wednesday),
    ("Thursday", Weekday::Thursday),
    ("Friday", Weekday::Friday),
    ("Saturday", Weekday::Saturday),
    ("Sunday", Weekday::Sunday),
];

impl TryFrom<HoursEntry> for Hours {
    type Error = String;

    fn try_from(entry: HoursEntry) -> Result<Self, String> {
        let hours = Self {
            days: entry
                .days
                .iter()
                .map(|day| weekday(day))
                .collect::<Result<_, _>>()?,
            from: time(&entry.from)?,
            to: time(&entry.to)?,
            zone: offset(&entry.utc_offset)?,
        };
        if hours.from < hours.to && !hours.days.is_empty() {
            Ok(hours)
        } else {
            Err("hours need at least one day, and `from` must be before `to`".to_owned())
        }
    }
}

impl Hours {
    /// Returns true during working hours.
    pub(super) fn is_open(&self, now: store::Time) -> bool {
        let now = self.local(now);
        let is_day = self.days.contains(&now.weekday());
        is_day && (self.from..self.to).contains(&now.time())
    }

    /// Returns when the next working day starts: the day, counted from Monday, and the time.
    pub(super) fn opens(&self, now: store::Time) -> (usize, String) {
        let now = self.local(now);
        let days = (0..=7).filter_map(|days| now.date().checked_add(days.days()).ok());
        let mut openings = days.map(|day| day.to_datetime(self.from));
        let next = openings.find(|at| self.days.contains(&at.weekday()) && *at > now);
        let weekday = next.unwrap_or(now).weekday(); // there is one within eight days
        let day = weekday.to_monday_zero_offset();
        (
            usize::from(day.unsigned_abs()),
            self.from.strftime("%H:%M").to_string(),
        )
    }

    fn local(&self, now: store::Time) -> DateTime {
        let now = i64::try_from(now.0)
            .ok()
            .and_then(|now| Timestamp::from_millisecond(now).ok());
        self.zone.to_datetime(now.unwrap_or(Timestamp::MAX))
    }
}

fn weekday(name: &str) -> Result<Weekday, String> {
    let found = DAYS.iter().find(|(day, _)| day.eq_ignore_ascii_case(name));
    let (_, day) =
        found.ok_or_else(|| format!("`{name}` is not a day of the week, such as `Monday`"))?;
    Ok(*day)
}

fn time(text: &str) -> Result<Time, String> {
    let time = Time::strptime("%H:%M", text);
    time.map_err(|_| format!("`{text}` is not a time of day, such as `09:00`"))
}

fn offset(text: &str) -> Result<TimeZone, String> {
    let zone = DateTimeParser::new().parse_time_zone(text).ok();
    let zone = zone.filter(|_| text.starts_with(['+', '-']));
    zone.ok_or_else(|| format!("`{text}` is not an offset from UTC, such as `+01:00`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(zone: &str) -> Result<Hours, String> {
        Hours::try_from(HoursEntry {
            days: ["Monday", "friday"].map(str::to_owned).to_vec(),
            from: "09:00".to_owned(),
            to: "18:00".to_owned(),
            utc_offset: zone.to_owned(),
        })
    }

    fn at(time: &str) -> store::Time {
        let time: Timestamp = time.parse().unwrap();
        store::Time(time.as_millisecond().try_into().unwrap())
    }

    #[test]
    fn working_hours_follow_the_offset_from_utc() {
        let check = |zone: &str, now: &str, open: bool, next: (usize, &str)| {
            let hours = hours(zone).unwrap();
            let (day, time) = hours.opens(at(now));
            assert_eq!(
                (hours.is_open(at(now)), (day, time.as_str())),
                (open, next),
                "{now} at {zone}"
            );
        };
        check("+00:00", "2026-11-27T08:59:59Z", false, (4, "09:00")); // a Friday
        check("+00:00", "2026-11-27T09:00:00Z", true, (0, "09:00"));
        check("+00:00", "2026-11-27T17:59:59Z", true, (0, "09:00"));
        check("+00:00", "2026-11-27T18:00:00Z", false, (0, "09:00"));
        check("+01:00", "2026-11-27T08:00:00Z", true, (0, "09:00"));
        check("-05:30", "2026-11-30T14:29:59Z", false, (0, "09:00"));
        check("-05:30", "2026-11-30T14:30:00Z", true, (4, "09:00"));
        check("+03:00", "2026-11-26T22:00:00Z", false, (4, "09:00")); // it is Friday there
    }

    #[test]
    fn an_error_shows_a_valid_value() {
        assert!(hours("Europe/Berlin").unwrap_err().contains("+01:00"));
        assert!(hours("1").unwrap_err().contains("+01:00"));
        assert!(time("25:00").unwrap_err().contains("09:00"));
        assert!(weekday("Someday").unwrap_err().contains("Monday"));
    }
}
