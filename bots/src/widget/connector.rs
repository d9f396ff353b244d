//! The widget as a connector: what operators and bots write is kept for the visitor, and shown to whoever looks.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use imbot::message::plain;
use imbot::prelude::*;

use super::Widget;
use super::talk::{By, Entry, File, State};
use super::talks::Turn;
use super::visitor::ChatKey;

/// How often what is over is forgotten.
const SWEEP_PAUSE: Duration = Duration::from_secs(60 * 60);

impl Connector for Widget {
    fn profile(&self) -> ConnectorProfile {
        ConnectorProfile::new("imbot_widget", "Web widget").color("#2f6fed")
    }

    async fn outbound(&self, _: &Channel, message: OutboundMessage) -> Result<Receipt> {
        let turn = self.turn(&message.chat).await?;
        let key = message.id.to_string();
        if let Some(known) = turn.find(By::Line, &key) {
            return Ok(Receipt::one(known.number));
        }
        let (author, text) = signed(message.bb());
        let mut entry = Entry::new(By::Line, key, text);
        entry.author = author;
        entry.files = files(&message);
        let kept = turn.keep(entry).await?;
        Ok(Receipt::one(kept.number))
    }

    async fn edited(&self, _: &Channel, message: OutboundMessage) -> Result {
        let change = |entry: &mut Entry| {
            (_, entry.text) = signed(message.bb());
            entry.state = State::Edited;
        };
        self.change(&message, change).await
    }

    async fn deleted(&self, _: &Channel, message: OutboundMessage) -> Result {
        let change = |entry: &mut Entry| {
            entry.text.clear();
            entry.files.clear();
            entry.state = State::Deleted;
        };
        self.change(&message, change).await
    }

    async fn inbound_receipt(&self, _: &Channel, passed: InboundReceipt) -> Result {
        let turn = self.turn(&passed.chat).await?;
        let Some(mut entry) = turn.find(By::Visitor, &passed.message).cloned() else {
            return Ok(()); // it was forgotten since
        };
        entry.state = match passed.refused {
            None => State::Taken,
            Some(_) => State::Refused,
        };
        turn.keep(entry).await?;
        Ok(())
    }

    /// The tag to put on one's pages.
    async fn settings(&self, channel: &Channel) -> Result<String> {
        let address = self.address()?;
        let line = channel.line();
        Ok(format!(
            "<p>Put this on your pages:</p>\
             <pre>&lt;script src=\"{address}/widget.js\" data-line=\"{line}\"&gt;&lt;/script&gt;</pre>\
             <p><a href=\"{address}/?line={line}\" target=\"_blank\" rel=\"noopener\">Try it</a></p>"
        ))
    }

    async fn run(&self, channels: Channels) {
        *self.channels.lock().unwrap_or_else(PoisonError::into_inner) = Some(channels);
        loop {
            let folder = self.talks.folder.clone();
            match tokio::task::spawn_blocking(move || folder.sweep()).await {
                Ok(Ok(bytes)) => self.files.bytes.store(bytes, Ordering::Relaxed),
                Ok(Err(error)) => tracing::warn!(%error, "the widget's folder is not swept"),
                Err(error) => tracing::warn!(%error, "the widget's folder is not swept"),
            }
            tokio::time::sleep(SWEEP_PAUSE).await;
        }
    }
}

impl Widget {
    /// One's turn in a chat that a portal names.
    async fn turn(&self, chat: &str) -> Result<Turn> {
        let chat = ChatKey::told(chat).ok_or_else(|| tell("no visitor has this chat"))?;
        Ok(self.talks.open(&chat).turn().await?)
    }

    /// Changes a message that was delivered; one that is forgotten stays so.
    async fn change(&self, message: &OutboundMessage, change: impl FnOnce(&mut Entry)) -> Result {
        let turn = self.turn(&message.chat).await?;
        let key = message.id.to_string();
        let is_it = |entry: &&Entry| {
            let number = entry.number.to_string();
            entry.by == By::Line && (entry.key == key || message.outside_ids.contains(&number))
        };
        let Some(mut entry) = turn.entries().iter().rev().find(is_it).cloned() else {
            return Ok(());
        };
        change(&mut entry);
        turn.keep(entry).await?;
        Ok(())
    }
}

/// Who wrote it, which the portal puts in front (`[b]Ann Meyer:[/b] [br]Hi`), and the text without codes.
fn signed(bb: &str) -> (Option<String>, String) {
    let parts = || {
        let (author, rest) = bb.strip_prefix("[b]")?.split_once(":[/b]")?;
        Some((author, rest.trim_start().strip_prefix("[br]")?.trim_start()))
    };
    match parts() {
        Some((author, text)) => (Some(plain(author)), plain(text)),
        None => (None, plain(bb)),
    }
}

/// The files of a message, by addresses that a browser may follow.
fn files(message: &OutboundMessage) -> Vec<File> {
    let file = |file: &imbot::event::payload::connector::File| {
        let url = file.download_link.as_ref().or(file.link.as_ref())?;
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        is_web.then(|| File {
            name: file.name.clone(),
            url: url.clone(),
            bytes: file.size,
        })
    };
    message.files.iter().filter_map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_author_is_told_apart_from_the_text() {
        let of = |bb: &str| {
            let (author, text) = signed(bb);
            (author.unwrap_or_default(), text)
        };
        let ann = |text: &str| ("Ann".to_owned(), text.to_owned());
        assert_eq!(of("[b]Ann:[/b] [br]Hi"), ann("Hi"));
        assert_eq!(of("[b]Ann:[/b][br] Hi [b]you[/b]"), ann("Hi you"));
        assert_eq!(
            of("[b]bold[/b] words"),
            (String::new(), "bold words".to_owned())
        );
        assert_eq!(of("[b]Note:[/b] this").0, "");
    }
}
