//! The receivers of messages, as a table: protocol/server-behaviour.md 3.1, without a network.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::emulator::events::audience::{Audience, change, message};
use crate::emulator::world::World;
use crate::emulator::world::access::Owner;
use crate::emulator::world::bot::Command;
use crate::emulator::world::bot::{Bot, BotType};
use crate::emulator::world::chat::{Chat, ChatType};
use crate::emulator::world::message::{Message, Refs, Rich};
use crate::emulator::world::user::User;

const PLAIN: u64 = 101;
const WATCH: u64 = 102;
const LINE: u64 = 103;
const GUEST: u64 = 104;

/// A portal with a plain bot, a supervisor, a bot for open channels, and a plain bot that is in no
/// chat. `/go` is a command of the first bot, `/all` a common command of the last.
fn world() -> World {
    let mut world = World::new("Test".to_owned(), "test".to_owned(), "en".to_owned());
    for (id, kind) in [
        (PLAIN, BotType::Plain),
        (WATCH, BotType::Supervisor),
        (LINE, BotType::OpenLine),
        (GUEST, BotType::Plain),
    ] {
        let owner = Owner::App("app".to_owned());
        let openline = kind == BotType::OpenLine;
        let bot = Bot::v1(&id.to_string(), kind, openline, owner);
        let user = User {
            id,
            bot: Some(bot),
            ..world.users[&1].clone()
        };
        world.users.insert(id, user);
    }
    for (id, bot, name, common) in [(1, PLAIN, "go", false), (2, GUEST, "all", true)] {
        let (name, lang) = (name.to_owned(), BTreeMap::new());
        world.commands.insert(
            id,
            Command {
                id,
                bot,
                name,
                common,
                hidden: false,
                extranet: false,
                lang,
            },
        );
    }
    world
}

fn chat(kind: ChatType, entity_type: &str, members: &[u64]) -> Chat {
    Chat {
        id: 1,
        kind,
        title: String::new(),
        description: String::new(),
        color: String::new(),
        avatar: 0,
        owner: 1,
        members: members.to_vec(),
        managers: BTreeSet::new(),
        entity_type: entity_type.to_owned(),
        entity_id: String::new(),
        entity_data: Default::default(),
        messages: VecDeque::new(),
        read: BTreeMap::new(),
        text_field: true,
        created: 0,
    }
}

fn said(author: u64, text: &str) -> Message {
    Message {
        id: 1,
        chat: 1,
        author,
        text: text.to_owned(),
        date: 0,
        system: author == 0,
        edited: false,
        deleted: false,
        url_preview: true,
        rich: Rich::default(),
        refs: Refs::default(),
        reactions: Vec::new(),
    }
}

/// Returns the receivers: `bots …`, `commands …`, or nothing.
fn receives(chat: &Chat, author: u64, text: &str) -> String {
    match message(&world(), chat, &said(author, text), false) {
        Audience::Bots(bots) if bots.is_empty() => String::new(),
        Audience::None => String::new(),
        Audience::Bots(bots) => format!("bots {bots:?}"),
        Audience::Commands(called) => {
            let called: Vec<String> = called
                .iter()
                .map(|called| format!("{}({})", called.command, called.params))
                .collect();
            format!("commands {}", called.join(" "))
        }
    }
}

#[test]
fn the_right_bots_get_a_message() {
    let private = chat(ChatType::Private, "", &[1, PLAIN]);
    let people = chat(ChatType::Private, "", &[1, 2]);
    let group = chat(ChatType::Group, "", &[1, 2, PLAIN, WATCH]);
    let line = chat(ChatType::Group, "LINES", &[1, PLAIN, LINE]);
    let mention = "[USER=101]Plain[/USER] hi";
    let cases = [
        (&private, 1, "hi", "bots [101]"),
        (&private, PLAIN, "hi", ""),
        (&people, 1, "hi", ""),
        (&group, 1, "hi", "bots [102]"),
        (&group, 1, mention, "bots [101, 102]"),
        (&group, 1, "[USER=104]not here[/USER]", "bots [102]"),
        (&group, WATCH, mention, ""),
        (&group, 0, mention, ""),
        (&line, 1, "hi", "bots [103]"),
        (&private, 1, "/go  north ", "commands 1(north)"),
        (&private, 1, "/go a\n/go b", "commands 1(a) 1(b)"),
        (&group, 1, "/go\n/all x", "commands 1() 2(x)"),
        (&people, 1, "/go", ""),
        (&people, 1, "/all x", "commands 2(x)"),
        (&group, 1, "[USER=101]Plain[/USER] /go", "bots [101, 102]"),
        (&private, 1, "/unknown", "bots [101]"),
        (&private, 1, "/me waves", ""),
        (&line, 1, "/go", "bots [103]"),
    ];
    for (chat, author, text, expected) in cases {
        assert_eq!(receives(chat, author, text), expected, "{author}: {text}");
    }
}

#[test]
fn messages_of_v1_bots_are_sent_to_no_bot() {
    let group = chat(ChatType::Group, "", &[1, PLAIN, WATCH]);
    assert_eq!(
        message(&world(), &group, &said(PLAIN, "/go"), true),
        Audience::None
    );
}

#[test]
fn in_groups_a_bot_gets_events_about_changes_to_its_own_messages() {
    let (private, group) = (
        chat(ChatType::Private, "", &[1, WATCH]),
        chat(ChatType::Group, "", &[1, WATCH]),
    );
    assert!(change(&world(), &private, WATCH, "edited").is_empty());
    assert_eq!(change(&world(), &group, WATCH, "edited"), vec![WATCH]);
}
