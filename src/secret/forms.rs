//! How a value may look in what a program prints.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

/// Values of fewer bytes are not looked for: they are in every other word.
const MIN_BYTES: usize = 3;

/// Encoded forms of fewer bytes are not looked for, for the same reason.
const MIN_ENCODED: usize = 6;

/// Lines of a value of several lines that are shorter are not looked for by themselves.
const MIN_LINE: usize = 8;

/// The value itself, its lines, and what escaping and encoding make of it.
pub(super) fn forms(value: &str) -> Vec<Vec<u8>> {
    if value.len() < MIN_BYTES {
        return Vec::new();
    }
    let mut forms = vec![value.as_bytes().to_owned()];
    forms.extend(
        value.lines().map(str::trim).filter(|l| l.len() >= MIN_LINE).map(|l| l.as_bytes().to_owned()),
    );
    let inner = escaped(value);
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
    let spaces = percent.replace('+', "%20");
    let lower = [in_lower_case(&percent), in_lower_case(&spaces)];
    let html = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let quoted = html.replace('"', "&quot;");
    let html = [quoted.replace('\'', "&#39;"), quoted.replace('\'', "&#x27;"), quoted, html];
    // JSON in JSON, and Python's repr.
    let twice = escaped(&escaped(value));
    let repr = value.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n");
    let texts = [inner, ascii, spaces, percent, twice, repr];
    for text in texts.into_iter().chain(lower).chain(html) {
        if text != value {
            forms.push(text.into_bytes());
        }
    }
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    forms.extend([hex.to_uppercase().into_bytes(), hex.into_bytes()]);
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

fn escaped(value: &str) -> String {
    let json = serde_json::Value::from(value).to_string();
    json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

/// Percent-encoding with small digits.
fn in_lower_case(percent: &str) -> String {
    let mut digits = 0;
    percent
        .chars()
        .map(|c| match (c, digits) {
            ('%', _) => {
                digits = 2;
                c
            }
            (_, 1..) => {
                digits -= 1;
                c.to_ascii_lowercase()
            }
            _ => c,
        })
        .collect()
}
