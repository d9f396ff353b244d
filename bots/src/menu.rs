//! A bot that leads through a tree of choices: by buttons, by numbers, or by words.
//!
//! ```text
//! Ann    opens the chat
//! Menu   Welcome! What do you need?   [1 Lunch] [2 A room] [3 IT help] [4 Holidays]
//! Ann    presses [1 Lunch]
//! Menu   What would you like?         [1 Pizza] [2 Soup] [‹ Back]   (the same message, edited)
//! Ann    soup
//! Menu   Which soup?                  [1 Tomato] [2 Pumpkin] [‹ Back] [« Home]
//! Ann    7
//! Menu   There is no “7” here. Which soup?
//! Ann    2
//! Menu   Lunch › Soup › Pumpkin
//!        A bowl comes at noon.        [« Home]
//! ```
//!
//! The state is the way from the root to where the conversation stands. A button names the whole way, so one of an old
//! message leads where it says, wherever the conversation has gone since.

use imbot::handler::BotColor;
use imbot::prelude::*;

/// Leads through a tree of choices.
#[derive(Clone, Debug)]
pub struct Menu {
    root: Choice,
}

/// A place in the tree: an answer, or a question with choices below it.
#[derive(Clone, Debug)]
pub struct Choice {
    label: String,
    text: String,
    below: Vec<Choice>,
}

/// The places of the choices taken, from the root.
type Way = Vec<usize>;

impl Choice {
    /// The end of a way: what is answered to those who chose it.
    pub fn answer(label: impl Into<String>, text: impl Into<String>) -> Choice {
        Choice::question(label, text, [])
    }

    /// A question, and what can be chosen then.
    pub fn question(
        label: impl Into<String>,
        text: impl Into<String>,
        below: impl IntoIterator<Item = Choice>,
    ) -> Choice {
        Choice {
            label: label.into(),
            text: text.into(),
            below: below.into_iter().collect(),
        }
    }

    /// The place of what people mean by a number or a word; a word need not be whole.
    fn find(&self, said: &str) -> Option<usize> {
        let said = said.to_lowercase();
        let number = said
            .parse()
            .ok()
            .filter(|number| (1..=self.below.len()).contains(number));
        let named =
            |choice: &Choice| !said.is_empty() && choice.label.to_lowercase().contains(&said);
        number
            .map(|number: usize| number - 1)
            .or_else(|| self.below.iter().position(named))
    }
}

impl Menu {
    /// A menu that begins with this question.
    pub fn new(question: impl Into<String>, choices: impl IntoIterator<Item = Choice>) -> Menu {
        Menu {
            root: Choice::question("Home", question, choices),
        }
    }

    /// What an office asks for most.
    pub fn office() -> Menu {
        use Choice as C;
        let soups = [
            C::answer("Tomato", "A bowl comes at noon."),
            C::answer("Pumpkin", "A bowl comes at noon."),
        ];
        let lunch = [
            C::answer("Pizza", "It comes at noon, still hot."),
            C::question("Soup", "Which soup?", soups),
        ];
        let rooms = [
            C::answer("Two", "The blue room is free, second door on the left."),
            C::answer("Six", "The green room is free, beside the kitchen."),
        ];
        let help = [
            C::answer(
                "Password",
                "Reset it on the sign-in page: [b]Forgot your password?[/b]",
            ),
            C::answer(
                "Printer",
                "Switch it off and on. If it still blinks, call 112.",
            ),
        ];
        Menu::new(
            "What do you need?",
            [
                C::question("Lunch", "What would you like?", lunch),
                C::question("A room", "For how many people?", rooms),
                C::question("IT help", "What does not work?", help),
                C::answer(
                    "Holidays",
                    "Ask whoever sits beside you, then write to Clara.",
                ),
            ],
        )
    }

    /// The place at the end of a way, if the tree has it: it may have grown otherwise since.
    fn place(&self, way: &[usize]) -> Option<&Choice> {
        way.iter()
            .try_fold(&self.root, |place, step| place.below.get(*step))
    }

    /// Where words lead from here.
    fn understand(&self, from: &[usize], said: &str) -> Option<Way> {
        match said.to_lowercase().as_str() {
            "" | "home" | "menu" => Some(Way::new()),
            "back" => Some(parent(from).to_vec()),
            words => Some([from, &[self.place(from)?.find(words)?]].concat()),
        }
    }

    /// Leads a conversation this way: what is said at its end. After an answer it begins anew.
    fn lead(&self, state: &mut Way, way: Way) -> Draft {
        let (way, place) = match self.place(&way) {
            Some(place) => (way, place),
            None => (Way::new(), &self.root),
        };
        let keyboard = keyboard(&way, place);
        if place.below.is_empty() {
            let chosen = Text::new().bold(self.names(&way)).line().bb(&place.text);
            state.clear();
            Draft::new(chosen).keyboard(keyboard)
        } else {
            *state = way;
            Draft::new(&place.text).keyboard(keyboard)
        }
    }

    fn names(&self, way: &[usize]) -> String {
        let places = (1..=way.len()).filter_map(|steps| self.place(&way[..steps]));
        let names: Vec<&str> = places.map(|place| place.label.as_str()).collect();
        names.join(" › ")
    }
}

impl Bot<Way> for Menu {
    fn profile(&self) -> Profile {
        Profile::new("menu", "Menu")
            .color(BotColor::Azure)
            .work_position("Lunch, rooms, help")
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![
            CommandSpec::new("menu", "Begin from the top"),
            CommandSpec::new("go", "Go a way")
                .params("<steps>")
                .hidden(),
        ]
    }

    async fn join(&self, cx: &mut Context<Way>, _: Join) -> Result {
        let question = self.lead(&mut cx.state, Way::new());
        let welcome = format!("Welcome! {}", question.text());
        cx.say(question.edited(welcome.into()));
        Ok(())
    }

    async fn message(&self, cx: &mut Context<Way>, message: Message) -> Result {
        let said = message.text.as_str();
        let from = cx.state.clone();
        let reply = match self.understand(&from, said) {
            Some(way) => self.lead(&mut cx.state, way),
            None => sorry(said, self.lead(&mut cx.state, from)),
        };
        cx.say(reply);
        Ok(())
    }

    async fn command(&self, cx: &mut Context<Way>, command: Command) -> Result {
        let (way,) = command.args()?;
        let draft = self.lead(&mut cx.state, way);
        cx.show(&command, draft);
        Ok(())
    }
}

/// How much of what was not understood is repeated.
const SAID_CHARS_MAX: usize = 50;
/// Buttons beside each other.
const ROW: usize = 2;

/// The question again, after what was not understood.
fn sorry(said: &str, question: Draft) -> Draft {
    let said: String = said.chars().take(SAID_CHARS_MAX).collect();
    let sorry = Text::new().plain(format_args!("There is no “{said}” here. "));
    let again = sorry.bb(question.text());
    question.edited(again.into())
}

/// What can be chosen at a place, and the ways back.
fn keyboard(way: &[usize], place: &Choice) -> Keyboard {
    let go = |label: String, way: &[usize]| {
        let steps: Vec<String> = way.iter().map(usize::to_string).collect();
        Button::command(label, "go", steps.join(" "))
    };
    let choices = place.below.iter().enumerate().map(|(step, choice)| {
        let label = format!("{} {}", step + 1, choice.label);
        go(label, &[way, &[step]].concat()).tone(Tone::Primary)
    });
    let choices: Vec<Button> = choices.collect();
    let mut back = Vec::new();
    if !way.is_empty() && !place.below.is_empty() {
        back.push(go("‹ Back".into(), parent(way)));
    }
    if way.len() > 1 || place.below.is_empty() {
        back.push(go("« Home".into(), &[]));
    }
    let rows = choices.chunks(ROW).map(<[Button]>::to_vec);
    rows.fold(Keyboard::new(), Keyboard::row).row(back)
}

fn parent(way: &[usize]) -> &[usize] {
    way.split_last().map_or(&[], |(_, parent)| parent)
}
