//! The sixteen colours of chats and bots, as REST names them and the page paints them.

/// Name and hexadecimal value, in the order and with the values of page
/// `b24restdocs: api-reference/chat-bots/chat-bots-v2/imbot.v2/chats/chat-add.md` of v2.
const COLORS: [(&str, &str); 16] = [
    ("RED", "#df532d"),
    ("GREEN", "#64a513"),
    ("MINT", "#4ba984"),
    ("LIGHT_BLUE", "#4ba5c3"),
    ("DARK_BLUE", "#3e99ce"),
    ("PURPLE", "#8474c8"),
    ("AQUA", "#1eb4aa"),
    ("PINK", "#f76187"),
    ("LIME", "#58cc47"),
    ("BROWN", "#ab7761"),
    ("AZURE", "#29619b"),
    ("KHAKI", "#728f7a"),
    ("SAND", "#ba9c7b"),
    ("MARENGO", "#556574"),
    ("GRAY", "#909090"),
    ("GRAPHITE", "#5e5f5e"),
];

/// Returns the colour with this name.
pub(crate) fn named(name: &str) -> Option<&'static str> {
    COLORS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(known, _)| *known)
}

/// Returns the default colour of a new chat or bot.
pub(crate) fn of_id(id: u64) -> &'static str {
    COLORS[usize::try_from(id).unwrap_or(0) % COLORS.len()].0
}

/// Returns the colour with the name of v2, such as `lightBlue` for `LIGHT_BLUE` of v1.
pub(crate) fn camel(name: &str) -> Option<&'static str> {
    let same = |upper: &str| {
        let plain = upper.replace('_', "");
        name.starts_with(|first: char| first.is_ascii_lowercase())
            && plain.eq_ignore_ascii_case(name)
    };
    COLORS
        .iter()
        .find(|(known, _)| same(known))
        .map(|(known, _)| *known)
}

/// Returns the hexadecimal value for the page.
pub(crate) fn hex(name: &str) -> &'static str {
    COLORS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or("#909090", |(_, hex)| hex)
}
