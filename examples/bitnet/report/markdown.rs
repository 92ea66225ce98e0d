//! Headings, tables and quotes that survive any content.

use std::fmt::{self, Display, Write};

/// A table under a heading.
pub struct Table {
    text: String,
}

impl Table {
    /// An empty table of these columns.
    pub fn new(title: &str, columns: &[&str]) -> Self {
        let mut text = format!("## {title}\n\n");
        text.push_str(&line(columns.iter().map(|column| (*column).to_owned())));
        text.push_str(&line(columns.iter().map(|_| "---".to_owned())));
        Self { text }
    }

    /// Adds a row of cells.
    pub fn row(&mut self, cells: &[&dyn Display]) {
        self.text.push_str(&line(cells.iter().map(|cell| escape(&cell.to_string()))));
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    cells.fold(String::from("|"), |mut line, cell| {
        // Writing to a string does not fail.
        let _ = write!(line, " {cell} |");
        line
    }) + "\n"
}

/// One line that a table cell may hold.
fn escape(text: &str) -> String {
    text.replace('\n', "\\n").replace('\r', "\\r").replace('|', "\\|")
}

/// Text as it is, whatever it holds.
pub fn quote(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}\n")
}
