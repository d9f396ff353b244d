//! The widget as a connector: stores the messages of operators and bots for the visitor.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use imbot::message::plain;
use imbot::prelude::*;
use tokio::time::Instant;

use super::Widget;
use super::chat::{By, Entry, File, State};
use super::chats::ChatGuard;
use super::visitor::ChatKey;

/// Time between two deletions of old chats and files.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

impl Connector for Widget {
    fn profile(&self) -> ConnectorProfile {
        ConnectorProfile::new("imbot_widget", "Web widget").color("#2f6fed")
    }

    async fn outbound(&self, _: &Channel, message: OutboundMessage) -> Result<Receipt> {
        let chat = self.lock(&message.chat).await?;
        let key = message.id.to_string();
        if let Some(known) = chat.find(By::Line, &key) {
            return Ok(Receipt::one(known.number));
        }
        let (author, text) = split_author(message.bb());
        let mut entry = Entry::new(By::Line, key, text);
        entry.author = author;
        entry.files = files(&message);
        let stored = chat.store(entry).await?;
        Ok(Receipt::one(stored.number))
    }

    async fn edited(&self, _: &Channel, message: OutboundMessage) -> Result {
        let change = |entry: &mut Entry| {
            (_, entry.text) = split_author(message.bb());
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

    async fn inbound_receipt(&self, _: &Channel, receipt: InboundReceipt) -> Result {
        let chat = self.lock(&receipt.chat).await?;
        let Some(mut entry) = chat.find(By::Visitor, &receipt.message).cloned() else {
            return Ok(()); // it has been deleted meanwhile
        };
        entry.state = match receipt.refused {
            None => State::Delivered,
            Some(_) => State::Refused,
        };
        chat.store(entry).await?;
        Ok(())
    }

    /// Returns the tag to put on a page.
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
        let started = Instant::now();
        loop {
            let folder = self.chats.folder.clone();
            let sweep = move || folder.sweep(started.elapsed());
            match tokio::task::spawn_blocking(sweep).await {
                Ok(Ok(bytes)) => self.files.bytes.store(bytes, Ordering::Relaxed),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "old chats and files of the widget could not be deleted")
                }
                Err(error) => {
                    tracing::warn!(%error, "old chats and files of the widget could not be deleted")
                }
            }
            self.limits.sweep();
            tokio::time::sleep(SWEEP_INTERVAL).await;
        }
    }
}

impl Widget {
    /// Locks a chat that the portal names.
    async fn lock(&self, chat: &str) -> Result<ChatGuard> {
        let chat = ChatKey::parse(chat).ok_or_else(|| tell("no visitor has this chat"))?;
        Ok(self.chats.open(&chat).lock().await?)
    }

    /// Changes a delivered message. Has no effect on a message that has been deleted.
    async fn change(&self, message: &OutboundMessage, change: impl FnOnce(&mut Entry)) -> Result {
        let chat = self.lock(&message.chat).await?;
        let key = message.id.to_string();
        let is_same = |entry: &&Entry| {
            let number = entry.number.to_string();
            entry.by == By::Line && (entry.key == key || message.outside_ids.contains(&number))
        };
        let Some(mut entry) = chat.entries().iter().rev().find(is_same).cloned() else {
            return Ok(());
        };
        change(&mut entry);
        chat.store(entry).await?;
        Ok(())
    }
}

/// Splits the author, whom the portal puts in front (`[b]Ann Meyer:[/b] [br]Hi`), from the text.
/// Returns both without BB codes.
fn split_author(bb: &str) -> (Option<String>, String) {
    let parts = || {
        let (author, rest) = bb.strip_prefix("[b]")?.split_once(":[/b]")?;
        Some((author, rest.trim_start().strip_prefix("[br]")?.trim_start()))
    };
    match parts() {
        Some((author, text)) => (Some(plain(author)), plain(text)),
        None => (None, plain(bb)),
    }
}

/// Returns the files of a message that have an http or https address.
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
    fn the_author_is_split_from_the_text() {
        let of = |bb: &str| {
            let (author, text) = split_author(bb);
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
