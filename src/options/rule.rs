//! One option.

/// The largest number that fits the engine's 32-bit counts.
pub const MAX_COUNT: u64 = u32::MAX as u64;
/// The largest whole number that a JavaScript number holds exactly.
pub const MAX_SAFE: u64 = (1 << 53) - 1;

/// An option: what it is called, what it may be and what it does.
#[derive(Debug)]
pub struct Rule {
    /// As JavaScript spells it.
    pub name: &'static str,
    /// Its values.
    pub kind: Kind,
    /// Its effect and its default, for the documentation; a sentence without its full stop.
    pub about: &'static str,
}

/// The values that an option may have.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A finite number.
    Number {
        /// The least value.
        least: f64,
        /// Whether `least` itself is out of range.
        above: bool,
        /// The greatest value, infinite where there is none.
        most: f64,
        /// Where the caller says nothing.
        default: f64,
    },
    /// A whole number.
    Whole {
        /// The least value.
        least: u64,
        /// The greatest value.
        most: u64,
    },
    /// `true` or `false`.
    Flag,
    /// Any string.
    Text,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// `auto`, or the name of a ternary kernel.
    Kernel,
    /// A check that only JavaScript can do.
    Custom {
        /// Its type, in JSDoc's spelling.
        typescript: &'static str,
        /// The text that follows "expected" in an error.
        expected: &'static str,
        /// The function of `worker/options.js` that checks it.
        check: &'static str,
    },
}

impl Rule {
    /// The default of a number.
    pub const fn default(&self) -> f64 {
        match self.kind {
            Kind::Number { default, .. } => default,
            _ => panic!("only numbers have a default here"),
        }
    }

    /// Whether a number is in range. What is no number option allows none.
    pub fn allows(&self, value: f64) -> bool {
        match self.kind {
            Kind::Number { least, above, most, .. } => {
                value.is_finite() && value <= most && if above { value > least } else { value >= least }
            }
            Kind::Whole { least, most } => value.fract() == 0.0 && value >= least as f64 && value <= most as f64,
            _ => false,
        }
    }

    /// The text that follows "expected" in an error. `kernels`: the names of all ternary kernels.
    pub fn expected(&self, kernels: &[&str]) -> String {
        match self.kind {
            Kind::Number { least: f64::MIN, .. } => "a number".to_owned(),
            Kind::Number { least, above: true, most, .. } if most.is_finite() => {
                format!("a number above {least}, at most {most}")
            }
            Kind::Number { least, above: true, .. } => format!("a number above {least}"),
            Kind::Number { least, most, .. } if most.is_finite() => format!("a number from {least} to {most}"),
            Kind::Number { least, .. } => format!("a number of {least} or more"),
            Kind::Whole { least, most: MAX_SAFE } => format!("a whole number from {least} to 2^53 - 1"),
            Kind::Whole { least, most } => format!("a whole number from {least} to {most}"),
            Kind::Flag => "true or false".to_owned(),
            Kind::Text => "a string".to_owned(),
            Kind::OneOf(names) => one_of(names),
            Kind::Kernel => one_of(&[&["auto"], kernels].concat()),
            Kind::Custom { expected, .. } => expected.to_owned(),
        }
    }
}

fn one_of(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("one of {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE: Rule =
        Rule { name: "share", kind: Kind::Number { least: 0.0, above: true, most: 1.0, default: 1.0 }, about: "" };

    #[test]
    fn a_number_is_checked_against_its_range() {
        assert!([f64::MIN_POSITIVE, 0.5, 1.0].iter().all(|&value| SHARE.allows(value)));
        assert!([0.0, -1.0, 1.1, f64::NAN, f64::INFINITY].iter().all(|&value| !SHARE.allows(value)));
        assert_eq!(SHARE.expected(&[]), "a number above 0, at most 1");
    }

    #[test]
    fn every_name_is_there_once() {
        for list in [crate::LOAD, crate::ADAPTER, crate::GENERATE] {
            for (index, rule) in list.iter().enumerate() {
                assert!(list[..index].iter().all(|before| before.name != rule.name), "{}", rule.name);
            }
        }
    }
}
