//! The part of an answer in which a model thinks: text between `<think>` and `</think>` at its beginning.

const BEGIN: &str = "<think>";
const END: &str = "</think>";

/// A piece of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// What the model thinks.
    pub reasoning: String,
    /// What it says.
    pub text: String,
}

/// Tells thinking and saying apart while an answer arrives. Of white space only that around the two marks is lost.
#[derive(Clone, Debug)]
pub struct ReasoningSplit {
    place: Place,
    /// Text that waits: it may be a part of a mark, or white space before one.
    waiting: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing but white space and the beginning of the mark has come.
    Start,
    /// Behind the first mark; `true` once there was something.
    Thinking(bool),
    /// Behind the second mark, where nothing but white space has come.
    Behind,
    /// In the answer.
    Saying,
}

impl ReasoningSplit {
    /// At the start of an answer. Some templates open the thinking at the end of the `prompt`.
    pub fn after(prompt: &str) -> Self {
        let is_open = prompt.trim_end().ends_with(BEGIN);
        Self { place: if is_open { Place::Thinking(false) } else { Place::Start }, waiting: String::new() }
    }

    /// Takes the next text of the answer, and gives what is certain now.
    pub fn push(&mut self, text: &str) -> Piece {
        self.waiting.push_str(text);
        let mut piece = Piece::default();
        loop {
            let before = self.place;
            match before {
                Place::Start => self.start(),
                Place::Thinking(_) => self.think(&mut piece),
                Place::Behind => self.behind(),
                Place::Saying => piece.text.push_str(&std::mem::take(&mut self.waiting)),
            }
            if self.place == before {
                return piece;
            }
        }
    }

    /// The answer has ended: what still waits.
    pub fn finish(&mut self) -> Piece {
        let waiting = std::mem::take(&mut self.waiting);
        match self.place {
            Place::Thinking(_) => Piece { reasoning: waiting.trim_end().to_owned(), text: String::new() },
            Place::Behind => Piece::default(),
            Place::Start | Place::Saying => Piece { reasoning: String::new(), text: waiting },
        }
    }

    fn start(&mut self) {
        let said = self.waiting.trim_start();
        if let Some(rest) = said.strip_prefix(BEGIN) {
            (self.waiting, self.place) = (rest.to_owned(), Place::Thinking(false));
        } else if !BEGIN.starts_with(said) {
            self.place = Place::Saying;
        }
    }

    fn think(&mut self, piece: &mut Piece) {
        if self.place == Place::Thinking(false) {
            self.waiting = self.waiting.trim_start().to_owned();
        }
        let (certain, rest, place) = match self.waiting.split_once(END) {
            Some((thought, rest)) => (thought.trim_end(), rest, Place::Behind),
            None => {
                // The mark may have begun, and white space before it is lost.
                let part = (1..END.len()).rev().find(|&len| self.waiting.ends_with(&END[..len])).unwrap_or(0);
                let certain = self.waiting[..self.waiting.len() - part].trim_end();
                (certain, &self.waiting[certain.len()..], Place::Thinking(true))
            }
        };
        piece.reasoning.push_str(certain);
        let is_begun = self.place == Place::Thinking(true) || !certain.is_empty();
        self.place = if place == Place::Behind { place } else { Place::Thinking(is_begun) };
        self.waiting = rest.to_owned();
    }

    fn behind(&mut self) {
        self.waiting = self.waiting.trim_start().to_owned();
        if !self.waiting.is_empty() {
            self.place = Place::Saying;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(reasoning: &str, text: &str) -> Piece {
        Piece { reasoning: reasoning.to_owned(), text: text.to_owned() }
    }

    /// In pieces of every size the same comes out.
    #[track_caller]
    fn check(prompt: &str, answer: &str, want: &Piece) {
        for size in 1..=answer.len().max(1) {
            let mut split = ReasoningSplit::after(prompt);
            let mut got = Piece::default();
            let chars: Vec<char> = answer.chars().collect();
            for part in chars.chunks(size) {
                let Piece { reasoning, text } = split.push(&part.iter().collect::<String>());
                got.reasoning += &reasoning;
                got.text += &text;
            }
            let Piece { reasoning, text } = split.finish();
            got.reasoning += &reasoning;
            got.text += &text;
            assert_eq!(&got, want, "{answer:?} in pieces of {size}");
        }
    }

    #[test]
    fn thinking_and_saying_are_told_apart() {
        check("", "<think>\nOne, two.\n\nSo 3.\n</think>\n\nThree.\n", &piece("One, two.\n\nSo 3.", "Three.\n"));
        check("", " \n<think></think>Yes", &piece("", "Yes"));
        check("", "<think>\n\n</think>\n\nYes", &piece("", "Yes"));
        check("Assistant: <think>\n", "Hm.</think> Yes", &piece("Hm.", "Yes"));
        check("", "<think>üöä 日本</think>日本", &piece("üöä 日本", "日本"));
        check("", "<think>a </thin b</think>c", &piece("a </thin b", "c"));
    }

    #[test]
    fn other_answers_stay_as_they_are() {
        for answer in ["", "Yes", "  Yes", "<thin", "<thinker> says", "Use <think>this</think>.", "<", "\n"] {
            check("", answer, &piece("", answer));
        }
        check("a <think> in the prompt, and more", "Yes</think>", &piece("", "Yes</think>"));
        // A second thought belongs to the answer.
        check("", "<think>a</think>b<think>c</think>d", &piece("a", "b<think>c</think>d"));
    }

    #[test]
    fn thinking_that_is_cut_off_stays_thinking() {
        check("", "<think>\nOne, </thi", &piece("One, </thi", ""));
        check("<think>", "One", &piece("One", ""));
        check("", "<think>", &piece("", ""));
        check("", "<think>a</think>\n ", &piece("a", ""));
    }
}
