//! Typed payloads: each category's examples, and missing, empty and unexpected values.
//!
//! In addition to the expected values, every example is compared as a whole: each text of its body
//! must have been read.

mod connectors;
mod crm;
mod work;

use std::fs;
use std::path::{Path, PathBuf};

use imbot::event::payload::{
    self, Payload, calendar, carries, connector, openline, task, telephony, timeline,
};
use imbot::event::{AppEvent, Category, DecodeError, Delivery, catalogue};
use serde::Serialize;
use serde_json::{Value, json};

/// The categories whose events all have a type. A bot's are decoded by `Delivery::events`; for the
/// others the tree suffices.
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

/// Reads an event's payload, if it has this type.
fn reads<P: Payload + Serialize>(event: &Delivery) -> Option<Result<Value, DecodeError>> {
    let read = || event.read::<P>().map(|payload| json!(payload));
    carries::<P>(&event.name).then(read)
}

type Reader = fn(&Delivery) -> Option<Result<Value, DecodeError>>;

/// All types.
const READERS: &[Reader] = &[
    reads::<AppEvent>,
    reads::<calendar::Entry>,
    reads::<calendar::Section>,
    reads::<connector::Messages>,
    reads::<connector::Status>,
    reads::<connector::LineDeleted>,
    reads::<payload::Dialogs>,
    reads::<payload::Sessions>,
    reads::<openline::Messages>,
    reads::<payload::crm::Item>,
    reads::<payload::crm::Document>,
    reads::<payload::crm::Recurring>,
    reads::<payload::crm::UserField>,
    reads::<payload::crm::Currency>,
    reads::<payload::crm::Address>,
    reads::<payload::Measure>,
    reads::<timeline::Comment>,
    reads::<task::Task>,
    reads::<task::Comment>,
    reads::<telephony::CallInit>,
    reads::<telephony::CallStart>,
    reads::<telephony::CallEnd>,
    reads::<telephony::ExternalCall>,
    reads::<telephony::ExternalCallback>,
    reads::<payload::User>,
];

#[test]
fn every_event_of_the_typed_categories_has_exactly_one_type() {
    for (name, category) in catalogue::names() {
        let event = Delivery::from_form(format!("event={name}")).unwrap();
        let carrying = READERS.iter().filter_map(|read| read(&event)).count();
        let is_measure = name.starts_with("CATALOG.MEASURE"); // as in CRM
        let expected = usize::from(TYPED.contains(&category) || is_measure);
        assert_eq!(carrying, expected, "{name}");
    }
}

#[test]
fn every_example_of_the_typed_categories_is_read() {
    let mut seen = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "form") {
            continue;
        }
        let event = Delivery::from_form(fs::read(&path).unwrap()).unwrap();
        if TYPED.contains(&event.category) {
            let read = READERS.iter().find_map(|read| read(&event));
            assert!(matches!(read, Some(Ok(_))), "{}: {read:?}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 35, "only {seen} examples found");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/events")
}

/// An example of the documentation, by the name of its page.
fn example(page: &str) -> Delivery {
    let body = fs::read(folder().join(format!("rest-{page}.form"))).unwrap();
    Delivery::from_form(body).unwrap()
}

/// Reads an example and checks that it was read completely. `expected` has the fields that are not
/// empty.
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
    sent.retain(|text| !matches!(text.as_str(), "undefined" | "0")); // the portal's missing values
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

/// Removes empty fields.
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

/// Reads the payload of an event whose data are given as a form.
fn read<P: Payload>(event: &str, data: &str) -> Result<P, DecodeError> {
    Delivery::from_form(format!("event={event}&{data}"))
        .unwrap()
        .read()
}
