//! A bot that repeats what it hears, as the portal's own example does.
//!
//! ```text
//! Ann    opens the chat
//! Echo   Hello, Ann! I am Echo. Say something, and I say it again.   [What else?] [Colours]
//! Ann    Good morning
//! Echo   Good morning
//! Ann    /colors
//! Echo   Colours, page 1 of 4   [Red] [Green] [Mint] [Light blue]
//!                               [‹] [›]
//! Ann    presses [Mint]
//! Echo   Mint is #4ba984        (the same message, edited)
//! ```

use imbot::handler::BotColor;
use imbot::message::Display;
use imbot::prelude::*;

/// Repeats what it hears; in groups, what is said to it.
#[derive(Clone, Copy, Debug)]
pub struct Echo;

impl Bot for Echo {
    fn profile(&self) -> Profile {
        Profile::new("echo", "Echo")
            .color(BotColor::Mint)
            .work_position("Repeats what you say")
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![
            CommandSpec::new("help", "What I can do"),
            CommandSpec::new("echo", "Say it again").params("<text>"),
            CommandSpec::new("colors", "Show a list of colours"),
            CommandSpec::new("page", "Turn the list").hidden(),
            CommandSpec::new("color", "Show a colour").hidden(),
        ]
    }

    async fn join(&self, cx: &mut Context, _: Join) -> Result {
        let hello = if cx.dialog().is_group() {
            Text::new()
                .plain("Hello, everybody! I am Echo. Mention me, and I say again what you say.")
        } else {
            let name = cx.user().and_then(|user| user.first_name.as_deref());
            Text::new()
                .plain("Hello, ")
                .bold(name.unwrap_or("stranger"))
                .plain("! I am Echo. Say something, and I say it again.")
        };
        cx.say(hello).keyboard([
            Button::command("What else?", "help", ""),
            Button::command("Colours", "colors", ""),
        ]);
        Ok(())
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        match message.text.as_str() {
            "" if message.files.is_empty() => cx.say(help()),
            "" => cx.say("Thank you! Files are beyond me, I repeat words."),
            words => cx.say(words),
        };
        Ok(())
    }

    async fn command(&self, cx: &mut Context, command: Command) -> Result {
        match command.name.as_str() {
            "echo" => {
                let (Rest(words),) = command.args()?;
                cx.say(words)
            }
            "page" => {
                let (number,) = command.args()?;
                cx.show(&command, page(number))
            }
            "color" => {
                let (number,) = command.args()?;
                cx.show(&command, color(number)?)
            }
            "colors" => cx.say(page(0)),
            _ => cx.say(help()),
        };
        Ok(())
    }
}

fn help() -> Draft {
    let commands = [
        ("/echo", Text::new().put("say it again", "/echo ")),
        (
            "/colors",
            Text::new().send("a list that is turned by buttons", "/colors"),
        ),
        ("/help", Text::new().plain("what you are reading")),
    ];
    Draft::new(
        Text::new()
            .bold("Whatever you say, I say again.")
            .plain(" In a group, mention me first. I also know:"),
    )
    .attach(Attach::new().grid(Display::Row, commands))
    .keyboard([
        Button::command("Colours", "colors", ""),
        Button::link(
            "How bots are made",
            "https://apidocs.bitrix24.com/api-reference/chat-bots/",
        ),
    ])
}

/// The colours of chats and bots, as the portal paints them.
const COLORS: [(&str, Color); 16] = [
    ("Red", Color::hex(0xdf_53_2d)),
    ("Green", Color::hex(0x64_a5_13)),
    ("Mint", Color::hex(0x4b_a9_84)),
    ("Light blue", Color::hex(0x4b_a5_c3)),
    ("Dark blue", Color::hex(0x3e_99_ce)),
    ("Purple", Color::hex(0x84_74_c8)),
    ("Aqua", Color::hex(0x1e_b4_aa)),
    ("Pink", Color::hex(0xe5_8f_a5)),
    ("Lime", Color::hex(0x93_bd_3f)),
    ("Brown", Color::hex(0xa5_63_00)),
    ("Azure", Color::hex(0x5e_a6_d0)),
    ("Khaki", Color::hex(0x9e_8f_6a)),
    ("Sand", Color::hex(0xba_9c_7b)),
    ("Marengo", Color::hex(0x5f_7d_95)),
    ("Gray", Color::hex(0x8d_8d_8d)),
    ("Graphite", Color::hex(0x4c_4f_54)),
];
const PAGE: usize = 4;
const PAGES: usize = COLORS.len() / PAGE;

/// A page of the list; the last is followed by the first.
fn page(number: usize) -> Draft {
    let number = number % PAGES;
    Draft::new(format!("Colours, page {} of {PAGES}", number + 1)).keyboard(buttons(number))
}

/// A colour, on its page.
fn color(number: usize) -> Result<Draft> {
    let (name, color) = COLORS
        .get(number)
        .ok_or_else(|| tell("There is no such colour."))?;
    let text = Text::new().color(*color, name).plain(" is ").code(color);
    Ok(Draft::new(text).keyboard(buttons(number / PAGE)))
}

fn buttons(page: usize) -> Keyboard {
    let colors = COLORS.iter().enumerate().skip(page * PAGE).take(PAGE);
    let turn = |label, to: usize| Button::command(label, "page", (to % PAGES).to_string());
    Keyboard::new()
        .row(colors.map(|(number, (name, color))| {
            Button::command(*name, "color", number.to_string()).color(*color)
        }))
        .row([turn("‹", page + PAGES - 1), turn("›", page + 1)])
}
