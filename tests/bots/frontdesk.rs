//! The front desk: clients of a line, by day and by night.

use bots::Frontdesk;
use imbot::App;
use imbot::emulator::{Client, NewLine};
use imbot::store::{Clock, Time};
use serde_json::Value;

use crate::support::Desk;

const BORIS: u64 = 2;
const CLARA: u64 = 3;

const FILE: &str = "
greeting = 'Hello!'
away = 'We are back on {day} at {time}.'

[hours]
days = ['Monday', 'Friday']
from = '09:00'
to = '18:00'
utc_offset = '+00:00'

[[topics]]
name = 'Bills'
line = 2

[[topics]]
name = 'Something else'

[[questions]]
asked = ['delivery price']
answer = 'Four euros.'

[words]
done = ['done']
";

/// 2026-11-20, 10:00: a Friday.
const BY_DAY: Time = Time(1_795_168_800_000);
/// The day after.
const BY_NIGHT: Time = Time(1_795_255_200_000);

const MENU: &str =
    "1  Bills\n2  Something else\n0  To a person\nWrite a number, or ask in your own words.";

/// A line of Boris's with the bot, and line 2 of Clara's.
struct Office {
    desk: Desk,
    eve: Client,
}

impl Office {
    async fn at(time: Time) -> Office {
        let app = App::new().bot(Frontdesk::read(FILE).unwrap());
        let desk = Desk::with(app.clock(Clock::new(move || time))).await;
        let support = NewLine::new("Support")
            .queue(&[BORIS])
            .bot(desk.bot("frontdesk"));
        let line = desk.portal.add_line(support);
        assert_eq!(
            desk.portal.add_line(NewLine::new("Bills").queue(&[CLARA])),
            2
        );
        let (id, name) = ("eve".to_owned(), "Eve".to_owned());
        let eve = Client { line, id, name };
        Office { desk, eve }
    }

    /// Eve writes, and waits until she has been told this since.
    async fn says(&self, text: &str, expected: &[&str]) -> &Office {
        let before = self.told().len();
        self.desk.portal.client_says(&self.eve, text).unwrap();
        let told = |office: &Office| office.told()[before..].to_vec();
        self.desk
            .until(&format!("{expected:?}"), |_| {
                told(self).len() >= expected.len()
            })
            .await;
        assert_eq!(told(self), expected, "after {text}");
        self
    }

    fn told(&self) -> Vec<String> {
        let bot = self.desk.bot("frontdesk");
        let mut seen = self.desk.portal.client_sees(&self.eve);
        seen.retain(|message| message["author"] == bot);
        texts(&seen)
    }

    fn session(&self) -> Value {
        self.desk.portal.lines()["sessions"][0].clone()
    }

    /// Waits until somebody is asked to answer Eve, and tells the notes for them.
    async fn comes_to(&self, operator: u64) -> Vec<String> {
        self.desk
            .until("an operator", |_| self.session()["operator"] == operator)
            .await;
        self.notes()
    }

    fn notes(&self) -> Vec<String> {
        let chat = self.session()["chat"].as_u64().unwrap();
        let mut said = self.desk.portal.line_history(chat);
        said.retain(|message| message["outside"]["state"] == "silent");
        texts(&said)
    }
}

fn texts(messages: &[Value]) -> Vec<String> {
    let texts = messages
        .iter()
        .filter_map(|message| message["text"].as_str());
    texts.map(str::to_owned).collect()
}

fn menu(above: &str) -> String {
    format!("{above}\n{MENU}")
}

#[tokio::test]
async fn it_greets_once_answers_what_it_knows_and_shows_the_menu_otherwise() {
    let office = Office::at(BY_DAY).await;
    let price = "Four euros.\nWas that all? Then write “done”.";
    office.says("hi", &[&menu("Hello!")]).await;
    office
        .says("What is the price of a delivery?", &[price])
        .await;
    office
        .says("and of a horse?", &[&menu("I do not know that.")])
        .await;
    assert_eq!(office.session()["operator_is_bot"], true);
}

#[tokio::test]
async fn a_question_at_once_is_answered_after_the_greeting() {
    let office = Office::at(BY_DAY).await;
    let price = "Four euros.\nWas that all? Then write “done”.";
    office
        .says("delivery price", &[&menu("Hello!"), price])
        .await;
}

#[tokio::test]
async fn a_topic_leads_to_its_queue_or_to_the_lines_own() {
    for (choice, operator, name) in [
        ("1", CLARA, "Bills"),
        ("something ELSE", BORIS, "Something else"),
    ] {
        let office = Office::at(BY_DAY).await;
        office.says("hi", &[&menu("Hello!")]).await;
        office
            .says(choice, &["One moment, I call somebody for you."])
            .await;
        let notes = office.comes_to(operator).await;
        assert_eq!(notes, [format!("The client asks for: [b]{name}[/b]")]);
    }
}

#[tokio::test]
async fn out_of_hours_it_takes_a_message_that_waits_in_the_queue() {
    let office = Office::at(BY_NIGHT).await;
    let away = "We are back on Monday at 09:00.\n1  Bills\n2  Something else\nWrite a number, or ask in your own words.";
    office.says("hi", &[away]).await;
    let leave = "Please leave a message, and how we reach you; it is read when we are back on Monday at 09:00.";
    office.says("bills", &[leave]).await;
    office
        .says(
            "It is [b]wrong[/b]",
            &["Thank you. Your message waits for us."],
        )
        .await;
    let notes = office.comes_to(CLARA).await;
    let plain = "A message out of hours, Bills: It is [\u{2060}b]wrong[\u{2060}/b]";
    assert_eq!(notes, [plain]);
}

#[tokio::test]
async fn a_vote_ends_the_session_and_anything_else_goes_on() {
    let office = Office::at(BY_DAY).await;
    let vote = "How was it, from 1 (bad) to 5 (good)?";
    office.says("hi", &[&menu("Hello!")]).await;
    office.says("Done!", &[vote]).await;
    office.says("6", &[&menu("I do not know that.")]).await;
    office.says("done", &[vote]).await;
    office.says("5", &["Thank you, and goodbye!"]).await;
    office
        .desk
        .until("the end", |_| office.session()["closed"] == true)
        .await;
    assert_eq!(office.notes(), ["The client's vote: 5 of 5"]);
    office.says("hello again", &[&menu("Hello!")]).await;
}

#[tokio::test]
async fn in_a_private_chat_it_explains_itself_and_answers() {
    let office = Office::at(BY_DAY).await;
    let mut ann = office.desk.private("Ann", "frontdesk");
    ann.opens()
        .sees("I receive the clients of open channels")
        .await;
    ann.says("delivery price").sees("Four euros.").await;
}
