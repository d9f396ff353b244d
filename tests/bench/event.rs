//! The message event that the benchmarks post, with a different id and chat each time.

/// A portal's id and token, as in the fixtures.
pub(crate) const MEMBER: &str = "bac1cd5c8940947a75e0d71b1a84e348";
pub(crate) const TOKEN: &str = "831c76b092f9f135d9b6b36c3a720757";

/// A message event, split at its portal, its chat and its id.
#[derive(Clone)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone)]
enum Piece {
    Text(String),
    Portal,
    Dialog,
    Number,
}

impl Template {
    /// The documentation's message event as a bot of an inbound webhook receives it, without the
    /// bot's own tokens: 2 KB.
    pub(crate) fn short() -> Template {
        let body = include_str!("../fixtures/events/v1-message-add-private.form");
        let is_token = |pair: &str| pair.starts_with("data%5BBOT") && !pair.contains("BOT_");
        Template::of(body.split('&').filter(|pair| !is_token(pair)))
    }

    /// The longest message event in the documentation: a mention in a group, with the bot's own
    /// tokens twice.
    pub(crate) fn long() -> Template {
        let body = include_str!("../fixtures/events/v1-message-add-group-mention.form");
        Template::of(body.split('&'))
    }

    fn of<'p>(pairs: impl Iterator<Item = &'p str>) -> Template {
        let mut pieces = Vec::new();
        let mut text = String::new();
        for pair in pairs {
            if !text.is_empty() || !pieces.is_empty() {
                text.push('&');
            }
            let (key, value) = pair.split_once('=').unwrap();
            text.push_str(key);
            text.push('=');
            let varies = match key {
                "data%5BPARAMS%5D%5BDIALOG_ID%5D" => Piece::Dialog,
                "data%5BPARAMS%5D%5BMESSAGE_ID%5D" => Piece::Number,
                "auth%5Bmember_id%5D" => Piece::Portal,
                _ => {
                    text.push_str(match key {
                        "auth%5Bapplication_token%5D" => TOKEN,
                        _ => value,
                    });
                    continue;
                }
            };
            pieces.extend([Piece::Text(std::mem::take(&mut text)), varies]);
        }
        pieces.push(Piece::Text(text));
        Template(pieces)
    }

    /// The event under another name.
    pub(crate) fn named(mut self, name: &str) -> Template {
        let Some(Piece::Text(text)) = self.0.first_mut() else {
            unreachable!("an event begins with its name")
        };
        *text = text.replacen("ONIMBOTMESSAGEADD", name, 1);
        self
    }

    /// The body of one event.
    pub(crate) fn body(&self, dialog: &str, number: u64) -> String {
        self.body_of(MEMBER, dialog, number)
    }

    /// The body of one event of another portal.
    pub(crate) fn body_of(&self, portal: &str, dialog: &str, number: u64) -> String {
        let mut body = String::with_capacity(8_192);
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => body.push_str(text),
                Piece::Portal => body.push_str(portal),
                Piece::Dialog => body.push_str(dialog),
                Piece::Number => body.push_str(&number.to_string()),
            }
        }
        body
    }
}
