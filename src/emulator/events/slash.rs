//! Finds slash commands in a text.
//!
//! Every line that *begins* with `/` is a command; with a mention before it, it is an ordinary
//! line. The name ends at the first space, the rest of the line is the parameters, and letter case
//! matters.

/// Commands handled by the chat itself; a text with one of them is sent to no bot.
const BUILT_IN: [&str; 6] = ["me", "loud", ">>", "rename", "getDialogId", "webrtcDebug"];

/// A line with the form of a command, known to a bot or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slash {
    /// The name, without the slash.
    pub(crate) name: String,
    pub(crate) params: String,
}

/// Returns all lines of a text that begin with a slash.
pub(crate) fn slashes(text: &str) -> Vec<Slash> {
    text.lines()
        .filter_map(|line| line.strip_prefix('/'))
        .map(slash)
        .filter(|slash| !slash.name.is_empty())
        .collect()
}

/// Splits a command, without its slash, from its parameters.
fn slash(line: &str) -> Slash {
    let (name, params) = line.split_once(' ').unwrap_or((line, ""));
    Slash {
        name: name.to_owned(),
        params: params.trim().to_owned(),
    }
}

impl Slash {
    /// Whether the chat itself handles it.
    pub(crate) fn is_built_in(&self) -> bool {
        BUILT_IN.contains(&self.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use crate::emulator::events::slash::*;

    #[test]
    fn a_command_is_a_line_that_begins_with_a_slash() {
        let cases: [(&str, &[(&str, &str)]); 7] = [
            ("/echo test", &[("echo", "test")]),
            ("/help", &[("help", "")]),
            ("first\n/help me  \n/Help", &[("help", "me"), ("Help", "")]),
            ("[USER=5]Bot[/USER] /help", &[]),
            (" /help", &[]),
            ("/ help", &[]),
            ("1/2", &[]),
        ];
        for (text, expected) in cases {
            let found = slashes(text);
            let found: Vec<_> = found
                .iter()
                .map(|slash| (slash.name.as_str(), slash.params.as_str()))
                .collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn built_in_commands_are_handled_by_the_chat() {
        assert!(slashes("/me waves")[0].is_built_in());
        assert!(!slashes("/mee")[0].is_built_in());
    }
}
