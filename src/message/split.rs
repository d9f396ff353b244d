//! Splits a text that is too long for one message, without breaking BB codes.

use super::plain::Tag;

/// Codes whose content is their value, or a label that is clicked: a part of it has another
/// meaning, so they are split only if they do not fit into one part.
const WHOLE_CODES: &[&str] = &[
    "url",
    "user",
    "chat",
    "context",
    "put",
    "send",
    "call",
    "img",
    "icon",
    "disk",
    "timestamp",
];

/// A line of dashes begins and ends a quote (protocol/bots-v2.md 11).
const QUOTE_LINE: &str = "------";

/// Maximum number of codes that are open at a place. Of more, the outermost are text.
const OPEN_MAX: usize = 1_000;

/// Maximum length of a code between its brackets, in bytes. Longer ones are text.
const CODE_BYTES_MAX: usize = 2_048;

/// Returns a text as parts of at most `chars_max` characters.
///
/// Parts end with a paragraph, or else with a line, a sentence or a word. A BB code that goes on in
/// the next part is closed at the end of the one and opened again at the beginning of the other.
/// Spaces and empty lines between two parts are dropped.
///
/// ```
/// use imbot::message::split;
///
/// let text = "[b]First sentence. Second sentence.[/b]";
/// assert_eq!(split(text, 25), ["[b]First sentence.[/b]", "[b]Second sentence.[/b]"]);
/// ```
pub fn split(text: &str, chars_max: usize) -> Vec<String> {
    let chars_max = chars_max.max(1);
    let mut splitter = Splitter::new(text);
    let mut parts = Vec::new();
    while let Some(part) = splitter.next_part(chars_max) {
        if !part.trim().is_empty() {
            parts.push(part);
        }
    }
    parts
}

/// A code with its end, by their bytes in the text.
struct Code<'t> {
    /// In lower case.
    name: String,
    open: &'t str,
    close: &'t str,
}

/// Where a code begins or ends.
struct Mark {
    start: usize,
    end: usize,
    code: usize,
    is_end: bool,
}

/// The ways to end a part, worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Break {
    InWholeCode,
    Anywhere,
    Word,
    Sentence,
    Line,
    Paragraph,
}

const BREAKS: usize = Break::Paragraph as usize + 1;

struct Splitter<'t> {
    text: &'t str,
    codes: Vec<Code<'t>>,
    marks: Vec<Mark>,
    /// Where the next part begins.
    at: usize,
    /// The first mark that is not before `at`.
    mark: usize,
    /// The codes that are open at `at`, outermost first.
    open: Vec<usize>,
}

impl<'t> Splitter<'t> {
    fn new(text: &'t str) -> Self {
        let (codes, marks) = codes(text);
        Self {
            text,
            codes,
            marks,
            at: 0,
            mark: 0,
            open: Vec::new(),
        }
    }

    fn next_part(&mut self, chars_max: usize) -> Option<String> {
        self.skip();
        if self.at >= self.text.len() {
            return None;
        }
        let mut part = self.opening();
        let budget = chars_max.saturating_sub(part.chars().count());
        let end = match self.end(budget) {
            Some(end) => end,
            None => {
                // The codes alone are longer than a part: the rest is split as if it had none.
                part.clear();
                self.open.clear();
                self.marks.clear();
                self.cut(chars_max)
            }
        };
        let from = std::mem::replace(&mut self.at, end);
        part.push_str(self.text[from..end].trim_end());
        while let Some(mark) = self.marks.get(self.mark).filter(|mark| mark.start < end) {
            apply(&mut self.open, mark);
            self.mark += 1;
        }
        for code in self.open.iter().rev() {
            part.push_str(self.codes[*code].close);
        }
        Some(part)
    }

    /// Drops the space before the next part, and the ends of codes that were closed with the last
    /// one.
    fn skip(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let is_code = self.is_open("code");
            let is_space = |char: char| char.is_whitespace() && (!is_code || char == '\n');
            let blank = rest.len() - rest.trim_start_matches(is_space).len();
            let mark = self.marks.get(self.mark);
            match mark.filter(|mark| mark.start <= self.at + blank && mark.is_end) {
                Some(mark) if self.at > 0 => {
                    self.at = mark.end;
                    apply(&mut self.open, mark);
                    self.mark += 1;
                }
                _ => {
                    self.at += blank;
                    return;
                }
            }
        }
    }

    fn is_open(&self, name: &str) -> bool {
        self.open.iter().any(|code| self.codes[*code].name == name)
    }

    /// Returns what the next part begins with: the codes that go on, and the mark of a quoted line.
    fn opening(&self) -> String {
        let codes = self.open.iter().map(|code| self.codes[*code].open);
        let mut opening: String = codes.collect();
        let line = self.text[..self.at].rfind('\n').map_or(0, |at| at + 1);
        if line < self.at && self.text[line..].starts_with(">>") {
            opening.push_str(">>");
        }
        opening
    }

    /// Returns the best end of a part of at most this many characters, with the codes closed.
    fn end(&self, budget: usize) -> Option<usize> {
        let mut last = [None; BREAKS];
        let (mut at, mut mark, mut chars) = (self.at, self.mark, 0);
        let mut open = self.open.clone();
        let mut is_after_open = false;
        let mut closing = self.closing(&open);
        let mut is_whole = self.is_whole(&open);
        loop {
            if chars + closing > budget {
                break;
            }
            if at == self.text.len() {
                return Some(at);
            }
            if chars > 0 && !is_after_open {
                last[self.break_at(at, is_whole) as usize] = Some((at, chars));
            }
            is_after_open = false;
            match self.marks.get(mark).filter(|mark| mark.start == at) {
                Some(found) => {
                    chars += self.text[at..found.end].chars().count();
                    at = found.end;
                    is_after_open = !found.is_end;
                    apply(&mut open, found);
                    closing = self.closing(&open);
                    is_whole = self.is_whole(&open);
                    mark += 1;
                }
                None => {
                    at += self.text[at..].chars().next().map_or(1, char::len_utf8);
                    chars += 1;
                }
            }
        }
        // A good break in the first half would make a short part.
        let (in_whole_code, outside) = last.split_first()?;
        let good = outside
            .iter()
            .rev()
            .flatten()
            .find(|(_, chars)| *chars * 2 >= budget);
        let any = || outside.iter().flatten().max_by_key(|(at, _)| *at);
        good.or_else(any)
            .or(in_whole_code.as_ref())
            .map(|(at, _)| *at)
    }

    /// Returns how many characters close these codes.
    fn closing(&self, open: &[usize]) -> usize {
        let close = |code: &usize| self.codes[*code].close.chars().count();
        open.iter().map(close).sum()
    }

    /// Returns true if one of these codes should not be split.
    fn is_whole(&self, open: &[usize]) -> bool {
        let is_whole = |code: &usize| WHOLE_CODES.contains(&self.codes[*code].name.as_str());
        open.iter().any(is_whole)
    }

    fn break_at(&self, at: usize, is_whole: bool) -> Break {
        let (before, after) = self.text.split_at(at);
        let is_space_next = after.starts_with(char::is_whitespace);
        if is_whole {
            Break::InWholeCode
        } else if before.ends_with("\n\n") || before.ends_with("\n\r\n") {
            Break::Paragraph
        } else if before.ends_with('\n') {
            Break::Line
        } else if before.ends_with('。')
            || (is_space_next && before.ends_with(['.', '!', '?', '…']))
        {
            Break::Sentence
        } else if is_space_next || before.ends_with(char::is_whitespace) {
            Break::Word
        } else {
            Break::Anywhere
        }
    }

    /// Returns the end of a part of this many characters, whatever is there.
    fn cut(&self, chars_max: usize) -> usize {
        let rest = &self.text[self.at..];
        let end = rest.char_indices().nth(chars_max);
        end.map_or(self.text.len(), |(end, _)| self.at + end)
    }
}

/// Changes the list of open codes by one mark.
fn apply(open: &mut Vec<usize>, mark: &Mark) {
    if !mark.is_end {
        open.push(mark.code);
    } else if open.last() == Some(&mark.code) {
        open.pop();
    }
}

/// Returns the codes that have an end, and their marks in order. Other brackets are text.
fn codes(text: &str) -> (Vec<Code<'_>>, Vec<Mark>) {
    let mut begun: Vec<(String, usize, usize)> = Vec::new();
    let (mut codes, mut marks) = (Vec::new(), Vec::new());
    let lines = quote_lines(text);
    let mut at = 0;
    while at < text.len() {
        let inside = begun.last().map(|it| &*it.0);
        let Some((name, start, end, is_end)) = next_tag(text, &lines, at, inside) else {
            break;
        };
        at = end;
        if !is_end {
            if begun.len() == OPEN_MAX {
                begun.remove(0);
            }
            begun.push((name, start, end));
            continue;
        }
        let Some(depth) = begun.iter().rposition(|(begun, ..)| *begun == name) else {
            continue;
        };
        let (name, open_start, open_end) = begun.swap_remove(depth);
        begun.truncate(depth); // codes inside without an end
        let code = codes.len();
        let close = if name == QUOTE_LINE { start - 1 } else { start }; // with its line break
        codes.push(Code {
            name,
            open: &text[open_start..open_end],
            close: &text[close..end],
        });
        for (start, end, is_end) in [(open_start, open_end, false), (start, end, true)] {
            marks.push(Mark {
                start,
                end,
                code,
                is_end,
            });
        }
    }
    marks.sort_by_key(|mark| mark.start);
    (codes, marks)
}

/// Returns the next code from a byte on: its name, its bytes, and whether it ends a code. Inside
/// `[code]` there is only its end.
fn next_tag(
    text: &str,
    lines: &[(usize, usize)],
    from: usize,
    inside: Option<&str>,
) -> Option<(String, usize, usize, bool)> {
    let is_code = inside == Some("code");
    let (mut at, mut close) = (from, 0); // `close` is the next closing bracket
    loop {
        let bracket = text[at..].find('[').map(|found| at + found);
        let line = lines.get(lines.partition_point(|(start, _)| *start < at));
        let line = line.copied().filter(|_| !is_code);
        if let Some((start, end)) = line.filter(|line| bracket.is_none_or(|at| line.0 < at)) {
            let is_end = inside == Some(QUOTE_LINE);
            let end = if is_end {
                end
            } else {
                (end + 1).min(text.len())
            };
            return Some((QUOTE_LINE.to_owned(), start, end, is_end));
        }
        let start = bracket?;
        at = start + 1;
        if close < at {
            close = at + text[at..].find(']').unwrap_or(text.len());
        }
        let Some(code) = text.get(at..close).filter(|it| it.len() < CODE_BYTES_MAX) else {
            continue;
        };
        let Some(tag) = Tag::read(code).filter(|tag| tag.name != "br") else {
            continue;
        };
        if !is_code || (tag.is_end && tag.name == "code") {
            return Some((tag.name, start, at + code.len() + 1, tag.is_end));
        }
    }
}

/// Returns the bytes of the lines of dashes, in order. They are found once, since each bracket is
/// compared with the next one.
fn quote_lines(text: &str) -> Vec<(usize, usize)> {
    let mut lines = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find(QUOTE_LINE) {
        let start = at + found;
        let line = text[start..].lines().next().unwrap_or_default();
        let is_begin = start == 0 || text[..start].ends_with('\n');
        at = start + line.len();
        if is_begin && line.bytes().all(|byte| byte == b'-') {
            lines.push((start, at));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use crate::message::split::*;

    #[test]
    fn parts_end_with_a_paragraph_a_line_a_sentence_or_a_word() {
        let cases: [(&str, usize, &[&str]); 7] = [
            ("short", 20, &["short"]),
            (
                "One two.\n\nThree four. Five.",
                20,
                &["One two.", "Three four. Five."],
            ),
            (
                "One two three\nfour five six",
                20,
                &["One two three", "four five six"],
            ),
            (
                "It is one. It is two. It is",
                15,
                &["It is one.", "It is two.", "It is"],
            ),
            ("aaaa bbbb cccc", 9, &["aaaa bbbb", "cccc"]),
            ("абвгдежз", 3, &["абв", "где", "жз"]),
            (" \n ", 3, &[]),
        ];
        for (text, max, expected) in cases {
            assert_eq!(split(text, max), expected, "{text:?}");
        }
    }

    #[test]
    fn a_code_that_goes_on_is_closed_and_opened_again() {
        let cases: [(&str, usize, &[&str]); 8] = [
            (
                "[B]one two[/B] three",
                12,
                &["[B]one[/B]", "[B]two[/B]", "three"],
            ),
            (
                "[b][i]one two[/i][/b]",
                18,
                &["[b][i]one[/i][/b]", "[b][i]two[/i][/b]"],
            ),
            (
                "see [url=https://a.example]the page[/url] now",
                40,
                &["see", "[url=https://a.example]the page[/url]", "now"],
            ),
            ("a [b] b c d", 7, &["a [b] b", "c d"]),
            (
                "[code]a [b] c\n  d[/code]",
                20,
                &["[code]a [b] c[/code]", "[code]  d[/code]"],
            ),
            (">>one two three", 12, &[">>one two", ">>three"]),
            (
                "------\none two three\nfour five six\n------\nend",
                30,
                &[
                    "------\none two three\n------",
                    "------\nfour five six\n------",
                    "end",
                ],
            ),
            ("[size=10]xy[/size]", 5, &["[size", "=10]x", "y[/si", "ze]"]),
        ];
        for (text, max, expected) in cases {
            assert_eq!(split(text, max), expected, "{text:?}");
        }
    }

    #[test]
    fn many_brackets_and_deep_codes_are_split_within_the_limit() {
        let deep = |depth| "[b]".repeat(depth) + &"a ".repeat(10_000) + &"[/b]".repeat(depth);
        let texts = [
            "[".repeat(200_000),
            "[b] ".repeat(10_000),
            "[b]".repeat(10_000) + &"[/i]".repeat(10_000),
            deep(500),
            deep(5_000),
            "[b]1[/b]\n------\n".repeat(2_000),
            "a".repeat(100_000),
            "👨‍👩‍👧".repeat(10_000),
        ];
        for text in texts {
            let parts = split(&text, 9_000);
            assert!(parts.iter().all(|part| part.chars().count() <= 9_000));
        }
    }
}
