//! The date that a template may tell the model. The core reads no clock: the caller passes the time.

use std::fmt::Write;

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

    /// 0 is Sunday. The 1st of January of year 1 was a Monday.
    fn weekday(self) -> usize {
        let years = u32::from(self.year - 1);
        let days = 365 * years + years / 4 - years / 100 + years / 400 + u32::from(self.day_of_year());
        (days % 7) as usize
    }

    /// Python's `strftime` for the directives that dates and times are written with.
    ///
    /// # Errors
    /// `ChatTemplate` for another directive.
    pub fn format(self, pattern: &str) -> Result<String> {
        let mut out = String::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let month = MONTHS[usize::from(self.month - 1)];
            let weekday = WEEKDAYS[self.weekday()];
            let hour12 = (self.hour + 11) % 12 + 1;
            let directive = chars.next();
            let written = match directive {
                Some('Y') => write!(out, "{:04}", self.year),
                Some('y') => write!(out, "{:02}", self.year % 100),
                Some('m') => write!(out, "{:02}", self.month),
                Some('B') => out.write_str(month),
                Some('b' | 'h') => out.write_str(&month[..3]),
                Some('d') => write!(out, "{:02}", self.day),
                Some('e') => write!(out, "{:2}", self.day),
                Some('j') => write!(out, "{:03}", self.day_of_year()),
                Some('A') => out.write_str(weekday),
                Some('a') => out.write_str(&weekday[..3]),
                Some('H') => write!(out, "{:02}", self.hour),
                Some('I') => write!(out, "{hour12:02}"),
                Some('p') => out.write_str(if self.hour < 12 { "AM" } else { "PM" }),
                Some('M') => write!(out, "{:02}", self.minute),
                Some('S') => write!(out, "{:02}", self.second),
                Some('F') => write!(out, "{:04}-{:02}-{:02}", self.year, self.month, self.day),
                Some('T') => write!(out, "{:02}:{:02}:{:02}", self.hour, self.minute, self.second),
                Some('%') => out.write_str("%"),
                other => {
                    return Err(Error::new(
                        ErrorKind::ChatTemplate,
                        format!(
                            "strftime_now: the directive %{} is unknown",
                            other.map_or(String::new(), String::from)
                        ),
                    ));
                }
            };
            written.map_err(|e| Error::new(ErrorKind::Internal, "a date could not be written").with_source(e))?;
        }
        Ok(out)
    }
}

fn days_in(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
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
        assert_eq!(date.format("%d %b %Y, %A %H:%M:%S").unwrap(), "07 Mar 2026, Saturday 14:05:09");
        assert_eq!(
            date.format("%F %T %j %I %p %e %y %a %B %%").unwrap(),
            "2026-03-07 14:05:09 066 02 PM  7 26 Sat March %"
        );
        assert_eq!(DateTime::new(2024, 2, 29, 0, 0, 0).unwrap().format("%A %I %p %j").unwrap(), "Thursday 12 AM 060");
        assert_eq!(date.format("%Q").unwrap_err().kind(), ErrorKind::ChatTemplate);
        assert_eq!(date.format("%").unwrap_err().kind(), ErrorKind::ChatTemplate);
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
