//! Markdown as text with BB codes, such as what language models write.

use std::fmt::Write;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, TextMergeStream};

use super::text::{Text, value};

impl Text {
    /// Adds Markdown (`CommonMark`, with tables and struck text), as far as BB codes can show it:
    /// headings become bold lines, tables text of fixed width, pictures links. HTML and BB codes in
    /// it are shown as they were written.
    ///
    /// ```
    /// use imbot::message::Text;
    ///
    /// let text = Text::new().markdown("**Total:** 5, see [the list](https://example.com).");
    /// assert_eq!(
    ///     String::from(text),
    ///     "[b]Total:[/b] 5, see [url=https://example.com]the list[/url]."
    /// );
    /// ```
    #[must_use]
    pub fn markdown(self, markdown: impl AsRef<str>) -> Self {
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
        let mut writer = Writer::new(self);
        // Merged, so that a bracket is escaped by what follows it.
        for event in TextMergeStream::new(Parser::new_ext(markdown.as_ref(), options)) {
            writer.write(event);
        }
        writer.end()
    }
}

/// Writes the events of a parser as text.
struct Writer {
    /// What is written so far, and inside of a quote what was written before it.
    texts: Vec<Text>,
    /// The lists around the present place, each with the number of its next item if it has numbers.
    lists: Vec<Option<u64>>,
    /// The rows of the present table.
    table: Option<Vec<Vec<String>>>,
    /// Whether a block has ended, so that the next one begins on a new line.
    is_after_block: bool,
    /// Whether the number or the point of an item was written last.
    is_after_mark: bool,
}

impl Writer {
    fn new(text: Text) -> Self {
        Self {
            texts: vec![text],
            lists: Vec::new(),
            table: None,
            is_after_block: false,
            is_after_mark: false,
        }
    }

    fn write(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end_tag(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(code) => self.change(|text| text.code(&code), &code),
            Event::SoftBreak | Event::HardBreak => self.text("\n"),
            Event::Rule => {
                self.begin_block();
                self.text("———");
                self.is_after_block = true;
            }
            // Not enabled.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.text(&text);
            }
            Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.begin_block(),
            Tag::Heading { .. } => {
                self.begin_block();
                self.code("[b]");
            }
            Tag::BlockQuote(_) => {
                self.begin_block();
                self.texts.push(Text::new());
            }
            Tag::CodeBlock(_) => {
                self.begin_block();
                self.code("[code]");
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.begin_block();
                }
                self.lists.push(first);
            }
            Tag::Item => self.begin_item(),
            Tag::Table(_) => {
                self.begin_block();
                self.table = Some(Vec::new());
            }
            Tag::TableHead | Tag::TableRow => {
                self.table.get_or_insert_default().push(Vec::new());
            }
            Tag::TableCell => {
                if let Some(row) = self.table.as_mut().and_then(|table| table.last_mut()) {
                    row.push(String::new());
                }
            }
            Tag::Emphasis => self.code("[i]"),
            Tag::Strong => self.code("[b]"),
            Tag::Strikethrough => self.code("[s]"),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.code(&format!("[url={}]", value(dest_url)));
            }
            _ => {} // not enabled
        }
    }

    fn end_tag(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.is_after_block = true,
            TagEnd::Heading(_) => {
                self.code("[/b]");
                self.is_after_block = true;
            }
            TagEnd::BlockQuote(_) => {
                let quoted = self.texts.pop().unwrap_or_default();
                for line in quoted.as_str().lines() {
                    self.code(&format!(">>{line}\n"));
                }
                self.is_after_block = true;
            }
            TagEnd::CodeBlock => {
                self.code("[/code]");
                self.is_after_block = true;
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.is_after_block = self.lists.is_empty();
            }
            TagEnd::Item => {
                self.is_after_block = false;
                self.is_after_mark = false;
            }
            TagEnd::Table => {
                let rows = self.table.take().unwrap_or_default();
                self.change(|text| text.code(aligned(&rows)), "");
                self.is_after_block = true;
            }
            TagEnd::Emphasis => self.code("[/i]"),
            TagEnd::Strong => self.code("[/b]"),
            TagEnd::Strikethrough => self.code("[/s]"),
            TagEnd::Link | TagEnd::Image => self.code("[/url]"),
            _ => {}
        }
    }

    /// Begins a block: after another one on a new line, with an empty line between them outside of
    /// lists.
    fn begin_block(&mut self) {
        let is_first = self.last().as_str().is_empty();
        if std::mem::take(&mut self.is_after_mark) || is_first {
            self.is_after_block = false;
            return;
        }
        self.new_line();
        if std::mem::take(&mut self.is_after_block) && self.lists.is_empty() {
            self.code("\n");
        }
    }

    fn begin_item(&mut self) {
        if !self.last().as_str().is_empty() {
            self.new_line();
        }
        let indentation = "    ".repeat(self.lists.len().saturating_sub(1));
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{indentation}{}. ", *number - 1)
            }
            _ => format!("{indentation}• "),
        };
        self.code(&mark);
        self.is_after_mark = true;
        self.is_after_block = false;
    }

    fn new_line(&mut self) {
        if !self.last().as_str().ends_with('\n') {
            self.code("\n");
        }
    }

    /// Adds text, escaped.
    fn text(&mut self, text: &str) {
        self.is_after_mark = false;
        self.change(|into| into.plain(text), text);
    }

    /// Adds codes. A table has none.
    fn code(&mut self, codes: &str) {
        self.change(|into| into.bb(codes), "");
    }

    /// Changes the text. Inside of a table adds `plain` to its cell instead.
    fn change(&mut self, change: impl FnOnce(Text) -> Text, plain: &str) {
        let cell = self
            .table
            .as_mut()
            .and_then(|table| table.last_mut()?.last_mut());
        if let Some(cell) = cell {
            cell.push_str(plain);
            return;
        }
        if let Some(text) = self.texts.last_mut() {
            *text = change(std::mem::take(text));
        }
    }

    fn last(&self) -> &Text {
        &self.texts[self.texts.len() - 1]
    }

    fn end(mut self) -> Text {
        self.texts.swap_remove(0)
    }
}

/// Returns the rows of a table with columns of equal width.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column| {
        let cells = rows.iter().filter_map(|row: &Vec<String>| row.get(column));
        cells
            .map(|cell: &String| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(markdown: &str) -> String {
        Text::new().markdown(markdown).into()
    }

    #[test]
    fn markdown_becomes_codes() {
        for (markdown, expected) in [
            ("plain", "plain"),
            (
                "**b** *i* ~~s~~ `c`",
                "[b]b[/b] [i]i[/i] [s]s[/s] [code]c[/code]",
            ),
            ("# Head\n\ntext\nline", "[b]Head[/b]\n\ntext\nline"),
            ("one\n\ntwo", "one\n\ntwo"),
            ("- a\n- b\n  - c\n- d", "• a\n• b\n    • c\n• d"),
            ("Do:\n\n3. a\n4. b\n\nDone", "Do:\n\n3. a\n4. b\n\nDone"),
            ("```rust\nlet a = 1;\n```", "[code]let a = 1;\n[/code]"),
            ("> said\n> so\n\nyes", ">>said\n>>so\n\nyes"),
            ("a\n\n---\n\nb", "a\n\n———\n\nb"),
            (
                "![pic](https://example.com/a.png)",
                "[url=https://example.com/a.png]pic[/url]",
            ),
            (
                "| a | long |\n|---|---|\n| 1 | 2 |",
                "[code]a  long\n1  2[/code]",
            ),
        ] {
            assert_eq!(codes(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn what_is_not_markdown_stays_as_it_was_written() {
        for (markdown, expected) in [
            ("[b]no[/b]", "[\u{2060}b]no[\u{2060}/b]"),
            ("<b>no</b>", "<b>no</b>"),
            ("**half", "**half"),
            ("```\nhalf", "[code]half[/code]"),
            ("[half](https://exa", "[\u{2060}half](https://exa"),
            ("", ""),
        ] {
            assert_eq!(codes(markdown), expected, "{markdown}");
        }
        let bracket = codes("[x](https://example.com/[b]y)");
        assert!(!bracket.contains("[b]y"), "{bracket}");
    }
}
