use std::borrow::Cow;
use std::io::{self, Read};

use serde::de::DeserializeOwned;

use super::MARK;
use super::exact::is_held;

/// Reads JSON. Numbers that a value can't hold are marked, see the module.
///
/// # Errors
/// As `serde_json`; places are those of the text as it was given.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    match marked(bytes) {
        Cow::Borrowed(bytes) => serde_json::from_slice(bytes),
        Cow::Owned(marked) => match serde_json::from_slice(&marked) {
            Ok(value) => Ok(value),
            // Marks move what follows them, and some of what is wanted may be numbers and nothing else: the text as it is
            // has the last word.
            Err(_) => serde_json::from_slice(bytes),
        },
    }
}

/// As [`from_slice`].
///
/// # Errors
/// As [`from_slice`].
pub fn from_str<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    from_slice(text.as_bytes())
}

/// The same JSON with marks.
pub(crate) fn marked(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut out: Option<Vec<u8>> = None;
    let (mut at, mut copied) = (0, 0);
    let byte = |at: usize| bytes.get(at).copied();
    while let Some(next) = byte(at) {
        match next {
            b'"' => at = after_string(bytes, at + 1),
            b'-' | b'0'..=b'9' => {
                let start = at;
                while byte(at).is_some_and(is_of_number) {
                    at += 1;
                }
                let Some(text) = bytes.get(start..at).and_then(|t| std::str::from_utf8(t).ok()) else {
                    continue;
                };
                if !is_held(text) {
                    let out = out.get_or_insert_default();
                    out.extend_from_slice(bytes.get(copied..start).unwrap_or_default());
                    out.extend(mark(text));
                    copied = at;
                }
            }
            _ => at += 1,
        }
    }
    match out {
        Some(mut out) => {
            out.extend_from_slice(bytes.get(copied..).unwrap_or_default());
            Cow::Owned(out)
        }
        None => Cow::Borrowed(bytes),
    }
}

/// Where a string ends that goes on at `at`.
fn after_string(bytes: &[u8], mut at: usize) -> usize {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match rest.iter().position(|b| matches!(b, b'"' | b'\\')) {
            Some(n) if rest.get(n) == Some(&b'"') => return at + n + 1,
            Some(n) => at += n + 2,
            None => return bytes.len(),
        }
    }
}

fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

fn mark(number: &str) -> Vec<u8> {
    format!("{{\"{MARK}\":\"{number}\"}}").into_bytes()
}

/// JSON that comes in pieces, with marks. It ends with an object or a list: what comes after a number belongs to the value.
pub(crate) struct Marked<R> {
    from: R,
    within: Within,
    /// To be given out before more is read.
    ready: std::collections::VecDeque<u8>,
}

#[derive(PartialEq)]
enum Within {
    Nothing,
    String,
    Escape,
    /// A number without end, which a reader refuses.
    Endless,
}

impl<R: Read> Marked<R> {
    pub(crate) fn new(from: R) -> Self {
        Self { from, within: Within::Nothing, ready: std::collections::VecDeque::new() }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        Ok((self.from.read(&mut byte)? > 0).then_some(byte[0]))
    }

    fn number(&mut self, first: u8) -> io::Result<()> {
        let mut text = vec![first];
        let after = loop {
            match self.byte()? {
                Some(byte) if text.len() == LONGEST => {
                    self.ready.extend(text);
                    self.within = Within::Endless;
                    return self.step(byte);
                }
                Some(byte) if is_of_number(byte) => text.push(byte),
                other => break other,
            }
        };
        match std::str::from_utf8(&text) {
            Ok(number) if !is_held(number) => self.ready.extend(mark(number)),
            _ => self.ready.extend(text),
        }
        if let Some(after) = after {
            self.step(after)?;
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) -> io::Result<()> {
        self.within = match (&self.within, byte) {
            (Within::Nothing, b'-' | b'0'..=b'9') => return self.number(byte),
            (Within::Endless, byte) if is_of_number(byte) => Within::Endless,
            (Within::Nothing | Within::Endless, b'"') | (Within::Escape, _) => Within::String,
            (Within::String, b'"') => Within::Nothing,
            (Within::String, b'\\') => Within::Escape,
            (Within::Nothing | Within::Endless, _) => Within::Nothing,
            (Within::String, _) => Within::String,
        };
        self.ready.push_back(byte);
        Ok(())
    }
}

/// The longest number that is looked at.
const LONGEST: usize = 1 << 16;

impl<R: Read> Read for Marked<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() && !to.is_empty() {
            match self.byte()? {
                Some(byte) => self.step(byte)?,
                None => return Ok(0),
            }
        }
        self.ready.read(to)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const BIG: &str = "254601183493841237945120495711238475";

    #[test]
    fn numbers_that_do_not_fit_are_marked_and_others_stay() {
        let text = format!("{{\"a\": [{BIG}, 1, -0 ,0.5], \"{BIG}\": \"\\\"{BIG}\", \"b\": 1e-400}}");
        let value: Value = from_str(&text).unwrap();
        let expected =
            json!({"a": [{MARK: BIG}, 1, {MARK: "-0"}, 0.5], BIG: format!("\"{BIG}"), "b": {MARK: "1e-400"}});
        assert_eq!(value, expected);
        let streamed: Value = serde_json::from_reader(Marked::new(text.as_bytes())).unwrap();
        assert_eq!(streamed, expected);
        assert_eq!(from_str::<Value>(BIG).unwrap(), json!({MARK: BIG}));
    }

    #[test]
    fn mistakes_have_their_places() {
        let places = |text: &str| {
            let e = from_str::<Value>(text).unwrap_err();
            (e.line(), e.column())
        };
        for text in [
            "{\"a\": 1,\n \"b\": 1e400}",
            "[NaN]",
            "[1,\n Infinity]",
            "[-Infinity]",
            "[01]",
            "{\"a\": 1.}",
            "[1",
        ] {
            let e = serde_json::from_str::<Value>(text).unwrap_err();
            assert_eq!(places(text), (e.line(), e.column()), "{text}");
            let e = serde_json::from_str::<Value>(&format!("[{BIG},\n{text}")).unwrap_err();
            assert_eq!(places(&format!("[{BIG},\n{text}")), (e.line(), e.column()), "{text}");
        }
    }
}
