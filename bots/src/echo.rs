//! A bot that repeats messages, like the portal's own example.
//!
//! ```text
//! Ann    opens the chat
//! Echo   Hello, Ann! I am Echo. Write something, and I will repeat it.   [What else?] [Colours]
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

/// Repeats messages; in groups, those that mention it.
#[derive(Clone, Copy, Debug)]
pub struct Echo;

impl Bot for Echo {
    fn profile(&self) -> Profile {
        Profile::new("echo", "Echo")
            .color(BotColor::Mint)
            .work_position("Repeats your messages")
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![
            CommandSpec::new("help", "What I can do"),
            CommandSpec::new("echo", "Repeat a text").params("<text>"),
            CommandSpec::new("colors", "Show a list of colours"),
            CommandSpec::new("page", "Show a page of the list").hidden(),
            CommandSpec::new("color", "Show a colour").hidden(),
        ]
    }

    async fn join(&self, cx: &mut Context, _: Join) -> Result {
        let hello = if cx.dialog().is_group() {
            Text::new()
                .plain("Hello, everybody! I am Echo. Mention me, and I will repeat your message.")
        } else {
            let name = cx.user().and_then(|user| user.first_name.as_deref());
            Text::new()
                .plain("Hello, ")
                .bold(name.unwrap_or("stranger"))
                .plain("! I am Echo. Write something, and I will repeat it.")
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
            "" => cx.say("Thank you! I can repeat text, but not files."),
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
        ("/echo", Text::new().put("repeat a text", "/echo ")),
        (
            "/colors",
            Text::new().send("a list with buttons to turn its pages", "/colors"),
        ),
        ("/help", Text::new().plain("this message")),
    ];
    Draft::new(
        Text::new()
            .bold("I repeat your messages.")
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

/// The colours of chats and bots on the portal.
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
/// Number of colours on a page.
const PAGE: usize = 4;
const PAGES: usize = COLORS.len() / PAGE;

/// Returns a page of the list. The first page follows the last one.
fn page(number: usize) -> Draft {
    let number = number % PAGES;
    Draft::new(format!("Colours, page {} of {PAGES}", number + 1)).keyboard(buttons(number))
}

/// Returns a colour, with the buttons of its page.
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
