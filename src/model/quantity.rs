use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ModelError;

/// An amount of memory in bytes, written as Kubernetes does: `7G`, `512Mi`, `1500M`, or plain bytes.
/// Keeps its spelling, so that what was read is what is rendered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Memory {
    text: String,
    bytes: u64,
}

/// An amount of processors, written as Kubernetes does: `2`, `0.5`, `500m`. Keeps its spelling.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cpu {
    text: String,
    millis: u64,
}

const MEMORY: &str = "a Kubernetes memory quantity above zero, as in 7G, 512Mi or 1500M";
const CPU: &str = "a Kubernetes cpu quantity of at least 1m, as in 2, 0.5 or 500m";

impl Memory {
    /// So many gigabytes (`G`, powers of ten); zero becomes one.
    pub fn from_gigabytes(gigabytes: u16) -> Self {
        let gigabytes = gigabytes.max(1);
        Self { text: format!("{gigabytes}G"), bytes: u64::from(gigabytes) * 1_000_000_000 }
    }

    /// So many gibibytes (`Gi`); zero becomes one.
    pub fn gibibytes(n: u16) -> Self {
        let n = n.max(1);
        Self { text: format!("{n}Gi"), bytes: u64::from(n) << 30 }
    }

    /// The amount in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Cpu {
    /// So many whole processors; zero becomes one.
    pub fn from_whole(processors: u16) -> Self {
        let processors = processors.max(1);
        Self { text: processors.to_string(), millis: u64::from(processors) * 1000 }
    }

    /// The amount in thousandths of a processor.
    pub fn millis(&self) -> u64 {
        self.millis
    }
}

impl FromStr for Memory {
    type Err = ModelError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        // A lower-case `m` (thousandths of a byte) is legal Kubernetes, and always a mistake for `M`.
        milli_units(s)
            .filter(|_| !s.ends_with('m'))
            .map(|m| m / 1000)
            .and_then(|b| u64::try_from(b).ok())
            .filter(|b| *b > 0)
            .map(|bytes| Self { text: s.to_owned(), bytes })
            .ok_or_else(|| ModelError { what: "memory quantity", value: s.to_owned(), expected: MEMORY })
    }
}

impl FromStr for Cpu {
    type Err = ModelError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        milli_units(s)
            .and_then(|m| u64::try_from(m).ok())
            .filter(|m| *m > 0)
            .map(|millis| Self { text: s.to_owned(), millis })
            .ok_or_else(|| ModelError { what: "cpu quantity", value: s.to_owned(), expected: CPU })
    }
}

/// Thousandths of the unit that a Kubernetes quantity means, or `None` if it isn't one. Fractions of a
/// thousandth are rounded up, as the API server does.
pub fn milli_units(s: &str) -> Option<u128> {
    let digits_end = s.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(s.len());
    let (number, suffix) = s.split_at(digits_end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 20 {
        return None;
    }
    let numerator: u128 = format!("{whole}{fraction}").parse().ok()?;
    let denominator = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let (multiply, divide): (u128, u128) = match suffix {
        "n" => (1, 1_000_000),
        "u" => (1, 1_000),
        "m" => (1, 1),
        "" => (1_000, 1),
        "k" => (1_000_000, 1),
        "M" => (1_000_000_000, 1),
        "G" => (1_000_000_000_000, 1),
        "T" => (1_000_000_000_000_000, 1),
        "P" => (1_000_000_000_000_000_000, 1),
        "Ki" => (1_000 << 10, 1),
        "Mi" => (1_000 << 20, 1),
        "Gi" => (1_000 << 30, 1),
        "Ti" => (1_000 << 40, 1),
        "Pi" => (1_000 << 50, 1),
        _ => {
            let exponent: u32 = suffix.strip_prefix(['e', 'E'])?.trim_start_matches('+').parse().ok()?;
            (1_000u128.checked_mul(10u128.checked_pow(exponent.min(30))?)?, 1)
        }
    };
    Some(numerator.checked_mul(multiply)?.div_ceil(denominator.checked_mul(divide)?))
}

macro_rules! quantity {
    ($t:ident, $amount:ident) => {
        impl fmt::Display for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.text)
            }
        }
        impl TryFrom<String> for $t {
            type Error = ModelError;
            fn try_from(value: String) -> Result<Self, Self::Error> {
                value.parse()
            }
        }
        impl From<$t> for String {
            fn from(quantity: $t) -> Self {
                quantity.text
            }
        }
        // Quantities compare by amount: `1000m` is `1`.
        impl PartialEq for $t {
            fn eq(&self, other: &Self) -> bool {
                self.$amount == other.$amount
            }
        }
        impl Eq for $t {}
        impl PartialOrd for $t {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }
        impl Ord for $t {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.$amount.cmp(&other.$amount)
            }
        }
    };
}

quantity!(Memory, bytes);
quantity!(Cpu, millis);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_mean_what_kubernetes_means() {
        for (text, bytes) in [
            ("7G", 7_000_000_000),
            ("512Mi", 536_870_912),
            ("1.5Gi", 1_610_612_736),
            ("1e3", 1000),
            ("128974848", 128_974_848),
            ("0.1", 1),
        ] {
            // `0.1` bytes is below one byte and is no amount.
            match text.parse::<Memory>() {
                Ok(m) => assert_eq!(m.bytes(), bytes, "{text}"),
                Err(_) => assert_eq!(text, "0.1"),
            }
        }
        for (text, millis) in [("2", 2000), ("0.5", 500), ("500m", 500), ("1e1", 10_000), (".25", 250)] {
            assert_eq!(text.parse::<Cpu>().unwrap().millis(), millis, "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in [
            "",
            "G",
            "7GB",
            "7 G",
            "-1",
            "+1",
            "1.2.3",
            "1g",
            "0",
            "500m",
            "٣",
            "1e99999",
            "99999999999999999999999P",
        ] {
            assert!(text.parse::<Memory>().is_err(), "{text}");
        }
        for text in ["0", "two", "1 cpu", "0.0"] {
            assert!(text.parse::<Cpu>().is_err(), "{text}");
        }
    }

    #[test]
    fn quantities_compare_by_amount_and_keep_their_spelling() {
        let (a, b): (Cpu, Cpu) = ("1000m".parse().unwrap(), "1".parse().unwrap());
        assert_eq!(a, b);
        assert_eq!(a.to_string(), "1000m");
        assert!("1Gi".parse::<Memory>().unwrap() > "1G".parse().unwrap());
    }
}
