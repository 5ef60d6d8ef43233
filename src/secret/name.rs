use std::fmt;
use std::str::FromStr;

use super::SecretError;

/// The name of a secret: 1 to 253 characters without `/`, `=`, blanks and control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

impl SecretName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an environment variable can have this name: letters, digits and `_`, no digit first. A model's
    /// secrets must, because that is how they reach the model.
    pub fn is_variable(&self) -> bool {
        !self.0.starts_with(|c: char| c.is_ascii_digit())
            && self.0.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    }
}

impl FromStr for SecretName {
    type Err = SecretError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| !c.is_control() && !c.is_whitespace() && c != '/' && c != '=';
        if (1..=253).contains(&s.chars().count()) && s.chars().all(allowed) {
            Ok(Self(s.to_owned()))
        } else {
            Err(SecretError::Name {
                name: s.to_owned(),
                expected: "1 to 253 characters without `/`, `=`, blanks and control characters, as in DB_PASSWORD",
            })
        }
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for (text, variable) in
            [("super", true), ("DB_PASSWORD", true), ("a.b-c", false), ("1a", false), ("é", false)]
        {
            assert_eq!(text.parse::<SecretName>().unwrap().is_variable(), variable, "{text}");
        }
        for text in ["", "a/b", "a=b", "a b", "a\n", "\u{7f}", &"x".repeat(254)] {
            assert!(text.parse::<SecretName>().is_err(), "{text:?}");
        }
    }
}
