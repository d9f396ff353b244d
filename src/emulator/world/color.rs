//! The sixteen colours a chat or a bot may have, as REST names them and as the page paints them.

/// Name and hexadecimal value, in the order the documentation lists them.
const COLORS: [(&str, &str); 16] = [
    ("RED", "#df532d"),
    ("GREEN", "#64a513"),
    ("MINT", "#4ba984"),
    ("LIGHT_BLUE", "#4ba5c3"),
    ("DARK_BLUE", "#3e99ce"),
    ("PURPLE", "#8474c8"),
    ("AQUA", "#1eb4aa"),
    ("PINK", "#e58fa5"),
    ("LIME", "#93bd3f"),
    ("BROWN", "#a56300"),
    ("AZURE", "#5ea6d0"),
    ("KHAKI", "#9e8f6a"),
    ("SAND", "#ba9c7b"),
    ("MARENGO", "#5f7d95"),
    ("GRAY", "#8d8d8d"),
    ("GRAPHITE", "#4c4f54"),
];

/// The colour of this name, if there is one.
pub(crate) fn named(name: &str) -> Option<&'static str> {
    COLORS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(known, _)| *known)
}

/// The name of the colour that the portal gives to a new chat or bot that asked for none.
pub(crate) fn of_id(id: u64) -> &'static str {
    COLORS[usize::try_from(id).unwrap_or(0) % COLORS.len()].0
}

/// The name of the colour that version 2 calls `lightBlue` where version 1 says `LIGHT_BLUE`.
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

/// What the page paints.
pub(crate) fn hex(name: &str) -> &'static str {
    COLORS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or("#8d8d8d", |(_, hex)| hex)
}
