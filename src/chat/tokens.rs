//! A rendering as tokens: control tokens are recognised in the template's own text only.

use super::ChatPrompt;
use crate::Result;
use crate::tokenizer::Tokenizer;
use bitnet_jinja::Char;

/// The prompt of a rendering: cut at the control tokens that the template wrote, so that everything between two of them is
/// tokenized as one text. Ends once there are more than `most` tokens: what comes then is too long.
pub(super) fn prompt(tokenizer: &Tokenizer, chars: &[Char], most: usize) -> Result<ChatPrompt> {
    let mut ids = Vec::new();
    let encode = |text: &str, ids: &mut Vec<u32>| -> Result<()> {
        let left = most.saturating_sub(ids.len());
        ids.append(&mut tokenizer.encode_up_to(left, text, false, false)?);
        Ok(())
    };
    let mut between = String::new();
    'runs: for run in chars.chunk_by(|a, b| (a.origin() == 0) == (b.origin() == 0)) {
        let text: String = run.iter().map(|c| c.char()).collect();
        if run[0].origin() != 0 {
            between.push_str(&text);
            continue;
        }
        let mut at = 0;
        while let Some((start, end, id)) = tokenizer.find_control(&text, at) {
            between.push_str(&text[at..start]);
            encode(&between, &mut ids)?;
            between.clear();
            ids.push(id);
            at = end;
            if ids.len() > most {
                break 'runs;
            }
        }
        between.push_str(&text[at..]);
    }
    encode(&between, &mut ids)?;
    if tokenizer.add_bos() {
        tokenizer.prepend_bos(&mut ids)?;
    }
    Ok(ChatPrompt { text: chars.iter().map(|c| c.char()).collect(), ids })
}
