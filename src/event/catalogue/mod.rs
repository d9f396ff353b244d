//! The events of a portal: their names, what each is about, and who can get it.
//!
//! From the documentation's event pages and the mission's list. A name that is not here is an event all the same:
//! portals grow new ones.

mod table;

use std::borrow::Cow;

use table::EVENTS;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Category {
    /// The application's own life: installed, updated, paid, removed.
    Application,
    /// Bookings and their resources.
    Booking,
    /// The bot platform, both versions.
    Bots,
    /// The calendar.
    Calendar,
    /// The product catalogue.
    Catalog,
    /// Connectors of open channels.
    Connectors,
    /// CRM: leads, deals, contacts, companies, smart processes, activities, the timeline, measurement units, ….
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
    /// Something that this catalogue does not know.
    Unknown,
}

/// A documented event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The name, upper case, as portals send it.
    pub name: &'static str,
    /// What it is about.
    pub category: Category,
    /// Whether an outgoing webhook, made in the portal's interface, can send it; nothing where the documentation does not
    /// say. An application can have every event of its scopes.
    pub by_webhook: Option<bool>,
    /// What has happened.
    pub about: &'static str,
}

impl Category {
    /// The scope that an application needs for events about this; empty where it is unknown.
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

/// The name of an event: upper case, as portals send it.
pub(super) fn name(text: &str) -> (Cow<'static, str>, Category) {
    let upper = upper(text);
    match find(&upper) {
        Some(known) => (Cow::Borrowed(known.name), known.category),
        None => {
            let category = suffixed(&upper).map_or(Category::Unknown, |known| known.category);
            (Cow::Owned(upper.into_owned()), category)
        }
    }
}

/// What the documentation says of the event of this name; letter case does not matter.
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

/// What the event of this name is about; letter case does not matter.
pub fn category(text: &str) -> Category {
    name(text).1
}

/// All documented events, in alphabetical order.
pub fn entries() -> &'static [Entry] {
    EVENTS
}

/// All documented names with what they are about, in alphabetical order.
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

/// Events of a smart process end in its type, such as `ONCRMDYNAMICITEMADD_147`.
fn suffixed(upper: &str) -> Option<&'static Entry> {
    let (stem, kind) = upper.rsplit_once('_')?;
    let is_number = !kind.is_empty() && kind.bytes().all(|digit| digit.is_ascii_digit());
    find(stem).filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use crate::event::catalogue::*;

    #[test]
    fn the_catalogue_is_sorted_so_that_it_can_be_searched() {
        assert!(EVENTS.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn names_are_known_in_any_case_and_with_a_type_at_the_end() {
        assert_eq!(category("onCrmDealAdd"), Category::Crm);
        assert_eq!(category("ONCRMDYNAMICITEMADD_147"), Category::Crm);
        assert_eq!(category("ONCRMDEALADD_NEWLY"), Category::Unknown);
        assert_eq!(category("ONSOMETHINGNEW"), Category::Unknown);
    }
}
