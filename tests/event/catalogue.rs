//! Compares the catalogue with the table of the documentation's events, row by row.

use std::collections::HashSet;

use imbot::event::{Category, catalogue};

/// The compared columns: the sent name, the category, the scope, and whether webhooks can send it.
const COLUMNS: [&str; 4] = ["wire_code", "category", "scope", "webhook_support"];

#[test]
fn the_catalogue_has_every_row_of_the_table_and_no_other() {
    let rows = rows();
    assert_eq!(rows.len(), 207);
    let mut names = HashSet::new();
    for [name, category, scope, webhook] in rows {
        let name = name.replace("<entityTypeId>", "147"); // three rows stand for the events of one smart process
        let entry = catalogue::entry(&name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(entry.category, named(&category), "{name}");
        assert!(
            [entry.category.scope(), ""].contains(&scope.as_str()),
            "{name}: {scope}"
        );
        let by_webhook = entry
            .by_webhook
            .map_or("unspecified", |yes| if yes { "yes" } else { "no" });
        assert_eq!(by_webhook, webhook, "{name}");
        assert!(!entry.about.is_empty(), "{name}");
        names.insert(entry.name);
    }
    assert_eq!(names.len(), catalogue::entries().len());
}

/// The catalogue's category for one of the table, which marks outdated parts separately.
fn named(category: &str) -> Category {
    match category {
        "Application" => Category::Application,
        "Bot platform v1" | "Bot platform v2" => Category::Bots,
        "Messenger polling v2" => Category::Messenger,
        "Open channels connector" => Category::Connectors,
        "Open channels" => Category::OpenChannels,
        "CRM" | "CRM (outdated objects)" => Category::Crm,
        "Telephony" => Category::Telephony,
        "Tasks" => Category::Tasks,
        "Users" => Category::Users,
        "Calendar" => Category::Calendar,
        "Workgroups" => Category::Workgroups,
        "News feed" => Category::NewsFeed,
        "Booking" => Category::Booking,
        "Catalog" => Category::Catalog,
        "Sale" => Category::Sale,
        "E-signature" => Category::Sign,
        other => panic!("a new category: {other}"),
    }
}

fn rows() -> Vec<[String; 4]> {
    let mut lines = include_str!("../fixtures/events-catalogue.csv")
        .lines()
        .map(cells);
    let head = lines.next().unwrap();
    let places = COLUMNS.map(|column| head.iter().position(|cell| cell == column).unwrap());
    lines
        .map(|row| places.map(|place| row[place].clone()))
        .collect()
}

/// The cells of a line, some of them in quotes.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut in_quotes) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '"' => in_quotes = !in_quotes,
            ',' if !in_quotes => cells.push(String::new()),
            _ => cells.last_mut().unwrap().push(letter),
        }
    }
    cells
}
