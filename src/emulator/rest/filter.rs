//! `filter` and `order` of list methods: operations before the names of fields, and directions.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::params::{as_text, items};
use crate::emulator::refusal::Refusal;

/// Operations before the name of a field.
const OPERATIONS: [&str; 9] = ["", "=", "!", "!=", "<", "<=", ">", ">=", "%"];

/// Conditions that a row must all fulfil.
pub(super) struct Filter(Vec<(String, String, Vec<String>)>);

impl Filter {
    /// Reads a filter over these fields; other fields are refused.
    pub(super) fn read(given: Option<&Value>, fields: &[&str]) -> Result<Self, Refusal> {
        let given = match given {
            None => return Ok(Filter(Vec::new())),
            Some(given) => map(given).ok_or_else(|| odd("The filter is not an array."))?,
        };
        let conditions = given.iter().map(|(key, value)| {
            let start = key
                .find(|c: char| c.is_ascii_alphabetic())
                .unwrap_or(key.len());
            let (operation, field) = key.split_at(start);
            if !OPERATIONS.contains(&operation) {
                return Err(odd(&format!("Filter operation not allowed: {operation}")));
            }
            if !fields.contains(&field) {
                return Err(odd(&format!("Filter field not allowed: {field}")));
            }
            let values = items(value).iter().filter_map(as_text).collect();
            Ok((operation.to_owned(), field.to_owned(), values))
        });
        conditions.collect::<Result<_, _>>().map(Filter)
    }

    /// Whether a row fulfils the filter; `field` returns the text of a field.
    pub(super) fn fits(&self, field: impl Fn(&str) -> String) -> bool {
        self.0.iter().all(|(operation, name, values)| {
            let text = field(name);
            if text.is_empty() && operation.starts_with(['<', '>']) {
                return false; // nothing is neither more nor less, as in SQL
            }
            let is = |wanted: &[Ordering]| {
                values
                    .iter()
                    .any(|value| wanted.contains(&compare(&text, value)))
            };
            match operation.as_str() {
                "!" | "!=" => !is(&[Ordering::Equal]),
                "<" => is(&[Ordering::Less]),
                "<=" => is(&[Ordering::Less, Ordering::Equal]),
                ">" => is(&[Ordering::Greater]),
                ">=" => is(&[Ordering::Greater, Ordering::Equal]),
                "%" => values.iter().any(|value| text.contains(value)),
                _ => is(&[Ordering::Equal]),
            }
        })
    }
}

/// Fields by which rows are sorted, the most significant first.
#[derive(Debug)]
pub(super) struct Order(Vec<(String, bool)>);

impl Order {
    /// Reads an order over these fields; the default is ascending by `default`.
    pub(super) fn read(
        given: Option<&Value>,
        fields: &[&str],
        default: &str,
    ) -> Result<Self, Refusal> {
        let Some(given) = given else {
            return Ok(Order(vec![(default.to_owned(), false)]));
        };
        let given = map(given).ok_or_else(|| odd("The order is not an array."))?;
        let read = given.iter().map(|(field, direction)| {
            if !fields.contains(&field.as_str()) {
                return Err(odd(&format!("Order field not allowed: {field}")));
            }
            match as_text(direction)
                .unwrap_or_default()
                .to_uppercase()
                .as_str()
            {
                "ASC" => Ok((field.clone(), false)),
                "DESC" => Ok((field.clone(), true)),
                _ => Err(odd("Order direction should be one of {ASC|DESC}")),
            }
        });
        read.collect::<Result<_, _>>().map(Order)
    }

    /// Sorts rows, stably. `field` returns the text of a row's field.
    pub(super) fn sort<T>(&self, rows: &mut [T], field: impl Fn(&T, &str) -> String) {
        rows.sort_by(|one, other| {
            let by = |(name, down): &(String, bool)| {
                let order = compare(&field(one, name), &field(other, name));
                if *down { order.reverse() } else { order }
            };
            self.0
                .iter()
                .map(by)
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        });
    }
}

/// Compares numbers as numbers, dates as dates, everything else as text.
fn compare(one: &str, other: &str) -> Ordering {
    let numbers = one.parse::<i64>().ok().zip(other.parse::<i64>().ok());
    let dates = || {
        let one = one.parse::<Timestamp>().ok();
        one.zip(other.parse::<Timestamp>().ok())
    };
    match numbers {
        Some((one, other)) => one.cmp(&other),
        None => match dates() {
            Some((one, other)) => one.cmp(&other),
            None => one.cmp(other),
        },
    }
}

/// Returns the named fields of a map; an empty list is an empty map in PHP.
fn map(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields.clone()),
        Value::Array(items) if items.is_empty() => Some(Map::new()),
        _ => None,
    }
}

fn odd(text: &str) -> Refusal {
    Refusal::new("ERROR_ARGUMENT", text)
}

#[cfg(test)]
mod tests {
    use crate::emulator::rest::filter::*;
    use serde_json::json;

    const FIELDS: [&str; 2] = ["ID", "AT"];

    fn fits(filter: &Value) -> Result<bool, String> {
        let row = |field: &str| match field {
            "ID" => "10".to_owned(),
            _ => "2026-11-26T10:00:00+00:00".to_owned(),
        };
        let filter = Filter::read(Some(filter), &FIELDS).map_err(|e| e.to_string())?;
        Ok(filter.fits(row))
    }

    #[test]
    fn numbers_and_dates_are_compared_by_value() {
        for filter in [
            json!([]),
            json!({ "ID": "10" }),
            json!({ "ID": [9, 10] }),
            json!({ ">ID": 9, "<ID": 11 }),
            json!({ "!ID": 9, ">=AT": "2026-11-26T11:00:00+01:00" }),
            json!({ "%AT": "11-26" }),
        ] {
            assert_eq!(fits(&filter), Ok(true), "{filter}");
        }
        for filter in [
            json!({ "=ID": 9 }),
            json!({ ">AT": "2026-11-26T12:00:00+01:00" }),
        ] {
            assert_eq!(fits(&filter), Ok(false), "{filter}");
        }
        for filter in [json!("x"), json!({ "?ID": 1 }), json!({ "NAME": 1 })] {
            assert!(fits(&filter).is_err(), "{filter}");
        }
    }

    #[test]
    fn rows_are_sorted_by_the_first_field_that_differs() {
        let order = json!({ "AT": "DESC", "ID": "asc" });
        let order = Order::read(Some(&order), &FIELDS, "ID").expect("an order");
        let mut rows = [(10, "a"), (9, "a"), (1, "b")];
        order.sort(&mut rows, |row, field| match field {
            "ID" => row.0.to_string(),
            _ => row.1.to_owned(),
        });
        assert_eq!(rows, [(1, "b"), (9, "a"), (10, "a")]);
        assert!(Order::read(Some(&json!({ "ID": "UP" })), &FIELDS, "ID").is_err());
    }
}
