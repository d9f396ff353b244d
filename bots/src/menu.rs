//! A bot that offers a tree of choices, by buttons, numbers or words.
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
//!        A bowl will come at noon.    [« Home]
//! ```
//!
//! The state is the path from the root to the current choice. A button contains the whole path, so
//! a button of an old message still works, wherever the conversation is now.

use imbot::handler::BotColor;
use imbot::prelude::*;

/// Offers a tree of choices.
#[derive(Clone, Debug)]
pub struct Menu {
    root: Choice,
}

/// A node of the tree: an answer, or a question with choices.
#[derive(Clone, Debug)]
pub struct Choice {
    label: String,
    text: String,
    choices: Vec<Choice>,
}

/// The indices of the choices taken, from the root.
type Path = Vec<usize>;

impl Choice {
    /// Returns a choice that leads to an answer.
    pub fn answer(label: impl Into<String>, text: impl Into<String>) -> Self {
        Self::question(label, text, [])
    }

    /// Returns a choice that leads to a question with further choices.
    pub fn question(
        label: impl Into<String>,
        text: impl Into<String>,
        choices: impl IntoIterator<Item = Choice>,
    ) -> Self {
        Self {
            label: label.into(),
            text: text.into(),
            choices: choices.into_iter().collect(),
        }
    }

    /// Returns the index of the choice with this number, or whose label contains this text.
    fn find(&self, text: &str) -> Option<usize> {
        let text = text.to_lowercase();
        let number = text
            .parse()
            .ok()
            .filter(|number| (1..=self.choices.len()).contains(number));
        let named =
            |choice: &Choice| !text.is_empty() && choice.label.to_lowercase().contains(&text);
        number
            .map(|number: usize| number - 1)
            .or_else(|| self.choices.iter().position(named))
    }
}

impl Menu {
    /// Returns a menu that begins with this question.
    pub fn new(question: impl Into<String>, choices: impl IntoIterator<Item = Choice>) -> Self {
        Self {
            root: Choice::question("Home", question, choices),
        }
    }

    /// Returns a menu with frequent questions in an office.
    pub fn office() -> Self {
        use Choice as C;
        let soups = [
            C::answer("Tomato", "A bowl will come at noon."),
            C::answer("Pumpkin", "A bowl will come at noon."),
        ];
        let lunch = [
            C::answer("Pizza", "It will come at noon."),
            C::question("Soup", "Which soup?", soups),
        ];
        let rooms = [
            C::answer("Two", "The blue room is free, second door on the left."),
            C::answer("Six", "The green room is free, next to the kitchen."),
        ];
        let help = [
            C::answer(
                "Password",
                "Reset it on the sign-in page: [b]Forgot your password?[/b]",
            ),
            C::answer(
                "Printer",
                "Switch it off and on. If it still blinks, call extension 112.",
            ),
        ];
        Self::new(
            "What do you need?",
            [
                C::question("Lunch", "What would you like?", lunch),
                C::question("A room", "For how many people?", rooms),
                C::question("IT help", "What does not work?", help),
                C::answer(
                    "Holidays",
                    "Ask your colleagues first, then write to Clara.",
                ),
            ],
        )
    }

    /// Returns the choice at the end of a path. A stored path may be missing in a newer tree.
    fn choice(&self, path: &[usize]) -> Option<&Choice> {
        path.iter()
            .try_fold(&self.root, |choice, index| choice.choices.get(*index))
    }

    /// Returns the path that a text selects from here.
    fn select(&self, from: &[usize], text: &str) -> Option<Path> {
        match text.to_lowercase().as_str() {
            "" | "home" | "menu" => Some(Path::new()),
            "back" => Some(parent(from).to_vec()),
            text => Some([from, &[self.choice(from)?.find(text)?]].concat()),
        }
    }

    /// Moves a conversation to the end of a path, and returns the message there. An answer resets
    /// the conversation to the root, as does a path that does not exist.
    fn go(&self, state: &mut Path, path: Path) -> Draft {
        let (path, choice) = match self.choice(&path) {
            Some(choice) => (path, choice),
            None => (Path::new(), &self.root),
        };
        let keyboard = keyboard(&path, choice);
        if choice.choices.is_empty() {
            let answer = Text::new().bold(self.labels(&path)).line().bb(&choice.text);
            state.clear();
            Draft::new(answer).keyboard(keyboard)
        } else {
            *state = path;
            Draft::new(&choice.text).keyboard(keyboard)
        }
    }

    fn labels(&self, path: &[usize]) -> String {
        let choices = (1..=path.len()).filter_map(|length| self.choice(&path[..length]));
        let labels: Vec<&str> = choices.map(|choice| choice.label.as_str()).collect();
        labels.join(" › ")
    }
}

impl Bot<Path> for Menu {
    fn profile(&self) -> Profile {
        Profile::new("menu", "Menu")
            .color(BotColor::Azure)
            .work_position("Lunch, rooms, help")
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![
            CommandSpec::new("menu", "Start from the beginning"),
            CommandSpec::new("go", "Go to a choice")
                .params("<steps>")
                .hidden(),
        ]
    }

    async fn join(&self, cx: &mut Context<Path>, _: Join) -> Result {
        let question = self.go(&mut cx.state, Path::new());
        let welcome = format!("Welcome! {}", question.text());
        cx.say(question.edited(welcome.into()));
        Ok(())
    }

    async fn message(&self, cx: &mut Context<Path>, message: Message) -> Result {
        let text = message.text.as_str();
        let from = cx.state.clone();
        let reply = match self.select(&from, text) {
            Some(path) => self.go(&mut cx.state, path),
            None => not_found(text, self.go(&mut cx.state, from)),
        };
        cx.say(reply);
        Ok(())
    }

    async fn command(&self, cx: &mut Context<Path>, command: Command) -> Result {
        let (path,) = command.args()?;
        let draft = self.go(&mut cx.state, path);
        cx.show(&command, draft);
        Ok(())
    }
}

/// Maximum length of an unknown text that is repeated, in characters.
const TEXT_CHARS_MAX: usize = 50;
/// Number of buttons in a row.
const ROW: usize = 2;

/// Returns the question again, after a text that selects no choice.
fn not_found(text: &str, question: Draft) -> Draft {
    let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
    let error = Text::new().plain(format_args!("There is no “{text}” here. "));
    let repeated = error.bb(question.text());
    question.edited(repeated.into())
}

/// Returns the buttons of a choice: its choices, back and home.
fn keyboard(path: &[usize], choice: &Choice) -> Keyboard {
    let go = |label: String, path: &[usize]| {
        let steps: Vec<String> = path.iter().map(usize::to_string).collect();
        Button::command(label, "go", steps.join(" "))
    };
    let choices = choice.choices.iter().enumerate().map(|(index, choice)| {
        let label = format!("{} {}", index + 1, choice.label);
        go(label, &[path, &[index]].concat()).tone(Tone::Primary)
    });
    let choices: Vec<Button> = choices.collect();
    let mut back = Vec::new();
    if !path.is_empty() && !choice.choices.is_empty() {
        back.push(go("‹ Back".into(), parent(path)));
    }
    if path.len() > 1 || choice.choices.is_empty() {
        back.push(go("« Home".into(), &[]));
    }
    let rows = choices.chunks(ROW).map(<[Button]>::to_vec);
    rows.fold(Keyboard::new(), Keyboard::row).row(back)
}

fn parent(path: &[usize]) -> &[usize] {
    path.split_last().map_or(&[], |(_, parent)| parent)
}
