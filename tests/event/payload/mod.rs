//! What events carry, typed: each category's examples, and what is left out, empty or of another kind.
//!
//! Beside what it expects, every example is read whole: no text of its body is missing in what was read.

mod connectors;
mod crm;
mod work;

use std::fs;
use std::path::Path;

use imbot::event::payload::{
    self, Payload, calendar, carries, connector, openline, task, telephony, timeline,
};
use imbot::event::{AppEvent, Category, DecodeError, Delivery, catalogue};
use serde::Serialize;
use serde_json::{Value, json};

/// The categories whose events all have a type. What a bot's say is in `Delivery::events`; of the rest the tree is enough.
const TYPED: &[Category] = &[
    Category::Application,
    Category::Calendar,
    Category::Connectors,
    Category::Crm,
    Category::OpenChannels,
    Category::Tasks,
    Category::Telephony,
    Category::Users,
];

#[test]
fn every_event_of_the_typed_categories_is_carried_by_one_type() {
    use payload::crm;
    let types: &[fn(&str) -> bool] = &[
        carries::<AppEvent>,
        carries::<calendar::Entry>,
        carries::<calendar::Section>,
        carries::<connector::Messages>,
        carries::<connector::Status>,
        carries::<connector::LineDeleted>,
        carries::<payload::Dialogs>,
        carries::<payload::Sessions>,
        carries::<openline::Messages>,
        carries::<crm::Item>,
        carries::<crm::Document>,
        carries::<crm::Recurring>,
        carries::<crm::UserField>,
        carries::<crm::Currency>,
        carries::<crm::Address>,
        carries::<payload::Measure>,
        carries::<timeline::Comment>,
        carries::<task::Task>,
        carries::<task::Comment>,
        carries::<telephony::CallInit>,
        carries::<telephony::CallStart>,
        carries::<telephony::CallEnd>,
        carries::<telephony::ExternalCall>,
        carries::<telephony::ExternalCallback>,
        carries::<payload::User>,
    ];
    for (name, category) in catalogue::names() {
        let carrying = types.iter().filter(|carries| carries(name)).count();
        let is_measure = name.starts_with("CATALOG.MEASURE"); // as of CRM
        let expected = usize::from(TYPED.contains(&category) || is_measure);
        assert_eq!(carrying, expected, "{name}");
    }
}

/// An example of the documentation, by the name of its page.
fn example(page: &str) -> Delivery {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/events");
    let body = fs::read(folder.join(format!("rest-{page}.form"))).unwrap();
    Delivery::from_form(body).unwrap()
}

/// Reads an example and checks that nothing of it is left out. What is expected names the fields that are not empty.
#[expect(
    clippy::needless_pass_by_value,
    reason = "read as a call with a literal"
)]
fn check<P: Payload + Serialize>(page: &str, expected: Value) {
    let event = example(page);
    let read = json!(event.read::<P>().unwrap());
    let mut told = Vec::new();
    leaves(&read, &mut told);
    let mut sent = Vec::new();
    leaves(&event.data().unwrap().to_json(), &mut sent);
    sent.retain(|text| !matches!(text.as_str(), "undefined" | "0")); // the portal's words for nothing
    for text in &sent {
        assert!(told.contains(text), "{page}: {text} is not in {read}");
    }
    assert_eq!(filled(&read), expected, "{page}");
}

/// The texts of a value, flags as the portal writes them.
fn leaves(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, texts)),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, texts)),
        Value::Bool(flag) => texts.extend([
            u8::from(*flag).to_string(),
            if *flag { "Y" } else { "N" }.to_owned(),
        ]),
        Value::String(text) if text.is_empty() => {}
        Value::Null => {}
        Value::String(text) => texts.push(text.clone()),
        Value::Number(number) => texts.push(number.to_string()),
    }
}

/// Without the fields that tell nothing.
fn filled(value: &Value) -> Value {
    let tells = |value: &Value| {
        !matches!(value, Value::Null)
            && *value != json!([])
            && *value != json!("")
            && *value != json!({})
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, field)| (key.clone(), filled(field)))
            .filter(|(_, field)| tells(field))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(filled).collect(),
        leaf => leaf.clone(),
    }
}

/// Reads what an event carries whose own part is written here, as of a form.
fn read<P: Payload>(event: &str, data: &str) -> Result<P, DecodeError> {
    Delivery::from_form(format!("event={event}&{data}"))
        .unwrap()
        .read()
}
