//! The front desk: clients of an open channel, during and outside working hours.

use bots::Frontdesk;
use imbot::App;
use imbot::emulator::{Client, NewLine};
use imbot::store::Time;
use imbot::testing::TestPortal;
use serde_json::Value;

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

/// 2026-11-20, 10:00, a Friday.
const OPEN: Time = Time(1_795_168_800_000);
/// The day after.
const CLOSED: Time = Time(1_795_255_200_000);

const MENU: &str =
    "1  Bills\n2  Something else\n0  Talk to a person\nWrite a number, or ask in your own words.";

/// A line of Boris with the bot, and line 2 of Clara.
struct Office {
    portal: TestPortal,
    eve: Client,
}

impl Office {
    async fn at(time: Time) -> Self {
        let app = App::new().bot(Frontdesk::read(FILE).unwrap());
        let portal = TestPortal::with_settings(app, |settings| settings.begins_at = time).await;
        let support = NewLine::new("Support")
            .queue(&[BORIS])
            .bot(portal.bot("frontdesk"));
        let line = portal.emulator().add_line(support);
        let bills = NewLine::new("Bills").queue(&[CLARA]);
        assert_eq!(portal.emulator().add_line(bills), 2);
        let (id, name) = ("eve".to_owned(), "Eve".to_owned());
        let eve = Client { line, id, name };
        Self { portal, eve }
    }

    /// Sends a message of Eve, and checks that the bot answers it with these messages.
    async fn says(&self, text: &str, expected: &[&str]) {
        let before = self.answers().len();
        let said = self.portal.emulator().client_says(&self.eve, text);
        said.unwrap();
        self.portal.settle().await;
        assert_eq!(self.answers()[before..], *expected, "after {text}");
    }

    /// Returns the bot's messages to Eve.
    fn answers(&self) -> Vec<String> {
        let bot = self.portal.bot("frontdesk");
        let mut seen = self.portal.emulator().client_sees(&self.eve);
        seen.retain(|message| message["author"] == bot);
        texts(&seen)
    }

    fn session(&self) -> Value {
        self.portal.emulator().lines()["sessions"][0].clone()
    }

    fn notes(&self) -> Vec<String> {
        let chat = self.session()["chat"].as_u64().unwrap();
        let mut said = self.portal.emulator().line_history(chat);
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
async fn it_greets_once_answers_known_questions_and_shows_the_menu_otherwise() {
    let office = Office::at(OPEN).await;
    let price = "Four euros.\nIs that all? Then write “done”.";
    office.says("hi", &[&menu("Hello!")]).await;
    office
        .says("What is the price of a delivery?", &[price])
        .await;
    office
        .says("and of a horse?", &[&menu("I do not know the answer.")])
        .await;
    assert_eq!(office.session()["operator_is_bot"], true);
}

#[tokio::test]
async fn a_question_in_the_first_message_is_answered_after_the_greeting() {
    let office = Office::at(OPEN).await;
    let price = "Four euros.\nIs that all? Then write “done”.";
    office
        .says("delivery price", &[&menu("Hello!"), price])
        .await;
}

#[tokio::test]
async fn a_topic_leads_to_its_own_queue_or_the_queue_of_the_line() {
    for (choice, operator, name) in [
        ("1", CLARA, "Bills"),
        ("something ELSE", BORIS, "Something else"),
    ] {
        let office = Office::at(OPEN).await;
        office.says("hi", &[&menu("Hello!")]).await;
        office
            .says(choice, &["One moment, I will call somebody for you."])
            .await;
        assert_eq!(office.session()["operator"], operator);
        assert_eq!(
            office.notes(),
            [format!("The client asks for: [b]{name}[/b]")]
        );
    }
}

#[tokio::test]
async fn outside_working_hours_it_puts_a_message_into_the_queue() {
    let office = Office::at(CLOSED).await;
    let away = "We are back on Monday at 09:00.\n1  Bills\n2  Something else\nWrite a number, or ask in your own words.";
    office.says("hi", &[away]).await;
    let leave = "Please leave a message and tell us how to reach you. We will read it when we are back on Monday at 09:00.";
    office.says("bills", &[leave]).await;
    office
        .says("It is [b]wrong[/b]", &["Thank you. We have your message."])
        .await;
    assert_eq!(office.session()["operator"], CLARA);
    let plain = "A message out of hours, Bills: It is [\u{2060}b]wrong[\u{2060}/b]";
    assert_eq!(office.notes(), [plain]);
}

#[tokio::test]
async fn a_rating_ends_the_session_and_other_messages_continue_it() {
    let office = Office::at(OPEN).await;
    let question = "How was this chat, from 1 (bad) to 5 (good)?";
    office.says("hi", &[&menu("Hello!")]).await;
    office.says("Done!", &[question]).await;
    office
        .says("6", &[&menu("I do not know the answer.")])
        .await;
    office.says("done", &[question]).await;
    office.says("5", &["Thank you, and goodbye!"]).await;
    assert_eq!(office.session()["closed"], true);
    assert_eq!(office.notes(), ["The client's rating: 5 of 5"]);
    office.says("hello again", &[&menu("Hello!")]).await;
}

#[tokio::test]
async fn in_a_private_chat_it_explains_itself_and_answers_questions() {
    let office = Office::at(OPEN).await;
    let mut ann = office.portal.private("Ann", "frontdesk");
    ann.opens().sees("I answer clients of open channels").await;
    ann.says("delivery price").sees("Four euros.").await;
}
