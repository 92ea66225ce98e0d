//! Sets of characters as ECMA-262 defines them.

use std::sync::OnceLock;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

use super::{Flags, Parsed};

/// `\s`: white space and line terminators.
const SPACE: [(char, char); 10] = [
    ('\t', '\r'),
    (' ', ' '),
    ('\u{a0}', '\u{a0}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{2000}', '\u{200a}'),
    ('\u{2028}', '\u{2029}'),
    ('\u{202f}', '\u{202f}'),
    ('\u{205f}', '\u{205f}'),
    ('\u{3000}', '\u{3000}'),
    ('\u{feff}', '\u{feff}'),
];
/// What `.` does not take.
const LINE_ENDS: [(char, char); 3] = [('\n', '\n'), ('\r', '\r'), ('\u{2028}', '\u{2029}')];
const DIGITS: [(char, char); 1] = [('0', '9')];
const WORD: [(char, char); 4] = [('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
/// What belongs to words besides, where case is Unicode's and does not count: they fold to `s` and `k`.
const FOLDED_WORD: [(char, char); 2] = [('\u{17f}', '\u{17f}'), ('\u{212a}', '\u{212a}')];
/// The characters of one unit in UTF-16.
const ONE_UNIT: [(char, char); 2] = [('\0', '\u{d7ff}'), ('\u{e000}', '\u{ffff}')];

pub(super) fn of(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(ranges.iter().map(|&(first, last)| ClassUnicodeRange::new(first, last)))
}

fn not(mut set: ClassUnicode) -> ClassUnicode {
    set.negate();
    set
}

/// `.`
pub(super) fn dot(flags: Flags) -> ClassUnicode {
    if flags.dot_all { not(of(&[])) } else { not(of(&LINE_ENDS)) }
}

/// `\d` and its like, by their letter.
pub(super) fn escape(letter: char, flags: Flags) -> Option<ClassUnicode> {
    let mut set = match letter.to_ascii_lowercase() {
        'd' => of(&DIGITS),
        's' => of(&SPACE),
        'w' => of(&WORD),
        _ => return None,
    };
    if letter.eq_ignore_ascii_case(&'w') && flags.unicode && flags.ignore_case {
        set.union(&of(&FOLDED_WORD));
    }
    Some(if letter.is_ascii_uppercase() { not(set) } else { set })
}

/// `\p{name}`, or `\P{name}`.
pub(super) fn property(name: &str, is_negated: bool, flags: Flags) -> Parsed<ClassUnicode> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '=';
    let parsed = name.chars().all(is_plain).then(|| regex_syntax::parse(&format!("\\p{{{name}}}")).ok()).flatten();
    let set = match parsed.as_ref().map(regex_syntax::hir::Hir::kind) {
        Some(HirKind::Class(Class::Unicode(set))) => set.clone(),
        Some(HirKind::Literal(literal)) => {
            let text = std::str::from_utf8(&literal.0).unwrap_or_default();
            of(&text.chars().map(|c| (c, c)).collect::<Vec<_>>())
        }
        _ => return Err(format!("the property '{name}' of characters is not known, or cannot be enforced")),
    };
    // With `v` case is folded before anything is negated, with `u` behind it.
    let set = if flags.sets { fold(set, flags) } else { set };
    Ok(if is_negated { not(set) } else { set })
}

/// With all characters that differ in case alone, where case does not count.
pub(super) fn fold(mut set: ClassUnicode, flags: Flags) -> ClassUnicode {
    if !flags.ignore_case {
        return set;
    }
    if flags.unicode {
        // It fails without Unicode's tables only, and these are built in.
        let _ = set.try_case_fold_simple();
        return set;
    }
    let upper = upper_units();
    let mut wanted = vec![false; upper.len()];
    for range in set.iter() {
        for unit in range.start() as usize..=(range.end() as usize).min(upper.len() - 1) {
            wanted[upper[unit] as usize] = true;
        }
    }
    let is_wanted = |&unit: &u32| wanted[upper[unit as usize] as usize];
    let folded = (0..upper.len() as u32).filter(is_wanted).filter_map(char::from_u32);
    set.union(&ClassUnicode::new(folded.map(|c| ClassUnicodeRange::new(c, c))));
    set
}

/// What stands for each unit where case does not count without `u` and `v`: ECMA-262's Canonicalize.
fn upper_units() -> &'static [u16] {
    static UPPER: OnceLock<Vec<u16>> = OnceLock::new();
    UPPER.get_or_init(|| {
        let upper = |unit: u16| {
            let c = char::from_u32(u32::from(unit))?;
            let mut all = c.to_uppercase();
            let (first, rest) = (all.next()?, all.next());
            let stays = rest.is_some() || first as u32 > 0xffff || (unit > 127 && first.is_ascii());
            (!stays).then_some(first as u16)
        };
        (0..=u16::MAX).map(|unit| upper(unit).unwrap_or(unit)).collect()
    })
}

/// Only what is one unit in UTF-16.
pub(super) fn one_unit(set: &ClassUnicode) -> ClassUnicode {
    let mut set = set.clone();
    set.intersect(&of(&ONE_UNIT));
    set
}
