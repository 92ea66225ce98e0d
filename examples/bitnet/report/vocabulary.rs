//! Texts to tokens and back.

use bitnet_web::Result;
use bitnet_web::generate::Engine;

use super::markdown::Table;

/// Scripts, spaces, emoji, code, and special tokens as text.
const TEXTS: [&str; 12] = [
    "Hello, world!",
    "The quick brown fox's den isn't far; it'll be 1234567 steps.",
    "  two spaces, a tab\t, and\n\nnew lines  \n",
    "fn main() { println!(\"{}\", 1 << 10); }",
    "Größe, naïve, œuvre, İstanbul, ß",
    "Привет, как дела?",
    "こんにちは世界。カタカナと漢字。",
    "你好，世界",
    "مرحبا بالعالم",
    "नमस्ते दुनिया",
    "👋🏽 family: 👨‍👩‍👧‍👦 flag: 🇩🇪",
    "<|begin_of_text|> as text <|eot_id|>",
];
/// Ids shown of each text.
const SHOWN: usize = 12;

/// Whether every text comes back as it was.
pub fn round_trips(engine: &Engine) -> Result<Table> {
    let tokenizer = engine.tokenizer();
    let mut table = Table::new("Tokenizer round trip", &["text", "tokens", "first ids", "comes back"]);
    for text in TEXTS {
        let ids = tokenizer.encode(text, false, false)?;
        let mut decoder = tokenizer.incremental_decoder();
        let pieces = ids.iter().map(|&id| decoder.push(tokenizer, id));
        let mut back = pieces.collect::<Result<String>>()?;
        back.push_str(&decoder.finish());
        let verdict = if back == text { "yes".to_owned() } else { format!("**no**: {back:?}") };
        let first = ids.iter().take(SHOWN).map(u32::to_string).collect::<Vec<_>>().join(" ");
        table.row(&[&format!("{text:?}"), &ids.len(), &first, &verdict]);
    }
    Ok(table)
}
