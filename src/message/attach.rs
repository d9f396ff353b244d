//! Blocks attached to a message: links, people, tables, images, files.
//!
//! protocol/bots-v2.md 10: each block is an object with one key. Values left out are the portal's
//! choice.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Color, InvalidDraft, Tone, check_link, check_size, json, wrong};
use crate::event::{Api, BotId, ChatId, UserId};

const PART: &str = "attachment";

/// Blocks attached to a message, in the order shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Attach {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    color_token: Option<Tone>,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<Color>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(flatten)]
    fields: Map<String, Value>,
    blocks: Vec<Block>,
}

/// One block of an attachment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Block {
    /// Text with BB codes.
    Message(String),
    /// A link with a description and a picture.
    Link(Link),
    /// A link as the portal shows the first link of a text. The portal's pages mention it without a
    /// description (protocol/bots-v2.md 10).
    #[serde(rename = "RICH_LINK")]
    RichLink(Link),
    /// A person, a chat or a bot with a picture.
    User(Person),
    /// Names and values, as a table, a column or a line.
    Grid(Vec<GridCell>),
    /// Pictures.
    Image(Vec<Image>),
    /// Files to download.
    File(Vec<FileLink>),
    /// A line between blocks.
    Delimiter {
        /// Its length in pixels.
        #[serde(rename = "SIZE")]
        size: u32,
        /// Its colour. Default: the portal's.
        #[serde(rename = "COLOR", skip_serializing_if = "Option::is_none")]
        color: Option<Color>,
    },
    /// A block of another kind, as the portal expects it: an object with one key.
    #[serde(untagged)]
    Other(Map<String, Value>),
}

/// A link with a description and a picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Link {
    /// The address.
    pub link: String,
    /// The label. Default: the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The description below the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desc: Option<String>,
    /// A description as HTML, in place of `desc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// The address of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
    /// The picture's width in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// The picture's height in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// The user that the label links to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The chat that the label links to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// The user of Bitrix24.Network that the label links to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_id: Option<String>,
}

/// A person, a chat or a bot.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Person {
    /// The name.
    pub name: String,
    /// The address of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// The address that the name links to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The user that the name links to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The chat that the name links to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// The bot that the name links to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<BotId>,
    /// The user of Bitrix24.Network that the name links to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_id: Option<String>,
    /// The picture to show if there is no `avatar`. Default: that of a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_type: Option<AvatarType>,
}

/// The kind of picture next to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum AvatarType {
    /// A person.
    User,
    /// A chat.
    Chat,
    /// A bot.
    Bot,
}

/// A name and a value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct GridCell {
    /// The layout of the grid; the same in all its cells.
    pub display: Display,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The value, with BB codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The width of the name's column in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// The height of the cell in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// The value's colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<Color>,
    /// The value's colour by meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color_token: Option<Tone>,
    /// The address that the value links to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The user that the value links to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The chat that the value links to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
}

impl GridCell {
    /// Returns a cell with a name and a value. Either may be empty.
    pub fn new(display: Display, name: impl Into<String>, value: impl Into<String>) -> Self {
        let filled = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            display,
            name: filled(name.into()),
            value: filled(value.into()),
            width: None,
            height: None,
            color: None,
            color_token: None,
            link: None,
            user_id: None,
            chat_id: None,
        }
    }
}

/// The layout of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Display {
    /// Name above value, one below the other.
    Block,
    /// Name above value, side by side.
    Line,
    /// Name left of value.
    Row,
    /// A table.
    Table,
}

/// A picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub struct Image {
    /// Its address.
    pub link: String,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address of a smaller picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
    /// Its width in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Its height in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
}

/// A file to download.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub struct FileLink {
    /// Its address.
    pub link: String,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

impl Attach {
    /// Returns an attachment without blocks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the colour of the bar next to the attachment. Default: the portal's.
    #[must_use]
    pub fn color(mut self, color: Color) -> Self {
        self.color = Some(color);
        self
    }

    /// Sets the colour of the bar by meaning. Default: [`Tone::Base`].
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.color_token = Some(tone);
        self
    }

    /// Adds a block.
    #[must_use]
    pub fn block(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    /// Adds text with BB codes.
    #[must_use]
    pub fn message(self, text: impl Into<String>) -> Self {
        self.block(Block::Message(text.into()))
    }

    /// Adds a link.
    #[must_use]
    pub fn link(self, name: impl Into<String>, link: impl Into<String>) -> Self {
        self.block(Block::Link(Link {
            link: link.into(),
            name: Some(name.into()),
            ..Link::default()
        }))
    }

    /// Adds names and values.
    #[must_use]
    pub fn grid<N: Into<String>, V: Into<String>>(
        self,
        display: Display,
        cells: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let cell = |(name, value): (N, V)| GridCell::new(display, name, value);
        self.block(Block::Grid(cells.into_iter().map(cell).collect()))
    }

    /// Adds a line.
    #[must_use]
    pub fn delimiter(self) -> Self {
        self.block(Block::Delimiter {
            size: 200,
            color: Some(Color::hex(0xc6c6c6)),
        })
    }

    /// Sets the attachment's number in its message. Default: the portal's.
    #[must_use]
    pub fn id(mut self, id: u64) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets the text that lists of chats and notices show in place of the attachment. Default: the
    /// portal's.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Sets a field of the attachment that has no method here, by the portal's name. It replaces a
    /// value that another method has set. Blocks of other kinds are [`Block::Other`].
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// Checks the portal's limits for bots of v2.
    ///
    /// # Errors
    /// The attachment is empty or too large, or has a block that the portal would drop.
    pub fn check(&self) -> Result<(), InvalidDraft> {
        self.check_for(Api::V2)
    }

    /// Checks the portal's limits for bots of this API.
    ///
    /// # Errors
    /// The attachment is empty or too large, or has a block that the portal would drop.
    pub fn check_for(&self, api: Api) -> Result<(), InvalidDraft> {
        if self.blocks.is_empty() {
            return Err(wrong(PART, "no block"));
        }
        self.blocks.iter().try_for_each(Block::check)?;
        check_size(PART, &json(self), api)
    }
}

impl Block {
    fn check(&self) -> Result<(), InvalidDraft> {
        let empty = |is_empty: bool, what: &str| {
            if is_empty {
                Err(wrong(PART, what))
            } else {
                Ok(())
            }
        };
        match self {
            Block::Message(text) => empty(text.trim().is_empty(), "a text block without text"),
            Block::Link(link) | Block::RichLink(link) => check_link(PART, &link.link),
            Block::User(person) => empty(person.name.trim().is_empty(), "a person without a name"),
            Block::Grid(cells) => {
                empty(cells.is_empty(), "a grid without cells")?;
                let mixed = cells.iter().any(|cell| cell.display != cells[0].display);
                empty(
                    mixed,
                    "a grid whose cells differ in DISPLAY; the portal takes one kind per grid",
                )
            }
            Block::Image(images) => {
                empty(images.is_empty(), "an image block without images")?;
                images
                    .iter()
                    .try_for_each(|image| check_link(PART, &image.link))
            }
            Block::File(files) => {
                empty(files.is_empty(), "a file block without files")?;
                files
                    .iter()
                    .try_for_each(|file| check_link(PART, &file.link))
            }
            Block::Other(block) => empty(block.is_empty(), "an empty block"),
            Block::Delimiter { .. } => Ok(()),
        }
    }
}

impl From<Block> for Attach {
    fn from(block: Block) -> Self {
        Self::new().block(block)
    }
}
