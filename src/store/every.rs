//! When a repeating reminder is due.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{self, Date};
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::{Deserialize, Serialize};

use super::Time;

/// The shortest interval of a repeating reminder.
pub const REMINDER_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// Maximum number of days between two days of a schedule: from the first of a month to the last of
/// the next.
const DAYS_MAX: usize = 62;

/// How often a reminder comes, for [`Context::remind`](crate::Context::remind): in intervals, or at
/// a time of certain days in a time zone.
///
/// ```
/// use std::time::Duration;
///
/// use imbot::prelude::*;
/// use imbot::store::Weekday;
///
/// # fn example(cx: &mut Context) -> Result {
/// cx.remind(Every::day_at(9, 0, "Europe/Berlin"), "Good morning")?;
/// cx.remind(Every::week_at(Weekday::MONDAY_TO_FRIDAY, 17, 30, "Asia/Almaty"), "Go home")?;
/// cx.remind(Every::month_at(31, 12, 0, "America/Sao_Paulo"), "The month ends")?;
/// cx.remind(Every::interval(Duration::from_secs(600)), "Ten minutes have passed")?;
/// # Ok(()) }
/// ```
///
/// A time zone has a name of the IANA database. Its rules are read from the system, or if that has
/// none, from a copy in the program. A time that a day does not have, because clocks are set
/// forward, is taken as the moment when they are: 02:30 as 03:00. A time that a day has twice is
/// taken as the first one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Every(Rule);

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rule {
    /// In milliseconds.
    Interval(u64),
    Day(LocalTime),
    Week {
        days: Vec<Weekday>,
        at: LocalTime,
    },
    Month {
        day: u8,
        at: LocalTime,
    },
}

/// A time of a day in a time zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct LocalTime {
    hour: u8,
    minute: u8,
    zone: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Why a schedule has no next time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEvery {
    /// There is no such time zone.
    #[error("`{0}` is no time zone: it needs a name of the IANA database, such as `Europe/Berlin`")]
    Zone(String),
    /// There is no such time of a day.
    #[error("{hour}:{minute:02} is no time of a day")]
    Time {
        /// The hour.
        hour: u8,
        /// The minute.
        minute: u8,
    },
    /// No month has such a day.
    #[error("no month has a day {0}")]
    Day(u8),
    /// No weekday is given.
    #[error("a reminder that repeats weekly needs a weekday")]
    NoWeekday,
    /// The interval is too short.
    #[error("an interval of {0:?} is shorter than {REMINDER_INTERVAL_MIN:?}")]
    Interval(Duration),
    /// The next time is beyond what the calendar of this program has.
    #[error("the calendar of this program has ended")]
    End,
}

impl Every {
    /// Repeats in intervals of this length, of at least a second ([`REMINDER_INTERVAL_MIN`]). The
    /// first time is an interval from now.
    pub fn interval(interval: Duration) -> Self {
        let millis = interval.as_millis().try_into();
        Self(Rule::Interval(millis.unwrap_or(u64::MAX)))
    }

    /// Repeats every day at a time.
    pub fn day_at(hour: u8, minute: u8, zone: impl Into<String>) -> Self {
        Self(Rule::Day(LocalTime::new(hour, minute, zone)))
    }

    /// Repeats every week on these days at a time.
    pub fn week_at(
        days: impl IntoIterator<Item = Weekday>,
        hour: u8,
        minute: u8,
        zone: impl Into<String>,
    ) -> Self {
        Self(Rule::Week {
            days: days.into_iter().collect(),
            at: LocalTime::new(hour, minute, zone),
        })
    }

    /// Repeats every month on this day, from 1 to 31, at a time. In a month that is shorter it is
    /// the last day.
    pub fn month_at(day: u8, hour: u8, minute: u8, zone: impl Into<String>) -> Self {
        Self(Rule::Month {
            day,
            at: LocalTime::new(hour, minute, zone),
        })
    }

    /// Returns the first time after this one.
    ///
    /// # Errors
    /// The schedule names a time zone or a time that does not exist, or the calendar has ended.
    pub fn first_after(&self, time: Time) -> Result<Time, InvalidEvery> {
        self.next(time, time)
    }

    /// Returns the first time after now that follows a time of this schedule. What is between both
    /// is skipped.
    ///
    /// # Errors
    /// As for [`first_after`](Every::first_after).
    pub(crate) fn next(&self, last: Time, now: Time) -> Result<Time, InvalidEvery> {
        let after = now.max(last); // the clock may have been set back
        match &self.0 {
            Rule::Interval(millis) => {
                let interval = Duration::from_millis(*millis);
                if interval < REMINDER_INTERVAL_MIN {
                    return Err(InvalidEvery::Interval(interval));
                }
                let passed = (after.0 - last.0) / millis + 1;
                let next = millis
                    .checked_mul(passed)
                    .and_then(|it| last.0.checked_add(it));
                let next = next.filter(|next| i64::try_from(*next).is_ok());
                next.map(Time).ok_or(InvalidEvery::End)
            }
            Rule::Day(at) => at.next(after, |_| true),
            Rule::Week { days, .. } if days.is_empty() => Err(InvalidEvery::NoWeekday),
            Rule::Week { days, at } => at.next(after, |date| {
                let weekday = date.weekday();
                days.iter().any(|day| day.civil() == weekday)
            }),
            Rule::Month { day, at } => {
                let known = i8::try_from(*day).ok().filter(|day| (1..=31).contains(day));
                let day = known.ok_or(InvalidEvery::Day(*day))?;
                at.next(after, |date| date.day() == day.min(date.days_in_month()))
            }
        }
    }
}

impl LocalTime {
    fn new(hour: u8, minute: u8, zone: impl Into<String>) -> Self {
        Self {
            hour,
            minute,
            zone: zone.into(),
        }
    }

    /// Returns the first time after this one on a day that is selected.
    fn next(&self, after: Time, selects: impl Fn(Date) -> bool) -> Result<Time, InvalidEvery> {
        let invalid = |_| InvalidEvery::Zone(self.zone.clone());
        let zone = TimeZone::get(&self.zone).map_err(invalid)?;
        let ended = |_| InvalidEvery::End;
        let millis = i64::try_from(after.0).map_err(|_| InvalidEvery::End)?;
        let after = Timestamp::from_millisecond(millis).map_err(ended)?;
        let mut date = zone.to_datetime(after).date();
        for _ in 0..=DAYS_MAX {
            if selects(date) {
                let at = self.on(date, &zone)?;
                if at > after {
                    return u64::try_from(at.as_millisecond())
                        .map(Time)
                        .map_err(|_| InvalidEvery::End);
                }
            }
            date = date.tomorrow().map_err(ended)?;
        }
        Err(InvalidEvery::End)
    }

    /// Returns this time on a day. Where clocks are set forward over it, it is the moment when they
    /// are.
    fn on(&self, date: Date, zone: &TimeZone) -> Result<Timestamp, InvalidEvery> {
        let Self { hour, minute, .. } = *self;
        let is_time = hour < 24 && minute < 60;
        if !is_time {
            return Err(InvalidEvery::Time { hour, minute });
        }
        let local = zone.to_ambiguous_timestamp(date.at(hour as i8, minute as i8, 0, 0));
        let at = match local.offset() {
            AmbiguousOffset::Gap { .. } => {
                let before = local.earlier().map_err(|_| InvalidEvery::End)?;
                let change = zone.following(before).next();
                return change
                    .map(|change| change.timestamp())
                    .ok_or(InvalidEvery::End);
            }
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => local.earlier(),
        };
        at.map_err(|_| InvalidEvery::End)
    }
}

impl Weekday {
    /// The days from Monday to Friday.
    pub const MONDAY_TO_FRIDAY: [Self; 5] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
    ];

    fn civil(self) -> civil::Weekday {
        match self {
            Self::Monday => civil::Weekday::Monday,
            Self::Tuesday => civil::Weekday::Tuesday,
            Self::Wednesday => civil::Weekday::Wednesday,
            Self::Thursday => civil::Weekday::Thursday,
            Self::Friday => civil::Weekday::Friday,
            Self::Saturday => civil::Weekday::Saturday,
            Self::Sunday => civil::Weekday::Sunday,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::store::every::*;

    const BERLIN: &str = "Europe/Berlin";

    fn time(text: &str) -> Time {
        let at: Timestamp = text.parse().unwrap();
        Time(at.as_millisecond() as u64)
    }

    /// Returns this many times of a schedule after a time, in its zone.
    fn times(every: &Every, after: &str, zone: &str, count: usize) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        let mut last = time(after);
        let next = |_| {
            last = every.first_after(last).unwrap();
            let at = Timestamp::from_millisecond(last.0 as i64).unwrap();
            zone.to_datetime(at).strftime("%a %d.%m. %H:%M").to_string()
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn a_day_has_its_time_also_when_clocks_are_set_forward_or_back() {
        let morning = Every::day_at(9, 0, BERLIN);
        assert_eq!(
            times(&morning, "2026-03-28T07:59:00Z", BERLIN, 3),
            ["Sat 28.03. 09:00", "Sun 29.03. 09:00", "Mon 30.03. 09:00"]
        );
        let night = Every::day_at(2, 30, BERLIN);
        assert_eq!(
            times(&night, "2026-03-28T00:00:00Z", BERLIN, 3),
            ["Sat 28.03. 02:30", "Sun 29.03. 03:00", "Mon 30.03. 02:30"],
            "02:30 does not exist on the 29th"
        );
        assert_eq!(
            times(&night, "2026-10-24T00:00:00Z", BERLIN, 3),
            ["Sat 24.10. 02:30", "Sun 25.10. 02:30", "Mon 26.10. 02:30"],
            "02:30 exists twice on the 25th"
        );
        let at_change = Every::day_at(2, 0, BERLIN);
        assert_eq!(
            times(&at_change, "2026-03-28T12:00:00Z", BERLIN, 2),
            ["Sun 29.03. 03:00", "Mon 30.03. 02:00"]
        );
        let midnight = Every::day_at(0, 30, "America/Sao_Paulo");
        assert_eq!(
            times(&midnight, "2018-11-03T12:00:00Z", "America/Sao_Paulo", 2),
            ["Sun 04.11. 01:00", "Mon 05.11. 00:30"],
            "the day begins at 01:00"
        );
        let skipped = Every::day_at(9, 0, "Pacific/Apia");
        assert_eq!(
            times(&skipped, "2011-12-29T12:00:00Z", "Pacific/Apia", 4),
            [
                "Thu 29.12. 09:00",
                "Sat 31.12. 00:00",
                "Sat 31.12. 09:00",
                "Sun 01.01. 09:00"
            ],
            "the 30th does not exist"
        );
    }

    #[test]
    fn weeks_and_months_have_their_days() {
        let work = Every::week_at(Weekday::MONDAY_TO_FRIDAY, 17, 30, BERLIN);
        assert_eq!(
            times(&work, "2026-11-26T17:00:00Z", BERLIN, 3),
            ["Fri 27.11. 17:30", "Mon 30.11. 17:30", "Tue 01.12. 17:30"]
        );
        let sunday = Every::week_at([Weekday::Sunday], 0, 0, BERLIN);
        assert_eq!(
            times(&sunday, "2026-11-29T12:00:00Z", BERLIN, 2),
            ["Sun 06.12. 00:00", "Sun 13.12. 00:00"]
        );
        let last = Every::month_at(31, 12, 0, BERLIN);
        assert_eq!(
            times(&last, "2028-01-31T12:00:00Z", BERLIN, 4),
            [
                "Tue 29.02. 12:00",
                "Fri 31.03. 12:00",
                "Sun 30.04. 12:00",
                "Wed 31.05. 12:00"
            ]
        );
        let first = Every::month_at(1, 12, 0, BERLIN);
        assert_eq!(
            times(&first, "2026-12-01T11:00:00Z", BERLIN, 1),
            ["Fri 01.01. 12:00"]
        );
    }

    #[test]
    fn an_interval_keeps_its_grid_and_what_was_missed_is_skipped() {
        let every = Every::interval(Duration::from_secs(10));
        let (last, at) = (Time(5_000), |seconds: u64| Time(seconds * 1_000));
        assert_eq!(every.next(last, at(5)).unwrap(), at(15));
        assert_eq!(every.next(last, at(14)).unwrap(), at(15));
        assert_eq!(every.next(last, at(15)).unwrap(), at(25));
        assert_eq!(every.next(last, at(47)).unwrap(), at(55));
        assert_eq!(
            every.next(last, at(1)).unwrap(),
            at(15),
            "the clock is set back"
        );
        let daily = Every::day_at(9, 0, "UTC");
        let nine = time("2026-03-02T09:00:00Z");
        let tomorrow = time("2026-03-03T09:00:00Z");
        let before = nine.before(Duration::from_secs(60));
        assert_eq!(
            daily.next(nine, before).unwrap(),
            tomorrow,
            "the clock is set back"
        );
        let later = time("2026-03-09T10:00:00Z");
        assert_eq!(
            daily.next(nine, later).unwrap(),
            time("2026-03-10T09:00:00Z")
        );
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        let first = |every: Every| every.first_after(Time(0)).unwrap_err();
        let zone = first(Every::day_at(9, 0, "Europe/Bielefeld"));
        assert_eq!(zone, InvalidEvery::Zone("Europe/Bielefeld".to_owned()));
        for (hour, minute) in [(24, 0), (0, 60), (255, 255)] {
            let time = first(Every::day_at(hour, minute, BERLIN));
            assert_eq!(time, InvalidEvery::Time { hour, minute });
        }
        for day in [0, 32, 200] {
            let error = first(Every::month_at(day, 9, 0, BERLIN));
            assert_eq!(error, InvalidEvery::Day(day));
        }
        let none = first(Every::week_at([], 9, 0, BERLIN));
        assert_eq!(none, InvalidEvery::NoWeekday);
        let short = Duration::from_millis(999);
        assert_eq!(first(Every::interval(short)), InvalidEvery::Interval(short));
        assert_eq!(first(Every::interval(Duration::MAX)), InvalidEvery::End);
        let ended = Every::day_at(9, 0, BERLIN).first_after(Time(u64::MAX));
        assert_eq!(ended, Err(InvalidEvery::End));
    }

    #[test]
    fn a_schedule_is_stored_as_short_json() {
        let json = |every: &Every| serde_json::to_string(every).unwrap();
        let day = Every::day_at(9, 5, BERLIN);
        assert_eq!(
            json(&day),
            r#"{"day":{"hour":9,"minute":5,"zone":"Europe/Berlin"}}"#
        );
        let week = Every::week_at([Weekday::Monday], 0, 0, "UTC");
        let month = Every::month_at(31, 0, 0, "UTC");
        for every in [day, week, month, Every::interval(REMINDER_INTERVAL_MIN)] {
            let read: Every = serde_json::from_str(&json(&every)).unwrap();
            assert_eq!(read, every);
        }
    }
}
