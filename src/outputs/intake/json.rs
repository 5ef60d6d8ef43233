use std::io::{self, BufRead, Read, Write};

use serde::Deserialize as _;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::utf8::Utf8;
use crate::model::numbers::{Marked, Plain};

/// The longest key, title or number.
const SHORT: usize = 1 << 20;

/// Why reading stopped.
#[derive(Debug)]
pub(super) enum Broken {
    /// What came is no JSON, or not what is expected.
    Invalid(String),
    /// What comes broke off.
    Source(io::Error),
    /// What was read could not be put away.
    Sink(io::Error),
}

/// JSON that is read from its beginning to its end, strings of any length piece by piece.
pub(super) struct Json<R> {
    from: R,
    position: u64,
}

impl<R: BufRead> Json<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, position: 0 }
    }

    fn invalid(&self, what: &str) -> Broken {
        Broken::Invalid(format!("{what} at byte {}", self.position))
    }

    fn consume(&mut self, n: usize) {
        self.from.consume(n);
        self.position += n as u64;
    }

    /// The next byte, which stays where it is.
    fn look(&mut self) -> Result<Option<u8>, Broken> {
        Ok(self.from.fill_buf().map_err(Broken::Source)?.first().copied())
    }

    fn take(&mut self) -> Result<u8, Broken> {
        let byte = self.look()?.ok_or_else(|| self.invalid("EOF"))?;
        self.consume(1);
        Ok(byte)
    }

    /// The next byte that is no white space, which stays where it is: what kind of value comes.
    pub(super) fn peek(&mut self) -> Result<u8, Broken> {
        loop {
            match self.look()? {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.consume(1),
                Some(byte) => return Ok(byte),
                None => return Err(self.invalid("EOF")),
            }
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Broken> {
        if self.peek()? != wanted {
            return Err(self.invalid(&format!("expected `{}`", char::from(wanted))));
        }
        self.consume(1);
        Ok(())
    }

    /// Nothing may follow.
    pub(super) fn end(&mut self) -> Result<(), Broken> {
        match self.peek() {
            Ok(_) => Err(self.invalid("trailing characters")),
            Err(Broken::Invalid(_)) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// An object; `each` reads the value of each key.
    pub(super) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, String) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.consume(1);
            return Ok(());
        }
        loop {
            let key = self.short_string()?;
            self.expect(b':')?;
            each(self, key)?;
            if self.is_last(b'}')? {
                return Ok(());
            }
        }
    }

    /// An array; `each` reads each item.
    pub(super) fn array(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.consume(1);
            return Ok(());
        }
        loop {
            each(self)?;
            if self.is_last(b']')? {
                return Ok(());
            }
        }
    }

    fn is_last(&mut self, close: u8) -> Result<bool, Broken> {
        let byte = self.peek()?;
        if byte != close && byte != b',' {
            return Err(self.invalid(&format!("expected `,` or `{}`", char::from(close))));
        }
        self.consume(1);
        Ok(byte == close)
    }

    /// A string, its escapes resolved, in pieces that may end within a character.
    pub(super) fn string(&mut self, mut to: impl FnMut(&[u8]) -> Result<(), Broken>) -> Result<(), Broken> {
        self.expect(b'"')?;
        loop {
            let buffer = self.from.fill_buf().map_err(Broken::Source)?;
            let special = buffer.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f));
            let plain = special.unwrap_or(buffer.len());
            let stop = buffer.get(plain).copied();
            if plain > 0 {
                to(buffer.get(..plain).unwrap_or_default())?;
                self.consume(plain);
            }
            match stop {
                Some(b'"') => {
                    self.consume(1);
                    return Ok(());
                }
                Some(b'\\') => {
                    self.consume(1);
                    let mut utf8 = [0; 4];
                    to(self.escaped()?.encode_utf8(&mut utf8).as_bytes())?;
                }
                Some(_) => return Err(self.invalid("control character in a string")),
                None if plain == 0 => return Err(self.invalid("EOF while parsing a string")),
                None => {}
            }
        }
    }

    fn escaped(&mut self) -> Result<char, Broken> {
        Ok(match self.take()? {
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut code = self.hex()?;
                if (0xd800..0xdc00).contains(&code) && self.take()? == b'\\' && self.take()? == b'u' {
                    let low = self.hex()?;
                    if (0xdc00..0xe000).contains(&low) {
                        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                    }
                }
                char::from_u32(code).ok_or_else(|| self.invalid("half a character in an escape"))?
            }
            _ => return Err(self.invalid("invalid escape")),
        })
    }

    fn hex(&mut self) -> Result<u32, Broken> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = char::from(self.take()?).to_digit(16);
            code = code * 16 + digit.ok_or_else(|| self.invalid("invalid escape"))?;
        }
        Ok(code)
    }

    /// A string that is kept in memory.
    pub(super) fn short_string(&mut self) -> Result<String, Broken> {
        let mut bytes = Vec::new();
        self.string(|part| {
            if bytes.len() + part.len() > SHORT {
                return Err(Broken::Invalid("a key or title is longer than 1 MiB".into()));
            }
            bytes.extend_from_slice(part);
            Ok(())
        })?;
        String::from_utf8(bytes).map_err(|_| self.invalid("invalid UTF-8"))
    }

    /// A string as the text that it is.
    pub(super) fn text(&mut self, mut to: impl Write) -> Result<(), Broken> {
        let mut checked = Utf8::default();
        let at = self.position;
        let invalid = || Broken::Invalid(format!("invalid UTF-8 in the string at byte {at}"));
        self.string(|part| {
            checked.check(part).ok_or_else(invalid)?;
            to.write_all(part).map_err(Broken::Sink)
        })?;
        checked.finish().ok_or_else(invalid)
    }

    /// An object or a list as JSON without white space, numbers with all their digits.
    pub(super) fn copy(&mut self, to: impl Write) -> Result<(), Broken> {
        let mut noting = Noting { to, failed: None };
        let mut plain = Plain::new(&mut noting);
        let mut reader = serde_json::Deserializer::from_reader(Marked::new(Rest(self)));
        let mut writer = serde_json::Serializer::new(&mut plain);
        let copied = serde_transcode::transcode(&mut reader, &mut writer);
        let copied = copied.and_then(|()| plain.finish().map(drop).map_err(serde_json::Error::io));
        match (copied, noting.failed) {
            (_, Some(e)) => Err(Broken::Sink(e)),
            (Err(e), None) => Err(self.wrong(e)),
            (Ok(()), None) => Ok(()),
        }
    }

    /// A value that nobody wants to know; the answer is what kind it was.
    pub(super) fn skip(&mut self) -> Result<&'static str, Broken> {
        match self.peek()? {
            b'"' => self.string(|_| Ok(())).map(|()| "text"),
            kind @ (b'{' | b'[') => {
                let mut reader = serde_json::Deserializer::from_reader(Rest(self));
                let skipped = IgnoredAny::deserialize(&mut reader);
                skipped.map_err(|e| self.wrong(e))?;
                Ok(if kind == b'{' { "an object" } else { "a list" })
            }
            _ => self.scalar(),
        }
    }

    fn scalar(&mut self) -> Result<&'static str, Broken> {
        let mut word = Vec::new();
        while let Some(byte) = self.look()? {
            if matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r') || word.len() > SHORT {
                break;
            }
            word.push(byte);
            self.consume(1);
        }
        match serde_json::from_slice(&word) {
            Ok(Value::Null) => Ok("null"),
            Ok(Value::Bool(_)) => Ok("a boolean"),
            Ok(Value::Number(_)) => Ok("a number"),
            _ => Err(self.invalid("expected a value")),
        }
    }

    fn wrong(&self, error: serde_json::Error) -> Broken {
        match error.classify() {
            serde_json::error::Category::Io => Broken::Source(error.into()),
            _ => Broken::Invalid(format!("{error}, in the value before byte {}", self.position)),
        }
    }
}

/// What is left, for a reader that takes no more of it than one value.
struct Rest<'j, R>(&'j mut Json<R>);

impl<R: BufRead> Read for Rest<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let buffer = self.0.from.fill_buf()?;
        let n = buffer.len().min(to.len());
        to.iter_mut().zip(buffer).for_each(|(to, from)| *to = *from);
        self.0.consume(n);
        Ok(n)
    }
}

/// Keeps a writer's failure, which would pass for one of the reader.
struct Noting<W> {
    to: W,
    failed: Option<io::Error>,
}

impl<W: Write> Write for Noting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes).map_err(|e| {
            let told = io::Error::from(e.kind());
            self.failed = Some(e);
            told
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
