//! Python's `textwrap.wrap` as jinja2's `wordwrap` calls it.

use super::Result;
use super::text::{Char, Writer, is_alpha, is_word};

pub struct Options {
    pub width: usize,
    /// Whether words longer than a line are cut.
    pub long_words: bool,
    /// Whether lines may end at the hyphen of a word.
    pub hyphens: bool,
}

fn is_blank(c: char) -> bool {
    matches!(c, '\t'..='\r' | ' ')
}

/// Writes `line` in lines of the width, `separator` between them.
pub fn wrap(line: &[Char], options: &Options, separator: &[Char], out: &mut Writer) -> Result<()> {
    out.meter().spend_chars(line.len() * 4)?;
    let mut chunks = split(line, options.hyphens);
    chunks.reverse();
    let mut first = true;
    while !chunks.is_empty() {
        let mut current: Vec<&[Char]> = Vec::new();
        let mut len = 0;
        let blank = |chunk: &[Char]| chunk.iter().all(|c| super::text::is_space(c.char()));
        if !first && chunks.last().is_some_and(|chunk| blank(chunk)) {
            chunks.pop();
        }
        while let Some(&chunk) = chunks.last()
            && len + chunk.len() <= options.width
        {
            current.push(chunk);
            len += chunk.len();
            chunks.pop();
        }
        if let Some(&chunk) = chunks.last()
            && chunk.len() > options.width
        {
            long_word(&mut chunks, &mut current, len, options);
        }
        if current.last().is_some_and(|chunk| blank(chunk)) {
            current.pop();
        }
        if !current.is_empty() {
            if !first {
                out.extend(separator)?;
            }
            current.iter().try_for_each(|chunk| out.extend(chunk))?;
            first = false;
        }
    }
    Ok(())
}

fn long_word<'c>(chunks: &mut Vec<&'c [Char]>, current: &mut Vec<&'c [Char]>, len: usize, options: &Options) {
    let Some(chunk) = chunks.pop() else { return };
    let room = options.width.saturating_sub(len).max(1);
    if options.long_words {
        let mut end = room.min(chunk.len());
        if options.hyphens && chunk.len() > room {
            let hyphen = chunk[..room].iter().rposition(|c| c.char() == '-');
            if let Some(hyphen) = hyphen
                && hyphen > 0
                && chunk[..hyphen].iter().any(|c| c.char() != '-')
            {
                end = hyphen + 1;
            }
        }
        current.push(&chunk[..end]);
        if end < chunk.len() {
            chunks.push(&chunk[end..]);
        }
    } else if current.is_empty() {
        current.push(chunk);
    } else {
        chunks.push(chunk);
    }
}

/// White space and words; a word also ends behind a hyphen between letters and around a dash of hyphens.
fn split(line: &[Char], hyphens: bool) -> Vec<&[Char]> {
    let char_at = |at: usize| line.get(at).map(|c| c.char());
    let letter = |at: Option<usize>| at.and_then(char_at).is_some_and(is_alpha);
    let punct = |c: char| is_word(c) || matches!(c, '!' | '"' | '\'' | '&' | '.' | ',' | '?');
    let dash_len = |at: usize| line[at..].iter().take_while(|c| c.char() == '-').count();
    // A dash of two hyphens or more that stands between words.
    let dash = |at: usize| {
        let len = dash_len(at);
        let before = at.checked_sub(1).and_then(char_at).is_some_and(punct);
        (len >= 2 && before && char_at(at + len).is_some_and(is_word)).then_some(len)
    };
    let mut chunks = Vec::new();
    let mut at = 0;
    while at < line.len() {
        let begin = at;
        if is_blank(line[at].char()) {
            at += line[at..].iter().take_while(|c| is_blank(c.char())).count();
        } else if let Some(len) = dash(at).filter(|_| hyphens) {
            at += len;
        } else {
            loop {
                at += 1;
                let Some(c) = char_at(at) else { break };
                if is_blank(c) || hyphens && dash(at).is_some() {
                    break;
                }
                let hyphen = at - 1;
                let before =
                    |back: usize| letter(hyphen.checked_sub(back).filter(|&place| place >= begin || place < hyphen));
                if hyphens
                    && line[hyphen].char() == '-'
                    && (before(1) && before(2)
                        || before(1) && hyphen >= 2 && char_at(hyphen - 2) == Some('-') && before(3))
                    && letter(Some(at))
                    && (letter(Some(at + 1)) || char_at(at + 1) == Some('-') && letter(Some(at + 2)))
                    && hyphen > begin
                {
                    break;
                }
            }
        }
        chunks.push(&line[begin..at]);
    }
    chunks
}
