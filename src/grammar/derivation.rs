//! Whether a grammar derives any text at all.

use std::collections::BTreeSet;

use llguidance::earley::{CGrammar, CSymIdx};

/// Whether a text comes out of the start of a grammar. It does not where every choice of a rule leads to the rule again, as in
/// `start: start` or `start: "a" start`: an answer would be empty, or never end.
pub(crate) fn derives_a_text(grammar: &CGrammar) -> bool {
    let all = reachable(grammar);
    let mut derives: BTreeSet<usize> = BTreeSet::new();
    loop {
        let before = derives.len();
        for &symbol in &all {
            if !derives.contains(&symbol.as_index()) && derives_by(grammar, symbol, &derives) {
                derives.insert(symbol.as_index());
            }
        }
        if derives.len() == before {
            return derives.contains(&grammar.start().as_index());
        }
    }
}

/// Whether a symbol derives a text out of those that are known to.
fn derives_by(grammar: &CGrammar, symbol: CSymIdx, known: &BTreeSet<usize>) -> bool {
    let data = grammar.sym_data(symbol);
    let is_known = |other: &CSymIdx| known.contains(&other.as_index());
    // What depends on parameters is taken on trust.
    data.is_terminal
        || data.lexeme.is_some()
        || data.is_nullable
        || !data.cond_nullable.is_empty()
        || data.gen_grammar.is_some()
        || data.rules.iter().any(|&rule| grammar.rule_rhs(rule).0.iter().all(is_known))
}

/// The symbols that the start leads to, those farther away first.
fn reachable(grammar: &CGrammar) -> Vec<CSymIdx> {
    let mut all = vec![grammar.start()];
    let mut seen = BTreeSet::from([grammar.start().as_index()]);
    let mut next = 0;
    while let Some(&symbol) = all.get(next) {
        next += 1;
        for &rule in grammar.rules_of(symbol) {
            let inner = grammar.rule_rhs(rule).0.iter().copied();
            all.extend(inner.filter(|other| seen.insert(other.as_index())));
        }
    }
    all.reverse();
    all
}
