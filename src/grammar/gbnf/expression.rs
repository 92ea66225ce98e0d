//! The right side of a rule.

use super::chars::CharSet;

/// What derives texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Expression {
    /// One character of a set.
    Chars(CharSet),
    /// One behind the other; none: the empty text.
    Sequence(Vec<Self>),
    /// Any of them.
    Choice(Vec<Self>),
    /// At least so often, and at most.
    Repeat(Box<Self>, u32, Option<u32>),
    /// The rule with this index.
    Rule(usize),
}

/// Rules, of which the first is the root.
#[derive(Clone, Debug, Default)]
pub(super) struct Grammar {
    pub(super) rules: Vec<Expression>,
}

impl Grammar {
    /// Without the choices that never come to an end, because a rule in them names itself whatever is chosen; `None` if nothing is
    /// left of the root.
    pub(super) fn without_endless(&self) -> Option<Self> {
        let mut ends = vec![false; self.rules.len()];
        loop {
            let before = ends.clone();
            for (rule, body) in self.rules.iter().enumerate().rev() {
                ends[rule] |= body.ending(&ends).is_some();
            }
            if ends == before {
                break;
            }
        }
        // A rule that never ends is not named any more.
        let rules = self.rules.iter().map(|body| body.ending(&ends).unwrap_or(Expression::Sequence(Vec::new())));
        ends.first().is_some_and(|&ends| ends).then(|| Self { rules: rules.collect() })
    }
}

impl Expression {
    /// What comes to an end of it, where these rules do.
    fn ending(&self, ends: &[bool]) -> Option<Self> {
        match self {
            Self::Chars(set) => (!set.is_empty()).then(|| self.clone()),
            Self::Rule(rule) => ends[*rule].then(|| self.clone()),
            Self::Sequence(all) => {
                all.iter().map(|child| child.ending(ends)).collect::<Option<_>>().map(Self::Sequence)
            }
            Self::Choice(all) => {
                let all: Vec<_> = all.iter().filter_map(|child| child.ending(ends)).collect();
                (!all.is_empty()).then_some(Self::Choice(all))
            }
            Self::Repeat(inner, least, most) => match inner.ending(ends) {
                Some(inner) => Some(Self::Repeat(Box::new(inner), *least, *most)),
                None => (*least == 0).then(|| Self::Sequence(Vec::new())),
            },
        }
    }

    /// The expressions right inside of it.
    pub(super) fn children(&self) -> &[Self] {
        match self {
            Self::Sequence(all) | Self::Choice(all) => all,
            Self::Repeat(inner, _, _) => std::slice::from_ref(inner),
            Self::Chars(_) | Self::Rule(_) => &[],
        }
    }

    /// Whether the rule is named anywhere in it.
    pub(super) fn names(&self, rule: usize) -> bool {
        *self == Self::Rule(rule) || self.children().iter().any(|child| child.names(rule))
    }

    /// What this derives but for the empty text; `None` if that was all. Without rules inside.
    pub(super) fn without_empty(&self) -> Option<Self> {
        match self {
            Self::Chars(_) | Self::Rule(_) => Some(self.clone()),
            Self::Choice(all) => {
                let all: Vec<_> = all.iter().filter_map(Self::without_empty).collect();
                (!all.is_empty()).then_some(Self::Choice(all))
            }
            Self::Repeat(inner, least, most) => {
                let first = inner.without_empty()?;
                if *most == Some(0) {
                    return None;
                }
                let least = if inner.is_nullable() { 1 } else { (*least).max(1) };
                Some(Self::Repeat(Box::new(first), least, *most))
            }
            Self::Sequence(all) => {
                if !self.is_nullable() {
                    return Some(self.clone());
                }
                // The first that is not empty, and what follows it.
                let begun = (0..all.len()).filter_map(|place| {
                    let mut rest = vec![all[place].without_empty()?];
                    rest.extend_from_slice(&all[place + 1..]);
                    Some(Self::Sequence(rest))
                });
                let begun: Vec<_> = begun.collect();
                (!begun.is_empty()).then_some(Self::Choice(begun))
            }
        }
    }

    /// Whether it derives the empty text. Without rules inside.
    pub(super) fn is_nullable(&self) -> bool {
        match self {
            Self::Chars(_) | Self::Rule(_) => false,
            Self::Sequence(all) => all.iter().all(Self::is_nullable),
            Self::Choice(all) => all.iter().any(Self::is_nullable),
            Self::Repeat(inner, least, _) => *least == 0 || inner.is_nullable(),
        }
    }

    /// The characters in it, repetitions counted once.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Chars(_) => 1,
            _ => self.children().iter().map(Self::size).fold(0, usize::saturating_add),
        }
    }

    /// The most parts within each other.
    pub(super) fn depth(&self) -> usize {
        1 + self.children().iter().map(Self::depth).max().unwrap_or(0)
    }

    /// As a regular expression. Without rules inside.
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Chars(set) => set.write(out),
            Self::Sequence(all) => all.iter().for_each(|child| child.write(out)),
            Self::Choice(all) => {
                out.push_str("(?:");
                for (i, child) in all.iter().enumerate() {
                    if i > 0 {
                        out.push('|');
                    }
                    child.write(out);
                }
                out.push(')');
            }
            Self::Repeat(inner, least, most) => {
                out.push_str("(?:");
                inner.write(out);
                out.push(')');
                out.push_str(&times(*least, *most));
            }
            Self::Rule(_) => {}
        }
    }
}

/// How often, as regular expressions and Lark have it.
pub(super) fn times(least: u32, most: Option<u32>) -> String {
    match (least, most) {
        (0, None) => "*".to_owned(),
        (1, None) => "+".to_owned(),
        (0, Some(1)) => "?".to_owned(),
        (least, None) => format!("{{{least},}}"),
        (least, Some(most)) => format!("{{{least},{most}}}"),
    }
}
