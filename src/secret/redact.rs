use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::SecretValue;
use super::forms::forms;
use super::machine::{Lane, Machine, is_break};
use super::value::MASK;

/// Forms of so many bytes are found also where line breaks were put into them, as base64 and others do.
const MIN_WRAPPED: usize = 8;

/// Replaces secrets by `******` in what others print: the values themselves, each line of a value of several lines,
/// and their escaped (JSON, HTML), percent-encoded, hexadecimal and base64 forms (base64 also where the value is a part of what
/// was encoded), all of them also with line breaks within. Values shorter than 3 bytes are left alone. One pass over the
/// text, whatever the number of values.
///
/// What is to be shortened is redacted first, see [`Redactor::start_of`]: half a secret is not recognised.
#[derive(Clone, Default)]
pub struct Redactor {
    whole: Option<Arc<Machine>>,
    wrapped: Option<Arc<Machine>>,
    opaque: bool,
}

impl Redactor {
    /// Looks for these values.
    pub fn new<'v>(values: impl IntoIterator<Item = &'v SecretValue>) -> Self {
        let patterns: Vec<Vec<u8>> = values.into_iter().flat_map(|v| forms(v.expose())).collect();
        let unbroken = patterns.iter().map(|p| p.iter().copied().filter(|b| !is_break(*b)).collect());
        let unbroken: Vec<Vec<u8>> = unbroken.filter(|p: &Vec<u8>| p.len() >= MIN_WRAPPED).collect();
        match (Machine::of(patterns), Machine::of(unbroken)) {
            (Some(whole), Some(wrapped)) => Self { whole, wrapped, opaque: false },
            // Only beyond two billion states. Then nothing at all passes.
            _ => Self { opaque: true, ..Self::default() },
        }
    }

    /// A stream to be redacted, from its beginning.
    pub fn stream(&self) -> RedactStream {
        RedactStream {
            whole: self.whole.clone().map(Lane::new),
            wrapped: self.wrapped.clone().map(Lane::new),
            opaque: self.opaque,
            held: VecDeque::new(),
            read: 0,
            covered: VecDeque::new(),
            masked_to: None,
        }
    }

    /// All of `bytes`, redacted.
    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut stream = self.stream();
        stream.push(bytes, &mut out);
        stream.finish(&mut out);
        out
    }

    /// The beginning of something that others have cut, redacted; without what may be half a secret at its end.
    pub fn beginning(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        self.stream().push(bytes, &mut out);
        out
    }

    /// All of `text`, redacted.
    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }

    /// The first `chars` characters of text, redacted before it is cut. Reads no more of it than that takes.
    pub fn start_of(&self, bytes: &[u8], chars: usize) -> String {
        let mut out = Vec::new();
        let mut stream = self.stream();
        let mut pieces = bytes.chunks(4096);
        loop {
            // No character has more bytes.
            if out.len() > chars.saturating_mul(4) {
                break;
            }
            match pieces.next() {
                Some(piece) => stream.push(piece, &mut out),
                None => {
                    stream.finish(&mut out);
                    break;
                }
            }
        }
        String::from_utf8_lossy(&out).chars().take(chars).collect()
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("active", &self.whole.is_some()).finish_non_exhaustive()
    }
}

/// A byte stream that is being redacted. Only bytes that may be the beginning of a secret are held back.
pub struct RedactStream {
    whole: Option<Lane>,
    /// Does not see line breaks.
    wrapped: Option<Lane>,
    opaque: bool,
    held: VecDeque<u8>,
    /// Bytes read so far: the position of the next one.
    read: u64,
    /// Where secrets are among the held bytes: disjoint, in order, from–to.
    covered: VecDeque<(u64, u64)>,
    /// Up to where stars stand for what was read, if the byte written last was one of those.
    masked_to: Option<u64>,
}

impl RedactStream {
    /// Reads a chunk and appends to `out` what is certain by now.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        if self.whole.is_none() && self.wrapped.is_none() {
            out.extend_from_slice(if self.opaque { MASK.as_bytes() } else { chunk });
            return;
        }
        for byte in chunk {
            let position = self.read;
            self.held.push_back(*byte);
            self.read += 1;
            let whole = self.whole.as_mut().and_then(|lane| lane.read(*byte, position));
            let wrapped = self.wrapped.as_mut().and_then(|lane| lane.read_wrapped(*byte, position));
            for from in [whole, wrapped].into_iter().flatten() {
                self.cover(from);
            }
            let first = [&self.whole, &self.wrapped].into_iter().flatten().filter_map(Lane::first).min();
            let keep = first.map_or(0, |first| self.read - first);
            self.release(usize::try_from(keep).unwrap_or(usize::MAX), out);
        }
    }

    /// The stream's end: appends what was held back.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.release(0, out);
    }

    /// Everything from `from` to what was read last is secret.
    fn cover(&mut self, from: u64) {
        let mut from = from;
        while let Some(&(start, end)) = self.covered.back() {
            if end < from {
                break;
            }
            from = from.min(start);
            self.covered.pop_back();
        }
        self.covered.push_back((from, self.read));
    }

    /// Writes all but the last `keep` bytes.
    fn release(&mut self, keep: usize, out: &mut Vec<u8>) {
        while self.held.len() > keep {
            let position = self.read - self.held.len() as u64;
            let Some(byte) = self.held.pop_front() else { return };
            while self.covered.front().is_some_and(|&(_, end)| end <= position) {
                self.covered.pop_front();
            }
            match self.covered.front() {
                Some(&(start, end)) if start <= position => {
                    if self.masked_to.is_none_or(|to| to < position) {
                        out.extend_from_slice(MASK.as_bytes());
                    }
                    self.masked_to = Some(end.max(position + 1));
                }
                _ => out.push(byte),
            }
        }
    }
}

impl fmt::Debug for RedactStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactStream").field("read", &self.read).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    fn redactor(values: &[&str]) -> Redactor {
        let values: Vec<_> = values.iter().map(|v| SecretValue::from((*v).to_owned())).collect();
        Redactor::new(&values)
    }

    #[test]
    fn all_forms_of_a_value_are_masked() {
        let r = redactor(&["pä\"ss wörd", "user-token"]);
        assert_eq!(r.text("a pä\"ss wörd b"), "a ****** b");
        assert_eq!(r.text(r#"{"k": "pä\"ss wörd"}"#), r#"{"k": "******"}"#);
        assert_eq!(r.text(r#"{"k": "p\u00e4\"ss w\u00f6rd"}"#), r#"{"k": "******"}"#);
        assert_eq!(r.text("?k=p%C3%A4%22ss+w%C3%B6rd&"), "?k=******&");
        for before in ["", "u", "us", "usr:"] {
            let basic = BASE64_STANDARD_NO_PAD.encode(format!("{before}user-token"));
            let masked = r.text(&basic);
            assert!(masked.contains(MASK) && masked.len() <= 6 + 6 + 2, "{before}: {basic} → {masked}");
        }
    }

    #[test]
    fn a_key_of_several_lines_is_masked_line_by_line() {
        let r = redactor(&["-----BEGIN KEY-----\nMC4CAQAwBQYDK2Vw\nshort\n"]);
        assert_eq!(r.text("log: MC4CAQAwBQYDK2Vw\n"), "log: ******\n");
        assert_eq!(r.text("short\n"), "short\n");
    }

    #[test]
    fn line_breaks_within_a_value_or_its_forms_hide_nothing() {
        let secret = "correct horse battery staple, twice and thrice over, to be long enough";
        let r = redactor(&[secret]);
        let wrapped = |text: &str, width: usize, ending: &str| {
            let lines: Vec<&str> =
                text.as_bytes().chunks(width).map(|l| std::str::from_utf8(l).unwrap()).collect();
            lines.join(ending)
        };
        let hex: String = secret.bytes().map(|b| format!("{b:02X}")).collect();
        let base64 = BASE64_STANDARD.encode(format!("user:{secret}, and more that follows it"));
        for (text, known) in [(secret, "battery"), (&hex, "62617474"), (&base64, "aG9yc2U")] {
            for (width, ending) in [(1, "\n"), (7, "\r\n"), (60, "\n"), (64, "\n"), (76, "\r\n")] {
                let masked = r.text(&format!("x {} y", wrapped(text, width, ending)));
                assert!(masked.contains(MASK), "{width}: {masked}");
                let rest: String = masked.split_whitespace().collect();
                assert!(!rest.contains(known) && rest.len() < 70, "{width}: {masked}");
            }
        }
        // Short ones are in too many texts.
        assert_eq!(redactor(&["abcdef"]).text("abc\ndef"), "abc\ndef");
    }

    #[test]
    fn encoded_forms_are_masked() {
        let r = redactor(&["a<b>&\"c\" ä'"]);
        for form in [
            "a&lt;b&gt;&amp;&quot;c&quot; ä&#39;",
            "a&lt;b&gt;&amp;&quot;c&quot; ä&#x27;",
            "613c623e26226322 20c3a427".replace(' ', "").as_str(),
            "a%3cb%3e%26%22c%22%20%c3%a4%27",
            r#"a<b>&\\\"c\\\" ä'"#,
            r#"a<b>&"c" ä\'"#,
        ] {
            assert_eq!(r.text(&format!("[{form}]")), "[******]", "{form}");
        }
    }

    #[test]
    fn what_is_cut_is_masked_first() {
        let r = redactor(&["hunter2hunter2"]);
        let text = format!("{}hunter2hunter2 tail", "x".repeat(195));
        for chars in 190..220 {
            let start = r.start_of(text.as_bytes(), chars);
            assert!(!start.contains('h') && start.chars().count() <= chars, "{start}");
        }
        // A text that ends within a secret's beginning tells no more than it did.
        assert_eq!(r.start_of("é".repeat(9000).as_bytes(), 3), "ééé");
        assert_eq!(r.start_of(b"", 3), "");
    }

    #[test]
    fn values_that_overlap_are_masked_whole() {
        assert_eq!(redactor(&["abcdef", "efghij", "cde"]).text("xabcdefghijx"), "x******x");
        assert_eq!(redactor(&["abcd", "bc1"]).text("abc1 abcd bcd"), "a****** ****** bcd");
    }

    #[test]
    fn short_and_no_values_leave_the_text_alone() {
        assert_eq!(redactor(&["ab", ""]).text("ab cab"), "ab cab");
        assert_eq!(redactor(&[]).text("ab cab"), "ab cab");
    }

    #[test]
    fn what_cannot_be_a_secret_is_not_held_back() {
        let mut stream = redactor(&["secret"]).stream();
        let mut out = Vec::new();
        stream.push(b"50 % done, sec", &mut out);
        assert_eq!(out, b"50 % done, ");
        stream.push(b"onds left", &mut out);
        assert_eq!(out, b"50 % done, seconds left");
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference(text in "[abc]{0,60}", values in prop::collection::vec("[abc]{3,5}", 1..4), cut in 1usize..9) {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let r = redactor(&values);
            let mut stream = r.stream();
            let mut out = Vec::new();
            text.as_bytes().chunks(cut).for_each(|chunk| stream.push(chunk, &mut out));
            stream.finish(&mut out);
            prop_assert_eq!(&out, &r.bytes(text.as_bytes()));
            let out = String::from_utf8(out).unwrap();
            for value in values {
                prop_assert!(!out.contains(value), "{} in {}", value, out);
            }
        }
    }
}
