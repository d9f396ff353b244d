//! Users: people, bots, and clients outside.

use std::collections::BTreeMap;

use super::bot::Bot;

/// A user: a person, or a bot if `bot` is set.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) position: String,
    /// `M` or `F`.
    pub(crate) gender: String,
    /// One of the sixteen colour names.
    pub(crate) color: String,
    pub(crate) bot: Option<Bot>,
    /// Set for a client who writes through a connector.
    pub(crate) guest: Option<Guest>,
    /// Whether the user is an administrator.
    pub(crate) is_admin: bool,
    /// Whether the user was dismissed and cannot log in.
    pub(crate) is_dismissed: bool,
}

/// The client part of a user.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) connector: String,
    /// The id outside.
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) phone: String,
}

impl User {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
            .trim()
            .to_owned()
    }

    /// Whether it is a person of the portal.
    pub(crate) fn is_person(&self) -> bool {
        self.bot.is_none() && self.guest.is_none()
    }

    /// Whether it is an administrator. The first person is one: installs applications and owns the
    /// webhook.
    pub(crate) fn is_admin(&self) -> bool {
        self.is_admin
    }
}

/// Returns the people a new portal has; the first is the administrator.
pub(crate) fn people() -> BTreeMap<u64, User> {
    [
        ("Ann", "Meyer", "Sales manager", "F", "RED"),
        ("Boris", "Petrov", "Support engineer", "M", "DARK_BLUE"),
        ("Clara", "Diaz", "Accountant", "F", "PURPLE"),
        ("David", "Kim", "Warehouse lead", "M", "LIME"),
        ("Elif", "Yılmaz", "", "F", "AQUA"),
    ]
    .into_iter()
    .zip(1..)
    .map(|((first_name, last_name, position, gender, color), id)| {
        let user = User {
            id,
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            position: position.to_owned(),
            gender: gender.to_owned(),
            color: color.to_owned(),
            bot: None,
            guest: None,
            is_admin: id == 1,
            is_dismissed: false,
        };
        (id, user)
    })
    .collect()
}
