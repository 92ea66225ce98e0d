//! A grammar with terminals in Lark's notation.

use std::fmt::Write as _;

use super::expression::times;
use super::split::{Piece, Pieces};

/// The grammar: `start`, rules `r1`, terminals `T1`.
pub(super) fn write(pieces: &Pieces) -> String {
    let mut out = "start: r0\n".to_owned();
    let mut used = vec![false; pieces.terminals.len()];
    for (rule, piece) in &pieces.rules {
        // Writing into a String cannot fail.
        let _ = write!(out, "r{rule}: ");
        write_piece(piece, &mut out, &mut used);
        out.push('\n');
    }
    for (index, terminal) in pieces.terminals.iter().enumerate().filter(|(index, _)| used[*index]) {
        let _ = write!(out, "T{index}: /");
        terminal.write(&mut out);
        out.push_str("/\n");
    }
    out
}

fn write_piece(piece: &Piece, out: &mut String, used: &mut [bool]) {
    match piece {
        Piece::Terminal(index) => {
            used[*index] = true;
            let _ = write!(out, "T{index}");
        }
        Piece::Rule(rule) => {
            let _ = write!(out, "r{rule}");
        }
        Piece::Sequence(all) if all.is_empty() => out.push_str("\"\""),
        Piece::Sequence(all) | Piece::Choice(all) => {
            let between = if matches!(piece, Piece::Choice(_)) { " | " } else { " " };
            out.push('(');
            for (i, piece) in all.iter().enumerate() {
                if i > 0 {
                    out.push_str(between);
                }
                write_piece(piece, out, used);
            }
            out.push(')');
        }
        Piece::Repeat(inner, least, most) => {
            out.push('(');
            write_piece(inner, out, used);
            out.push(')');
            out.push_str(&times(*least, *most));
        }
    }
}
