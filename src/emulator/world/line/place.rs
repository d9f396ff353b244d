//! Where a client is to be found: `connector|line|chat|user`, the `entity_id` of a line's chat.

/// The four parts; chat and user as the messenger outside numbers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) connector: String,
    pub(crate) line: u64,
    pub(crate) chat: String,
    /// `0` in a chat that many write in.
    pub(crate) user: String,
}

impl Place {
    /// Reads the `USER_CODE`, with or without CRM's `imol|` in front.
    pub(crate) fn read(code: &str) -> Option<Self> {
        let mut parts = code.strip_prefix("imol|").unwrap_or(code).splitn(4, '|');
        let mut next = || parts.next().map(str::to_owned);
        Some(Place {
            connector: next()?,
            line: next()?.parse().ok()?,
            chat: next()?,
            user: next()?,
        })
    }

    pub(crate) fn code(&self) -> String {
        let Place {
            connector,
            line,
            chat,
            user,
        } = self;
        format!("{connector}|{line}|{chat}|{user}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_four_parts() {
        let place = Place::read("imol|livechat|22|1761|587").expect("a place");
        assert_eq!((place.line, place.user.as_str()), (22, "587"));
        assert_eq!(place.code(), "livechat|22|1761|587");
        for odd in ["", "livechat|22|1761", "livechat|x|1|2"] {
            assert_eq!(Place::read(odd), None, "{odd}");
        }
    }
}
