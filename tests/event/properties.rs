//! The decoder with any input: it never panics, its memory is bounded, and it is the inverse of
//! PHP's encoder.

use imbot::event::{DEPTH_MAX, DecodeError, Delivery, PAIRS_MAX, Page, Tree, form};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A value that a form can express: text leaves, no empty maps, no key with a special meaning.
fn tree() -> impl Strategy<Value = Value> {
    let leaf = any::<String>().prop_map(Value::String);
    let branch = leaf.prop_recursive(6, 60, 8, |inner| {
        prop::collection::btree_map(key(), inner, 1..8)
            .prop_map(|fields| Value::Object(fields.into_iter().collect()))
    });
    prop::collection::btree_map(key(), branch, 1..8)
        .prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Z_0-9]{1,12}", "[^\\[\\]\\p{Cc}]{1,6}", "[0-9]{1,4}"]
}

/// A body that looks like a form, damaged in every way.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"data".to_vec()),
        Just(b"event=ONIMBOTMESSAGEADD&".to_vec()),
        Just(b"%5B".to_vec()),
        Just(b"%5d".to_vec()),
        Just(b"[".to_vec()),
        Just(b"]".to_vec()),
        Just(b"[]".to_vec()),
        Just(b"&".to_vec()),
        Just(b"=".to_vec()),
        Just(b"%".to_vec()),
        Just(b"%F".to_vec()),
        Just(b"%FF".to_vec()),
        Just(b"+".to_vec()),
        Just(b"[PARAMS][MESSAGE_ID]=".to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(value in tree()) {
        prop_assert_eq!(form::decode(form::encode(&value).as_bytes()).unwrap(), value);
    }

    #[test]
    fn raw_brackets_are_read_like_escaped_ones(value in tree()) {
        let body = form::encode(&value).replace("%5B", "[").replace("%5D", "%5d");
        prop_assert_eq!(form::decode(body.as_bytes()).unwrap(), value);
    }

    #[test]
    fn no_body_makes_the_decoder_panic(body in damaged()) {
        if let Ok(delivery) = Delivery::from_form(body) {
            let _ = (delivery.events(), delivery.auth(), delivery.root().to_json(), format!("{delivery:?}"));
        }
    }

    #[test]
    fn no_answer_makes_the_decoder_panic(body in any::<Vec<u8>>(), value in tree()) {
        let _ = Page::from_json(&body);
        let page = json!({ "events": [{ "type": "ONIMBOTV2MESSAGEADD", "data": value }] });
        let page = Page::from_json(page.to_string().as_bytes()).unwrap();
        let _ = page.events[0].events();
    }
}

#[test]
fn damaged_bodies_are_read_as_php_reads_them() {
    let cases = [
        ("a=1&a[b]=2", json!({ "a": { "b": "2" } })),
        ("a[b]=1&a=2", json!({ "a": "2" })),
        ("a[b]=1&a=2&a[c]=3", json!({ "a": { "c": "3" } })),
        (
            "a[]=1&a[x]=3&a[]=5",
            json!({ "a": { "0": "1", "x": "3", "1": "5" } }),
        ),
        ("a[7]=1&a[]=2", json!({ "a": { "7": "1", "8": "2" } })),
        ("a=%zz&b=%&c=%4", json!({ "a": "%zz", "b": "%", "c": "%4" })),
        ("a=%FF", json!({ "a": "\u{FFFD}" })),
        ("a%5bb%5d=1&a[c]=2", json!({ "a": { "b": "1", "c": "2" } })),
        ("a[%62]=1&a[b][c]=2", json!({ "a": { "b": { "c": "2" } } })),
        ("a[2]=x&a[0]=y", json!({ "a": { "2": "x", "0": "y" } })),
        ("a[b]c=1", json!({ "a": { "b": "1" } })),
        ("a&&b=", json!({ "a": "", "b": "" })),
        (
            "d[B][1]=x&d[P]=y&d[B][2]=z",
            json!({ "d": { "B": { "1": "x", "2": "z" }, "P": "y" } }),
        ),
        ("a=1=2", json!({ "a": "1=2" })),
        // Next to an intact pair, a damaged one must not be read like it.
        (
            "a[x]=1&a[b=c]=2",
            json!({ "a": { "x": "1" }, "a[b": "c]=2" }),
        ),
        ("a[x]=1&a[y[z]=2", json!({ "a": { "x": "1", "y[z": "2" } })),
        (
            "a[x]=1&a[y]z=2&a[w]&a[+]=3",
            json!({ "a": { "x": "1", "y": "2", "w": "", " ": "3" } }),
        ),
        ("a[b][x]=1&a[b][c=2", json!({ "a": { "b": "2" } })),
        (
            "a[x]=1&a[]=2&a[x][y]=3",
            json!({ "a": { "x": { "y": "3" }, "0": "2" } }),
        ),
        ("t=%F0%9F%98%80+%2B", json!({ "t": "😀 +" })),
    ];
    for (body, expected) in cases {
        assert_eq!(form::decode(body.as_bytes()).unwrap(), expected, "{body}");
    }
}

#[test]
fn large_maps_are_assembled_from_pairs_in_any_order() {
    let keys: Vec<usize> = (0..1_000).collect();
    let one = keys
        .iter()
        .map(|key| format!("a[k{key}][x]=1"))
        .collect::<Vec<_>>()
        .join("&");
    let two = keys
        .iter()
        .rev()
        .map(|key| format!("a[k{key}][y]=2"))
        .collect::<Vec<_>>()
        .join("&");
    let decoded = form::decode(format!("{one}&{two}").as_bytes()).unwrap();
    let expected: Map<String, Value> = keys
        .iter()
        .map(|key| (format!("k{key}"), json!({ "x": "1", "y": "2" })))
        .collect();
    assert_eq!(decoded["a"], Value::Object(expected));
}

#[test]
fn the_error_for_a_body_over_a_limit_names_the_limit() {
    let many = "a=1&".repeat(PAIRS_MAX + 1);
    assert_eq!(Tree::from_form(many).unwrap_err(), DecodeError::TooManyKeys);
    assert_eq!(
        Tree::from_form("a=1&".repeat(1_000_000)).unwrap_err(),
        DecodeError::TooLong
    );
    let deep = format!("a{}=1", "[b]".repeat(DEPTH_MAX));
    assert!(matches!(
        Tree::from_form(deep).unwrap_err(),
        DecodeError::TooDeep { .. }
    ));
    let deep = format!("event=ONIMBOTMESSAGEADD&data{}=1", "[]".repeat(DEPTH_MAX));
    assert!(matches!(
        Delivery::from_form(deep).unwrap_err(),
        DecodeError::TooDeep { key } if key.starts_with("data[][]")
    ));
    let nearly = format!("a{}={}", "[]".repeat(DEPTH_MAX - 1), "[]".repeat(99));
    assert!(Tree::from_form(nearly).is_ok());
    let deep = format!(
        "{}1{}",
        "{\"a\":".repeat(DEPTH_MAX + 1),
        "}".repeat(DEPTH_MAX + 1)
    );
    assert!(matches!(
        Tree::from_json(deep.as_bytes()).unwrap_err(),
        DecodeError::TooDeep { .. }
    ));
}

#[test]
fn an_event_does_not_depend_on_how_its_keys_are_escaped() {
    let body = include_str!("../fixtures/events/v1-message-add-group-mention.form");
    let read = |body: &str| {
        let delivery = Delivery::from_form(body.to_owned()).unwrap();
        let proof = format!("{:?}", delivery.proof());
        (json!(delivery.events().unwrap()), delivery.ts, proof)
    };
    let spellings: [&[(&str, &str)]; 4] = [
        &[("%5B", "["), ("%5D", "]")],
        &[("%5B", "%5b"), ("%5D", "%5d")],
        &[
            ("data%5B", "d%61ta%5B"),
            ("&auth", "&%61uth"),
            ("&ts", "&t%73"),
        ],
        &[
            ("5BPARAMS", "5BP%41RAMS"),
            ("_ID%5D", "%5FID%5D"),
            ("&", "&&"),
        ],
    ];
    for spelling in spellings {
        let respelled = spelling
            .iter()
            .fold(body.to_owned(), |body, (from, to)| body.replace(from, to));
        assert_ne!(respelled, body);
        assert_eq!(read(&respelled), read(body), "{spelling:?}");
    }
}

#[test]
fn the_pairs_of_several_bots_may_be_interleaved() {
    let body = "event=ONIMBOTMESSAGEADD&data[BOT][7][BOT_ID]=7&data[BOT][8][BOT_CODE]=b&data[BOT][7][BOT_CODE]=a\
                &data[PARAMS][MESSAGE_ID]=1&data[BOT][8][BOT_ID]=8&data[PARAMS][DIALOG_ID]=27";
    let events = json!(Delivery::from_form(body).unwrap().events().unwrap());
    let bot = |event: usize| events[event]["Chat"]["bot"].clone();
    assert_eq!(bot(0), json!({ "id": 7, "code": "a" }));
    assert_eq!(bot(1), json!({ "id": 8, "code": "b" }));
    assert_eq!(events.as_array().unwrap().len(), 2);
}

#[test]
fn errors_contain_the_key_and_the_value() {
    let event = "event=onimbotmessageadd&data[BOT][7][BOT_ID]=7&data[PARAMS][DIALOG_ID]=27";
    let error = |more: &str| {
        Delivery::from_form(format!("{event}&{more}"))
            .unwrap()
            .events()
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error("data[PARAMS][MESSAGE_ID]=abc"),
        "`data[PARAMS][MESSAGE_ID]`: expected a number, found `abc`"
    );
    assert_eq!(
        error("data[PARAMS][MESSAGE_ID]=99999999999999999999"),
        "`data[PARAMS][MESSAGE_ID]`: expected a number, found `99999999999999999999`"
    );
    assert_eq!(
        error("data[PARAMS][MESSAGE]=hi"),
        "`data[PARAMS][MESSAGE_ID]` is missing"
    );
    assert_eq!(
        Delivery::from_form("ts=1").unwrap_err().to_string(),
        "`event` is missing"
    );
}
