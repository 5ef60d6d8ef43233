use std::io::{self, Write};

use serde::Serialize;

use super::exact::is_number;

/// Writes JSON without white space, numbers as they were read.
///
/// # Errors
/// As `serde_json`.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut plain = Plain::new(Vec::with_capacity(128));
    serde_json::to_writer(&mut plain, value)?;
    plain.finish().map_err(serde_json::Error::io)
}

/// The same for people to read.
///
/// # Errors
/// As `serde_json`.
pub fn to_string_pretty<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    let mut plain = Plain::new(Vec::with_capacity(128));
    serde_json::to_writer_pretty(&mut plain, value)?;
    let text = plain.finish().map_err(serde_json::Error::io)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Takes the marks out of JSON on its way to `W`. A brace and a quote after it are no string's part, so that what a string
/// holds stays as it is.
pub(crate) struct Plain<W> {
    to: W,
    /// What may be the beginning of a mark, with white space.
    held: Vec<u8>,
    /// The same without.
    solid: Vec<u8>,
}

/// More than any mark with a number and white space has.
const LONGEST: usize = 1 << 17;

impl<W: Write> Plain<W> {
    pub(crate) fn new(to: W) -> Self {
        Self { to, held: Vec::new(), solid: Vec::new() }
    }

    /// What was written to, after all of it.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.give_up()?;
        Ok(self.to)
    }

    fn give_up(&mut self) -> io::Result<()> {
        self.to.write_all(&self.held)?;
        self.held.clear();
        self.solid.clear();
        Ok(())
    }

    fn push(&mut self, byte: u8) -> io::Result<()> {
        if byte == b'{' {
            self.give_up()?;
        } else if self.held.is_empty() {
            return self.to.write_all(&[byte]);
        }
        self.held.push(byte);
        let in_string = self.solid.iter().filter(|b| **b == b'"').count() % 2 == 1;
        if in_string || !byte.is_ascii_whitespace() {
            self.solid.push(byte);
        }
        match progress(&self.solid) {
            Progress::Whole => {
                let number = self.solid.get(OPENING.len()..self.solid.len() - 2).unwrap_or_default().to_vec();
                self.held.clear();
                self.solid.clear();
                self.to.write_all(&number)
            }
            Progress::Begun if self.held.len() < LONGEST => Ok(()),
            _ => self.give_up(),
        }
    }
}

enum Progress {
    Begun,
    Whole,
    Other,
}

/// What a mark begins with.
const OPENING: &[u8] = b"{\"$csw::number\":\"";

fn progress(solid: &[u8]) -> Progress {
    let common = solid.len().min(OPENING.len());
    if solid.get(..common) != OPENING.get(..common) {
        return Progress::Other;
    }
    let number = solid.get(OPENING.len()..).unwrap_or_default();
    match number.iter().position(|b| *b == b'"') {
        None if number.iter().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) => {
            Progress::Begun
        }
        Some(end) => {
            let text = number.get(..end).and_then(|n| std::str::from_utf8(n).ok()).unwrap_or_default();
            match number.get(end + 1..).unwrap_or_default() {
                _ if !is_number(text) => Progress::Other,
                b"" => Progress::Begun,
                b"}" => Progress::Whole,
                _ => Progress::Other,
            }
        }
        None => Progress::Other,
    }
}

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.held.is_empty() {
                // Most of it, at once.
                let plain = rest.iter().position(|b| *b == b'{').unwrap_or(rest.len());
                let (before, from) = rest.split_at(plain);
                self.to.write_all(before)?;
                rest = from;
            }
            if let Some((byte, more)) = rest.split_first() {
                self.push(*byte)?;
                rest = more;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // What is held is written as soon as it is known what it is.
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::{MARK, from_slice};
    use super::*;

    #[test]
    fn a_mark_begins_as_it_is_written() {
        assert_eq!(OPENING, format!("{{\"{MARK}\":\"").as_bytes());
    }

    #[test]
    fn marks_become_numbers_again_and_nothing_else_changes() {
        let big = "254601183493841237945120495711238475";
        let value = json!({"a": [{MARK: big}, 1, {MARK: "-0"}, {}], "s": format!("{{\"{MARK}\":\"1\"}}"), "n": {MARK: "x"}, "o": {MARK: "1", "b": 2}});
        let text = String::from_utf8(to_vec(&value).unwrap()).unwrap();
        let expected = format!(
            "{{\"a\":[{big},1,-0,{{}}],\"s\":\"{{\\\"{MARK}\\\":\\\"1\\\"}}\",\"n\":{{\"{MARK}\":\"x\"}},\"o\":{{\"{MARK}\":\"1\",\"b\":2}}}}"
        );
        assert_eq!(text, expected);
        let pretty = to_string_pretty(&json!({"a": {MARK: big}})).unwrap();
        assert_eq!(pretty, format!("{{\n  \"a\": {big}\n}}"));
    }

    fn number() -> impl Strategy<Value = String> {
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][-+]?[0-9]{1,2})?"
    }

    proptest! {
        #[test]
        fn no_digit_is_lost(numbers in prop::collection::vec(number(), 0..6), cut in 1usize..9) {
            let text = format!("{{\"n\":[{}]}}", numbers.join(","));
            let value: Value = from_slice(text.as_bytes()).unwrap();
            let written: Value = from_slice(&to_vec(&value).unwrap()).unwrap();
            prop_assert_eq!(&written, &value);
            // Those that are marked are as they were; the others are the same numbers.
            for (number, value) in numbers.iter().zip(value["n"].as_array().unwrap()) {
                match value {
                    Value::Object(mark) => prop_assert_eq!(&mark[MARK], number),
                    other => {
                        let (a, b): (f64, f64) = (number.parse().unwrap(), other.as_f64().unwrap());
                        prop_assert_eq!(a.to_bits(), b.to_bits());
                    }
                }
            }
            // In pieces as at once.
            let mut plain = Plain::new(Vec::new());
            for piece in serde_json::to_vec(&value).unwrap().chunks(cut) {
                plain.write_all(piece).unwrap();
            }
            prop_assert_eq!(plain.finish().unwrap(), to_vec(&value).unwrap());
        }
    }
}
