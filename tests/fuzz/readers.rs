//! Everything that reads a body from outside, in one function for both fuzzers.

use imbot::event::payload::{
    Dialogs, Measure, Payload, Sessions, User, calendar, connector, crm, openline, task, telephony,
    timeline,
};
use imbot::event::{AppEvent, DecodeError, Delivery, Event, Page, Tree, form};
use imbot::message::{Draft, plain, split};

/// Maximum length of a part of a split text, in characters.
const PART_CHARS: usize = 100;

/// Reads a body in all ways.
///
/// # Panics
/// A reader panics, or two readers disagree.
pub(crate) fn read(body: &[u8]) {
    let form = Delivery::from_form(body.to_vec());
    let stored = Delivery::from_body(body.to_vec());
    form.iter().chain(&stored).for_each(read_delivery);
    let posted = Delivery::from_posted(body.to_vec());
    let page = Page::from_json(body).map(|page| page.events);
    for accepted in posted.iter().chain(page.iter().flatten()) {
        read_delivery(accepted);
        read_back(accepted);
    }
    if let Ok(tree) = Tree::from_json(body) {
        let _ = tree.root().to_json();
    }
    if let Ok(value) = form::decode(body) {
        let encoded = form::encode(&value);
        let again = form::decode(encoded.as_bytes());
        if let Ok(again) = again {
            assert_eq!(form::encode(&again), encoded, "encoding undoes decoding");
        }
    }
    read_text(&String::from_utf8_lossy(body));
}

fn read_delivery(delivery: &Delivery) {
    let _ = (delivery.auth(), delivery.proof(), delivery.domain());
    let _ = (delivery.root().to_json(), format!("{delivery:?}"));
    read_payloads(delivery);
    let Ok(events) = delivery.events() else {
        return;
    };
    for event in &events {
        if let Event::Chat(event) = event {
            let _ = (event.sender(), event.bot.as_ref());
            if let Some(bot) = &event.bot {
                let _ = (delivery.bot_auth(bot), delivery.for_polled_bot(bot));
            }
        }
    }
}

/// Reads an event as a restart reads it from the inbox.
fn read_back(delivery: &Delivery) {
    let Ok(events) = delivery.events() else {
        return;
    };
    let again = Delivery::from_body(delivery.body()).and_then(|again| again.events());
    assert_eq!(
        format!("{:?}", again.as_deref()),
        format!("{:?}", Ok::<_, DecodeError>(events.as_slice())),
        "an accepted event is read differently from the inbox"
    );
}

fn read_payloads(delivery: &Delivery) {
    macro_rules! read_each {
        ($($payload:ty),* $(,)?) => { $(let _ = <$payload as Payload>::read(delivery);)* };
    }
    read_each!(
        AppEvent,
        calendar::Entry,
        calendar::Section,
        connector::LineDeleted,
        connector::Messages,
        connector::Status,
        crm::Address,
        crm::Currency,
        crm::Document,
        crm::Item,
        crm::Recurring,
        crm::UserField,
        Measure,
        openline::Messages,
        Dialogs,
        Sessions,
        task::Comment,
        task::Task,
        telephony::CallEnd,
        telephony::CallInit,
        telephony::CallStart,
        telephony::ExternalCall,
        telephony::ExternalCallback,
        timeline::Comment,
        User,
    );
}

fn read_text(text: &str) {
    let _ = plain(text);
    let _ = Draft::new(text).check();
    for part in split(text, PART_CHARS) {
        assert!(part.chars().count() <= PART_CHARS, "a part is too long");
    }
}
