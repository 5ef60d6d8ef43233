use super::{Decode, Node, Problems, Value};

/// The text of a scalar of any look; anything else is reported.
pub(crate) fn text<'n>(node: &'n Node<'_>, expected: &str, problems: &mut Problems) -> Option<&'n str> {
    let text = node.text();
    if text.is_none() {
        problems.wrong_type(node, expected);
    }
    text
}

impl Decode for String {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        text(node, "text", problems).map(str::to_owned)
    }
}

impl Decode for bool {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let Value::Scalar(scalar) = &node.value else {
            problems.wrong_type(node, "true or false");
            return None;
        };
        let folded = scalar.text.to_ascii_lowercase();
        let meant = match folded.as_str() {
            "true" | "yes" | "on" | "y" | "1" => Some(true),
            "false" | "no" | "off" | "n" | "0" => Some(false),
            _ => None,
        };
        if scalar.plain && matches!(folded.as_str(), "true" | "false") {
            return meant;
        }
        // `yes` is a boolean in YAML 1.1 and text in 1.2: what editors, kubectl and we make of it would differ.
        let problem = problems.wrong_type(node, "true or false");
        if let Some(meant) = meant {
            problem.set_help(format!("write {meant}, without quotes"));
        }
        None
    }
}

/// A whole number of at least `min` and at most `max`: plain decimal digits and nothing else.
pub(crate) fn integer(node: &Node<'_>, min: u64, max: u64, problems: &mut Problems) -> Option<u64> {
    let expected = if max == u64::MAX {
        format!("a whole number of at least {min}")
    } else {
        format!("a whole number from {min} to {max}")
    };
    let Value::Scalar(scalar) = &node.value else {
        problems.wrong_type(node, &expected);
        return None;
    };
    let text = scalar.text.as_ref();
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse::<u64>().ok().filter(|_| digits);
    if !scalar.plain {
        let problem = problems.wrong_type(node, &expected);
        if number.is_some() {
            problem.set_help("write it without quotes");
        }
        return None;
    }
    if digits && text.len() > 1 && text.starts_with('0') {
        // 010 is eight to YAML 1.1 and ten to YAML 1.2.
        problems.wrong_type(node, &expected).set_help("write it without leading zeros");
        return None;
    }
    match number {
        Some(number) if (min..=max).contains(&number) => Some(number),
        Some(_) => {
            problems.invalid(node.span, &expected, text);
            None
        }
        None => {
            problems.wrong_type(node, &expected);
            None
        }
    }
}

macro_rules! integers {
    ($($t:ty),+) => {$(
        impl Decode for $t {
            fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
                integer(node, 0, u64::from(<$t>::MAX), problems).and_then(|n| Self::try_from(n).ok())
            }
        }
    )+};
}

integers!(u16, u32, u64);

/// A list; wrong items are reported and left out.
impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::List(items) => Some(items.iter().filter_map(|item| T::decode(item, problems)).collect()),
            Value::Null | Value::Scalar(_) | Value::Map(_) => {
                problems.wrong_type_unquoted(node, "a list (`- item` lines, or [a, b])");
                None
            }
        }
    }
}
