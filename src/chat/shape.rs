//! Bounds on a template's source. minijinja compiles and drops expressions recursively, one level for each operator
//! (seen with 3.0.5: 2,800 operators in one expression exhaust a stack of 1 MiB, as do 990 `elif`), so an absurd
//! template would end in a crash that nobody can catch instead of an error.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use crate::{Error, ErrorKind, Result};

/// Bytes of source; the longest published templates have some 20 KB.
const MAX_BYTES: usize = 1 << 20;

/// Tokens between `{{` and `}}` or `{%` and `%}`; published templates stay below 200.
const MAX_TOKENS: usize = 1000;

/// `elif` in all of the source; published templates have some tens.
const MAX_ELIFS: usize = 256;

/// Refuses templates whose size has no honest reason.
pub(super) fn check(source: &str, syntax: &SyntaxConfig) -> Result<()> {
    let refuse = |what: &str, limit: usize| {
        let context = format!("the chat template has more than {limit} {what}: it is broken or hostile");
        Err(Error::new(ErrorKind::ChatTemplate, context))
    };
    if source.len() > MAX_BYTES {
        return refuse("bytes", MAX_BYTES);
    }
    let (mut tokens, mut elifs) = (0, 0);
    // What is no token at all is left to the compiler, which stops at the same place.
    for (token, _) in tokenize(source, false, syntax.clone()).map_while(std::result::Result::ok) {
        match token {
            Token::VariableStart | Token::BlockStart => tokens = 0,
            Token::Ident("elif") => elifs += 1,
            _ => {}
        }
        tokens += 1;
        if tokens > MAX_TOKENS {
            return refuse("tokens in one expression", MAX_TOKENS);
        }
        if elifs > MAX_ELIFS {
            return refuse("elif blocks", MAX_ELIFS);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_that_exhaust_the_stack_are_refused() {
        let syntax = SyntaxConfig::builder().build().unwrap();
        for unit in ["+x", "-x", "~x", "**x", ".x", "|e", " and x", "[0]", "(0)", " if x else x", ",x"] {
            let repeated = |n: usize| format!("text {{{{ x{} }}}}", unit.repeat(n));
            assert!(check(&repeated(150), &syntax).is_ok(), "{unit}");
            let error = check(&repeated(50_000), &syntax).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ChatTemplate, "{unit}");
        }
        for prefix in ["not ", "-", "(", "["] {
            assert!(check(&format!("{{% if {}x", prefix.repeat(50_000)), &syntax).is_err(), "{prefix}");
        }
        let elifs = |n: usize| format!("{{% if x %}}{}{{% endif %}}", "{% elif x %}".repeat(n));
        assert!(check(&elifs(100), &syntax).is_ok());
        assert!(check(&elifs(50_000), &syntax).is_err());
        // Braces, quotes and raw blocks do not hide an expression.
        for prefix in ["{% raw %}{{ ' {% endraw %}", "{{ '}}' }}", "{# ' #}", "{{ {'a': {}} }}"] {
            assert!(check(&format!("{prefix}{{{{ x{} }}}}", "+x".repeat(50_000)), &syntax).is_err(), "{prefix}");
        }
    }

    #[test]
    fn long_texts_are_no_expressions() {
        let syntax = SyntaxConfig::builder().build().unwrap();
        let text = "a - b. ".repeat(10_000);
        assert!(check(&format!("{text}{{{{ '{text}' }}}}{{% set x = \"{text}\" %}}"), &syntax).is_ok());
        assert!(check(&"x".repeat(MAX_BYTES + 1), &syntax).is_err());
    }
}
