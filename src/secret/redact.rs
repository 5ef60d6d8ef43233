use std::collections::HashMap;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::nfa::contiguous::NFA;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

use super::SecretValue;
use super::value::MASK;

/// Values of fewer bytes are not looked for: they are in every other word.
const MIN_BYTES: usize = 3;

/// Encoded forms of fewer bytes are not looked for, for the same reason.
const MIN_ENCODED: usize = 6;

/// Lines of a value of several lines that are shorter are not looked for by themselves.
const MIN_LINE: usize = 8;

/// Replaces secrets by `******` in what others print: the values themselves, each line of a value of several lines,
/// and their JSON-escaped, percent-encoded and base64 forms (base64 also where the value is a part of what was
/// encoded). Values shorter than 3 bytes are left alone. One pass over the text, whatever the number of values.
#[derive(Clone, Default)]
pub struct Redactor {
    machine: Option<Arc<Machine>>,
    opaque: bool,
}

struct Machine {
    nfa: NFA,
    start: StateID,
    /// How many of the bytes read last may be the beginning of a secret, a state.
    depth: HashMap<StateID, usize>,
}

impl Redactor {
    /// Looks for these values.
    pub fn new<'v>(values: impl IntoIterator<Item = &'v SecretValue>) -> Self {
        let mut patterns: Vec<Vec<u8>> = values.into_iter().flat_map(|v| forms(v.expose())).collect();
        patterns.sort_unstable();
        patterns.dedup();
        if patterns.is_empty() {
            return Self::default();
        }
        match NFA::new(&patterns).ok().and_then(|nfa| Machine::new(nfa, &patterns)) {
            Some(machine) => Self { machine: Some(Arc::new(machine)), opaque: false },
            // Only beyond two billion states. Then nothing at all passes.
            None => Self { machine: None, opaque: true },
        }
    }

    /// A stream to be redacted, from its beginning.
    pub fn stream(&self) -> RedactStream {
        let state = self.machine.as_ref().map_or_else(StateID::default, |m| m.start);
        RedactStream {
            machine: self.machine.clone(),
            opaque: self.opaque,
            state,
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

    /// All of `text`, redacted.
    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("active", &self.machine.is_some()).finish_non_exhaustive()
    }
}

impl Machine {
    fn new(nfa: NFA, patterns: &[Vec<u8>]) -> Option<Self> {
        let start = nfa.start_state(Anchored::No).ok()?;
        let mut depth = HashMap::from([(start, 0)]);
        for pattern in patterns {
            let mut state = start;
            for (read, byte) in (1..).zip(pattern) {
                state = nfa.next_state(Anchored::No, state, *byte);
                depth.insert(state, read);
            }
        }
        Some(Self { nfa, start, depth })
    }

    /// The length of the longest secret that ends in this state.
    fn ends(&self, state: StateID) -> Option<usize> {
        if !self.nfa.is_match(state) {
            return None;
        }
        let lengths = (0..self.nfa.match_len(state)).map(|i| self.nfa.match_pattern(state, i));
        lengths.map(|pattern| self.nfa.pattern_len(pattern)).max()
    }
}

/// A byte stream that is being redacted. Only bytes that may be the beginning of a secret are held back.
pub struct RedactStream {
    machine: Option<Arc<Machine>>,
    opaque: bool,
    state: StateID,
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
        let Some(machine) = self.machine.clone() else {
            out.extend_from_slice(if self.opaque { MASK.as_bytes() } else { chunk });
            return;
        };
        for byte in chunk {
            self.state = machine.nfa.next_state(Anchored::No, self.state, *byte);
            self.held.push_back(*byte);
            self.read += 1;
            if let Some(length) = machine.ends(self.state) {
                self.cover(self.read - length as u64);
            }
            let keep = machine.depth.get(&self.state).copied().unwrap_or(0);
            self.release(keep, out);
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

/// How a value may look in what a program prints.
fn forms(value: &str) -> Vec<Vec<u8>> {
    if value.len() < MIN_BYTES {
        return Vec::new();
    }
    let mut forms = vec![value.as_bytes().to_owned()];
    forms.extend(
        value.lines().map(str::trim).filter(|l| l.len() >= MIN_LINE).map(|l| l.as_bytes().to_owned()),
    );
    let json = serde_json::Value::from(value).to_string();
    let inner = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    let ascii = inner.chars().fold(String::new(), |mut text, c| {
        let mut units = [0; 2];
        if c.is_ascii() {
            text.push(c);
        } else {
            c.encode_utf16(&mut units).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")));
        }
        text
    });
    let percent: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    for text in [inner.to_owned(), ascii, percent.replace('+', "%20"), percent] {
        if text != value {
            forms.push(text.into_bytes());
        }
    }
    forms.extend(base64_forms(value.as_bytes()));
    forms
}

/// The base64 digits that the value alone determines, wherever it begins in what is encoded.
fn base64_forms(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let digits = |before: usize| {
        let shifted = [vec![0; before], value.to_owned()].concat();
        let (first, whole) = ((before * 8).div_ceil(6), shifted.len() * 8 / 6);
        [BASE64_STANDARD_NO_PAD.encode(&shifted), BASE64_URL_SAFE_NO_PAD.encode(&shifted)]
            .map(|text| text.as_bytes().get(first..whole).unwrap_or_default().to_owned())
    };
    [digits(0), digits(1), digits(2)].into_iter().flatten().filter(|form| form.len() >= MIN_ENCODED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
