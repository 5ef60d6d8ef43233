use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use super::ModelError;

/// The `timestamp` of a model's file: bumping it asks for a rebuild. `YYYY-MM-DD`, or with a time of day to the minute or second.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BuildTimestamp {
    at: DateTime,
    text: String,
}

impl BuildTimestamp {
    /// The moment, without a time zone, as people write it.
    pub fn datetime(&self) -> DateTime {
        self.at
    }
}

impl FromStr for BuildTimestamp {
    type Err = ModelError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
            .iter()
            .find_map(|format| DateTime::strptime(format, s).ok())
            .or_else(|| jiff::civil::Date::strptime("%Y-%m-%d", s).ok().map(|d| d.at(0, 0, 0, 0)))
            .map(|at| Self { at, text: s.to_owned() })
            .ok_or_else(|| ModelError {
                what: "timestamp",
                value: s.to_owned(),
                expected: "a date and a time of day, as in \"2020-10-29 09:29\"",
            })
    }
}

impl fmt::Display for BuildTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl TryFrom<String> for BuildTimestamp {
    type Error = ModelError;

    fn try_from(value: String) -> Result<Self, Self::Error> {
        value.parse()
    }
}

impl From<BuildTimestamp> for String {
    fn from(timestamp: BuildTimestamp) -> Self {
        timestamp.text
    }
}
