//! The date that a template may tell the model. The core reads no clock: the caller passes the time.

use crate::{Error, ErrorKind, Result};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The widest field of `strftime`.
const MAX_WIDTH: usize = 100;

/// A local date and time of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

/// Text of a directive, what fills it up, and to what width.
struct Field(String, char, usize);

impl DateTime {
    /// A date and time: year 1 to 9999, month and day from 1.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such date or time.
    pub fn new(year: u16, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Result<Self> {
        let date = Self { year, month, day, hour, minute, second };
        let exists = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if exists {
            return Ok(date);
        }
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("there is no date {year}-{month}-{day} {hour}:{minute}:{second}"),
        ))
    }

    /// Days since the start of the year, from 1.
    fn day_of_year(self) -> u16 {
        (1..self.month).map(|month| u16::from(days_in(self.year, month))).sum::<u16>() + u16::from(self.day)
    }

    /// Days since the last day before year 1.
    fn days(self) -> i64 {
        let years = i64::from(self.year - 1);
        365 * years + years / 4 - years / 100 + years / 400 + i64::from(self.day_of_year())
    }

    /// 0 is Sunday. The 1st of January of year 1 was a Monday.
    fn weekday(self) -> u16 {
        (self.days() % 7) as u16
    }

    /// Year and week of ISO 8601: the week belongs to the year of its Thursday.
    fn iso_week(self) -> (i64, i64) {
        let from_monday = i64::from((self.weekday() + 6) % 7);
        let thursday = i64::from(self.day_of_year()) - from_monday + 3;
        let length = |year: i64| 365 + i64::from(is_leap(year as u16));
        let year = i64::from(self.year);
        if thursday < 1 {
            (year - 1, (thursday + length(year - 1) - 1) / 7 + 1)
        } else if thursday > length(year) {
            (year + 1, 1)
        } else {
            (year, (thursday - 1) / 7 + 1)
        }
    }

    /// Python's `strftime` with the C library of GNU: its directives with the flags `-`, `_`, `0`, `^` and `#` and a width,
    /// in the C locale. What is no directive is written as it stands, as there.
    pub fn format(self, pattern: &str) -> String {
        let mut out = String::new();
        let mut rest = pattern;
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            let directive = &rest[at..];
            let after_flags = directive[1..].trim_start_matches(['-', '_', '0', '^', '#']);
            let flags = &directive[1..directive.len() - after_flags.len()];
            let after_width = after_flags.trim_start_matches(|c: char| c.is_ascii_digit());
            let width = &after_flags[..after_flags.len() - after_width.len()];
            let letters = after_width.trim_start_matches(['E', 'O']);
            let letter = letters.chars().next();
            let length = directive.len() - letters.len() + letter.map_or(0, char::len_utf8);
            match letter.and_then(|letter| self.field(letter)) {
                Some(field) => out.push_str(&laid_out(field, flags, width, letter)),
                None => out.push_str(&directive[..length]),
            }
            rest = &directive[length..];
        }
        out.push_str(rest);
        out
    }

    fn field(self, letter: char) -> Option<Field> {
        let zero = |value: i64, width: usize| Field(value.to_string(), '0', width);
        let space = |value: i64, width: usize| Field(value.to_string(), ' ', width);
        let text = |text: &str| Field(text.to_owned(), ' ', 0);
        let (hour, weekday) = (i64::from(self.hour), i64::from(self.weekday()));
        let hour12 = (hour + 11) % 12 + 1;
        let year = i64::from(self.year);
        let month = MONTHS[usize::from(self.month - 1)];
        let day_name = WEEKDAYS[usize::from(self.weekday())];
        let day_of_year = i64::from(self.day_of_year());
        let whole = |pattern: &str| Some(text(&self.format(pattern)));
        Some(match letter {
            'Y' => space(year, 0),
            'C' => zero(year / 100, 2),
            'y' => zero(year % 100, 2),
            'm' => zero(i64::from(self.month), 2),
            'B' => text(month),
            'b' | 'h' => text(&month[..3]),
            'd' => zero(i64::from(self.day), 2),
            'e' => space(i64::from(self.day), 2),
            'j' => zero(day_of_year, 3),
            'A' => text(day_name),
            'a' => text(&day_name[..3]),
            'u' => zero((weekday + 6) % 7 + 1, 1),
            'w' => zero(weekday, 1),
            'U' => zero((day_of_year + 6 - weekday) / 7, 2),
            'W' => zero((day_of_year + 6 - (weekday + 6) % 7) / 7, 2),
            'V' => zero(self.iso_week().1, 2),
            'G' => space(self.iso_week().0, 0),
            'g' => zero(self.iso_week().0 % 100, 2),
            'H' => zero(hour, 2),
            'k' => space(hour, 2),
            'I' => zero(hour12, 2),
            'l' => space(hour12, 2),
            'p' => text(if hour < 12 { "AM" } else { "PM" }),
            'P' => text(if hour < 12 { "am" } else { "pm" }),
            'M' => zero(i64::from(self.minute), 2),
            'S' => zero(i64::from(self.second), 2),
            'f' => text("000000"),
            // The time zone is not told.
            'z' | 'Z' => text(""),
            // Seconds since 1970, as if the local time was UTC.
            's' => {
                let days = self.days() - 719_163;
                space(days * 86_400 + hour * 3600 + i64::from(self.minute) * 60 + i64::from(self.second), 0)
            }
            'F' => return whole("%Y-%m-%d"),
            'D' | 'x' => return whole("%m/%d/%y"),
            'T' | 'X' => return whole("%H:%M:%S"),
            'R' => return whole("%H:%M"),
            'r' => return whole("%I:%M:%S %p"),
            'c' => return whole("%a %b %e %H:%M:%S %Y"),
            'n' => text("\n"),
            't' => text("\t"),
            '%' => text("%"),
            _ => return None,
        })
    }
}

/// A field as its flags and its width say.
fn laid_out(Field(mut text, mut fill, mut least): Field, flags: &str, width: &str, letter: Option<char>) -> String {
    for flag in flags.chars() {
        match flag {
            '-' => least = 0,
            '_' => fill = ' ',
            '0' => fill = '0',
            '#' if matches!(letter, Some('p')) => text = text.to_ascii_lowercase(),
            _ => text = text.to_ascii_uppercase(),
        }
    }
    if let Ok(width) = width.parse::<usize>() {
        least = width.min(MAX_WIDTH);
    }
    let missing = least.saturating_sub(text.chars().count());
    let mut out: String = std::iter::repeat_n(fill, missing).collect();
    out.push_str(&text);
    out
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_python_writes_them() {
        let date = DateTime::new(2026, 3, 7, 14, 5, 9).unwrap();
        for (pattern, expected) in [
            ("%d %b %Y, %A %H:%M:%S", "07 Mar 2026, Saturday 14:05:09"),
            ("%F %T %j %I %p %e %y %a %B %%", "2026-03-07 14:05:09 066 02 PM  7 26 Sat March %"),
            ("%-d %-m %-j %-I %-H %_d %_m %^a %^B %#p", "7 3 66 2 14  7  3 SAT MARCH pm"),
            ("%u %w %U %W %V %G %g %C %k %l %P", "6 6 09 09 10 2026 26 20 14  2 pm"),
            (
                "%D %R %r %c %x %X %h %f[%z%Z]",
                "03/07/26 14:05 02:05:09 PM Sat Mar  7 14:05:09 2026 03/07/26 14:05:09 Mar 000000[]",
            ),
            ("%5d|%010Y|%-Ey|%Od", "00007|0000002026|26|07"),
            ("%Q %", "%Q %"),
            ("日%d", "日07"),
        ] {
            assert_eq!(date.format(pattern), expected, "{pattern}");
        }
        assert_eq!(DateTime::new(2024, 2, 29, 0, 0, 0).unwrap().format("%A %I %p %j"), "Thursday 12 AM 060");
        // The turns of years by ISO 8601.
        assert_eq!(DateTime::new(2021, 1, 1, 0, 0, 0).unwrap().format("%G-W%V-%u"), "2020-W53-5");
        assert_eq!(DateTime::new(2024, 12, 30, 0, 0, 0).unwrap().format("%G-W%V-%u"), "2025-W01-1");
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        for (year, month, day, hour) in
            [(0, 1, 1, 0), (2025, 2, 29, 0), (2025, 13, 1, 0), (2025, 4, 31, 0), (2025, 1, 1, 24)]
        {
            assert!(DateTime::new(year, month, day, hour, 0, 0).is_err());
        }
    }
}
