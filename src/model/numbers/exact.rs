/// Whether a value in memory holds this number of JSON exactly. What is no number, or too large for any reader, counts as
/// held: a reader finds the mistake.
pub(super) fn is_held(text: &str) -> bool {
    if !text.contains(['.', 'e', 'E']) {
        let digits = text.trim_start_matches('-').len();
        return text != "-0" && (digits <= 18 || text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok())
            || !is_number(text);
    }
    // So few digits are exact in any way of reading them.
    if text.len() <= 16 && !text.contains(['e', 'E']) {
        return true;
    }
    let Some(written) = Decimal::read(text) else { return true };
    let Ok(value) = serde_json::from_str::<f64>(text) else { return true };
    // It has to be read the same again: a value is written and read several times on its way.
    let again = serde_json::to_string(&value).ok().and_then(|text| serde_json::from_str::<f64>(&text).ok());
    again.is_some_and(|again| again.to_bits() == value.to_bits())
        && Decimal::read(&format!("{value:e}")) == Some(written)
}

/// Whether the text is a number by the grammar of JSON.
pub(crate) fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) && {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (digits, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let all = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        all(whole)
            && (whole == "0" || !whole.starts_with('0'))
            && fraction.is_none_or(all)
            && exponent.is_none_or(|e| all(e.strip_prefix(['+', '-']).unwrap_or(e)))
    }
}

/// A number by its significant digits: `digits` × 10^`exponent`.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn read(text: &str) -> Option<Self> {
        if !is_number(text) {
            return None;
        }
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let mut exponent: i64 = exponent.parse().ok()?;
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.trim_start_matches('-');
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0');
        let digits = significant.trim_end_matches('0');
        exponent = exponent.checked_add(i64::try_from(significant.len() - digits.len()).ok()?)?;
        // Zero has no power of ten.
        let exponent = if digits.is_empty() { 0 } else { exponent };
        Some(Self { negative, digits: digits.to_owned(), exponent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_64_bits_hold_is_told_from_what_they_do_not() {
        let held = [
            "0",
            "-1",
            "18446744073709551615",
            "-9223372036854775808",
            "0.1",
            "-0.0",
            "1e5",
            "1E+22",
            "0.30000000000000004",
            "1.7976931348623157e308",
            "123456789012345678",
            "5e-324",
            "100000000000000000000.0",
            "0.000",
            "0e99",
        ];
        for text in held {
            assert!(is_held(text), "{text}");
        }
        let lost = [
            "-0",
            "18446744073709551616",
            "-9223372036854775809",
            "254601183493841237945120495711238475",
            "3.14159265358979323846",
            "0.1000000000000000055511151231257827",
            "1e-400",
            "123456789012345678.5",
        ];
        for text in lost {
            assert!(!is_held(text), "{text}");
        }
        // Mistakes are the reader's to find.
        for text in ["1e400", "01", "1.", ".5", "-", "1e", "--1", "1.2.3"] {
            assert!(is_held(text), "{text}");
        }
    }
}
