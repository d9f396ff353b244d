//! The documented events of a portal: their names, their subjects, and who can receive them.
//!
//! From the documentation's event pages. Events that are not listed are accepted as well, since
//! portals get new ones.

mod table;

use std::borrow::Cow;

use table::EVENTS;

/// The subject of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Category {
    /// The application itself: installed, updated, paid, removed.
    Application,
    /// Bookings and their resources.
    Booking,
    /// The bot platform, v1 and v2.
    Bots,
    /// The calendar.
    Calendar,
    /// The product catalogue.
    Catalog,
    /// Connectors of open channels.
    Connectors,
    /// CRM: leads, deals, contacts, companies, smart processes, activities, the timeline, units of
    /// measure, ….
    Crm,
    /// The messenger, as a user polls it.
    Messenger,
    /// The news feed.
    NewsFeed,
    /// Open channels and their sessions.
    OpenChannels,
    /// The online store.
    Sale,
    /// Electronic signatures.
    Sign,
    /// Tasks and their comments.
    Tasks,
    /// Telephony.
    Telephony,
    /// The portal's users.
    Users,
    /// Workgroups.
    Workgroups,
    /// A subject that this catalogue does not know.
    Unknown,
}

/// A documented event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The name in upper case, as portals send it.
    pub name: &'static str,
    /// The subject.
    pub category: Category,
    /// Whether an outgoing webhook, created in the portal's interface, can send it; `None` if the
    /// documentation does not say. An application can receive every event of its scopes.
    pub by_webhook: Option<bool>,
    /// What happened.
    pub about: &'static str,
}

impl Category {
    /// Returns the scope that an application needs for events of this subject; empty if unknown.
    pub fn scope(self) -> &'static str {
        match self {
            Category::Application => "basic",
            Category::Booking => "booking",
            Category::Bots => "imbot",
            Category::Calendar => "calendar",
            Category::Catalog => "catalog",
            Category::Connectors => "imconnector",
            Category::Crm => "crm",
            Category::Messenger => "im",
            Category::NewsFeed => "log",
            Category::OpenChannels => "imopenlines",
            Category::Sale => "sale",
            Category::Sign => "sign.b2e",
            Category::Tasks => "task",
            Category::Telephony => "telephony",
            Category::Users => "user",
            Category::Workgroups => "sonet",
            Category::Unknown => "",
        }
    }
}

/// Returns an event's name in upper case, as portals send it, and its subject.
pub(super) fn name(text: &str) -> (Cow<'static, str>, Category) {
    let upper = upper(text);
    match find(&upper) {
        Some(known) => (Cow::Borrowed(known.name), known.category),
        None => {
            let other = if upper.starts_with("ONAPPSETTINGS") {
                Category::Application // described outside the pages of events
            } else {
                Category::Unknown
            };
            let category = suffixed(&upper).map_or(other, |known| known.category);
            (Cow::Owned(upper.into_owned()), category)
        }
    }
}

/// Returns the documented event of this name, in upper or lower case.
///
/// ```
/// use imbot::event::catalogue;
///
/// let deal = catalogue::entry("onCrmDealAdd").unwrap();
/// assert_eq!((deal.by_webhook, deal.about), (Some(true), "deal created"));
/// ```
pub fn entry(text: &str) -> Option<&'static Entry> {
    let upper = upper(text);
    find(&upper).or_else(|| suffixed(&upper))
}

/// Returns the subject of the event of this name, in upper or lower case.
pub fn category(text: &str) -> Category {
    name(text).1
}

/// All documented events, in alphabetical order.
pub fn entries() -> &'static [Entry] {
    EVENTS
}

/// All documented names with their subjects, in alphabetical order.
pub fn names() -> impl Iterator<Item = (&'static str, Category)> {
    EVENTS.iter().map(|entry| (entry.name, entry.category))
}

fn upper(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        Cow::Owned(text.to_ascii_uppercase())
    } else {
        Cow::Borrowed(text)
    }
}

fn find(upper: &str) -> Option<&'static Entry> {
    let at = EVENTS.binary_search_by_key(&upper, |entry| entry.name);
    at.ok().map(|at| &EVENTS[at])
}

/// Events of a smart process have its type at the end, such as `ONCRMDYNAMICITEMADD_147`.
fn suffixed(upper: &str) -> Option<&'static Entry> {
    let (stem, kind) = upper.rsplit_once('_')?;
    let is_number = !kind.is_empty() && kind.bytes().all(|digit| digit.is_ascii_digit());
    find(stem).filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use crate::event::catalogue::*;

    #[test]
    fn the_catalogue_is_sorted_for_binary_search() {
        assert!(EVENTS.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn names_are_found_in_any_case_and_with_a_type_at_the_end() {
        assert_eq!(category("onCrmDealAdd"), Category::Crm);
        assert_eq!(category("ONCRMDYNAMICITEMADD_147"), Category::Crm);
        assert_eq!(category("ONCRMDEALADD_NEWLY"), Category::Unknown);
        assert_eq!(category("ONSOMETHINGNEW"), Category::Unknown);
    }
}
