//! The addresses of a bot's registration: which event is sent where.

use crate::emulator::refusal::Refusal;
use crate::emulator::world::World;
use crate::emulator::world::access::Owner;

/// Maximum length of an address.
const URL_CHARS_MAX: usize = 255;

/// Parameter, event, and name in an error. The first three are mandatory.
const EVENTS: [(&str, &str, &str); 5] = [
    ("EVENT_MESSAGE_ADD", "ONIMBOTMESSAGEADD", "Message add"),
    (
        "EVENT_WELCOME_MESSAGE",
        "ONIMBOTJOINCHAT",
        "Welcome message",
    ),
    ("EVENT_BOT_DELETE", "ONIMBOTDELETE", "Bot delete"),
    (
        "EVENT_MESSAGE_UPDATE",
        "ONIMBOTMESSAGEUPDATE",
        "Message update",
    ),
    (
        "EVENT_MESSAGE_DELETE",
        "ONIMBOTMESSAGEDELETE",
        "Message delete",
    ),
];

/// How many of them are mandatory, and how many a plain bot can set.
const MANDATORY: usize = 3;

/// An address for each event, in the order of the table; `None` if not given.
pub(super) struct Handlers([Option<String>; EVENTS.len()]);

impl Handlers {
    /// Reads the `EVENT_*` parameters; `EVENT_HANDLER` is the default for all of them.
    pub(super) fn read(
        owner: &Owner,
        param: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Refusal> {
        let common = param("EVENT_HANDLER").filter(|url| !url.is_empty());
        let mut urls = [const { None }; EVENTS.len()];
        for (url, (name, _, title)) in urls.iter_mut().zip(EVENTS) {
            let given = param(name)
                .filter(|url| !url.is_empty())
                .or_else(|| common.clone());
            *url = given
                .map(|given| address(owner, &given).ok_or_else(|| missing(name, title)))
                .transpose()?;
        }
        Ok(Handlers(urls))
    }

    /// Checks the mandatory ones, and removes the others unless the bot may have them: a plain bot
    /// gets its edits and deletions through `imbot.update` only.
    pub(super) fn for_registration(mut self, hears_changes: bool) -> Result<Self, Refusal> {
        for (url, (name, _, title)) in self.0.iter().zip(EVENTS).take(MANDATORY) {
            url.as_ref().ok_or_else(|| missing(name, title))?;
        }
        if !hears_changes {
            self.0[MANDATORY..].fill(None);
        }
        Ok(self)
    }
}

fn missing(name: &str, title: &str) -> Refusal {
    Refusal::new(
        &format!("{name}_ERROR"),
        format!("Handler for \"{title}\" event isn't specified"),
    )
}

/// Replaces the application's addresses.
pub(super) fn bind(world: &mut World, owner: &Owner, handlers: &Handlers) {
    for (url, (_, event, _)) in handlers.0.iter().zip(EVENTS) {
        if let Some(url) = url {
            world.resubscribe(owner, event, url);
        }
    }
}

/// Returns an address the portal accepts. For a webhook's bot, `CLIENT_ID` is appended, so that the
/// handler can recognise it.
pub(super) fn address(owner: &Owner, url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let fits =
        ["http", "https"].contains(&scheme) && !rest.is_empty() && url.len() <= URL_CHARS_MAX;
    let joint = if url.contains('?') { '&' } else { '?' };
    fits.then(|| match owner {
        Owner::App(_) => url.to_owned(),
        Owner::Webhook(client_id) => format!("{url}{joint}CLIENT_ID={client_id}"),
    })
}

#[cfg(test)]
mod tests {
    use crate::emulator::rest::handlers::*;

    fn read(pairs: &[(&str, &str)], hears_changes: bool) -> Result<Vec<bool>, String> {
        let param = |name: &str| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, url)| (*url).to_owned())
        };
        let handlers = Handlers::read(&Owner::App("a".to_owned()), param);
        let handlers = handlers.and_then(|handlers| handlers.for_registration(hears_changes));
        handlers
            .map(|handlers| handlers.0.iter().map(Option::is_some).collect())
            .map_err(|e| e.code().to_owned())
    }

    #[test]
    fn one_handler_is_used_for_all_events_but_plain_bots_get_no_changes() {
        let all = [("EVENT_HANDLER", "http://127.0.0.1/")];
        assert_eq!(read(&all, true), Ok(vec![true; 5]));
        assert_eq!(read(&all, false), Ok(vec![true, true, true, false, false]));
    }

    #[test]
    fn a_missing_or_odd_address_is_refused_by_name() {
        assert_eq!(read(&[], true), Err("EVENT_MESSAGE_ADD_ERROR".to_owned()));
        let odd = [
            ("EVENT_HANDLER", "http://a.b/"),
            ("EVENT_BOT_DELETE", "ftp://a.b/"),
        ];
        assert_eq!(read(&odd, true), Err("EVENT_BOT_DELETE_ERROR".to_owned()));
    }

    #[test]
    fn the_handler_of_a_webhook_bot_gets_the_client_id() {
        let owner = Owner::Webhook("xyz".to_owned());
        assert_eq!(
            address(&owner, "http://a.b/").as_deref(),
            Some("http://a.b/?CLIENT_ID=xyz")
        );
        assert_eq!(
            address(&owner, "http://a.b/?x=1").as_deref(),
            Some("http://a.b/?x=1&CLIENT_ID=xyz")
        );
    }
}
