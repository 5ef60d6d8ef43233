use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ModelError;

/// A span of whole or fractional seconds above zero and at most a year: written as a number of seconds (`90`,
/// as the original did) or with units (`90s`, `15m`, `1h 30m`, `1d`, `2w`), of which a day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Seconds(f64);

const YEAR: f64 = 366.0 * 86_400.0;
const EXPECTED: &str =
    "a time above zero and at most a year: seconds as in 90, or with units as in 15m, `2h 30m`, 1d or 2w";

impl Seconds {
    /// So many whole seconds; zero becomes one.
    pub const fn from_secs(seconds: u16) -> Self {
        Self(if seconds == 0 { 1.0 } else { seconds as f64 })
    }

    /// The span as seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0
    }

    /// The span as the standard library's type.
    pub fn to_duration(self) -> Duration {
        Duration::from_secs_f64(self.0)
    }
}

impl TryFrom<f64> for Seconds {
    type Error = ModelError;

    fn try_from(seconds: f64) -> Result<Self, Self::Error> {
        if seconds > 0.0 && seconds <= YEAR {
            Ok(Self(seconds))
        } else {
            Err(ModelError { what: "duration", value: seconds.to_string(), expected: EXPECTED })
        }
    }
}

impl From<Seconds> for f64 {
    fn from(seconds: Seconds) -> Self {
        seconds.0
    }
}

impl FromStr for Seconds {
    type Err = ModelError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let error = || ModelError { what: "duration", value: s.to_owned(), expected: EXPECTED };
        if let Ok(number) = s.parse::<f64>() {
            return Self::try_from(number).map_err(|_| error());
        }
        let span: jiff::Span = s.parse().map_err(|_| error())?;
        let days = jiff::SpanRelativeTo::days_are_24_hours();
        let span = span.to_duration(days).map_err(|_| error())?;
        Self::try_from(span.as_secs_f64()).map_err(|_| error())
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_with_and_without_units() {
        for (text, seconds) in [
            ("90", 90.0),
            ("0.5", 0.5),
            ("15m", 900.0),
            ("2h 30m", 9000.0),
            ("90s", 90.0),
            ("1d", 86_400.0),
            ("1w", 604_800.0),
            ("1d 12h", 129_600.0),
            ("2 weeks", 1_209_600.0),
            ("720h", 2_592_000.0),
            ("1.5h", 5400.0),
        ] {
            assert_eq!(text.parse::<Seconds>().unwrap().as_secs_f64(), seconds, "{text}");
        }
        for text in
            ["", "0", "-1", "NaN", "inf", "soon", "400000000", "1e400", "53w", "1y", "1mo", "-1d", "1x"]
        {
            assert!(text.parse::<Seconds>().is_err(), "{text}");
        }
    }
}
