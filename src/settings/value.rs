use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use url::Url;

use crate::model::{Isolation, Seconds};

/// What a setting's text is, as its JSON Schema tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number between these.
    Number {
        /// The smallest.
        min: usize,
        /// The largest.
        max: usize,
    },
    /// An http or https URL.
    Url,
    /// A number of seconds, or text such as `2m`.
    Duration,
    /// Several texts; in a variable with commas between them.
    List,
    /// One of these.
    OneOf(&'static [&'static str]),
}

/// A type of settings.
pub trait Value: Sized {
    /// What a text of it must be, with an example.
    const EXPECTED: &'static str;
    /// What a text of it is.
    const KIND: Kind = Kind::Text;
    /// Whether messages may not quote it.
    const SECRET: bool = false;

    /// Reads a text; relative paths start at `base`.
    fn read(text: &str, base: &Path) -> Option<Self>;

    /// The value as text, masked if it is secret; `None` if there is none.
    fn show(&self) -> Option<String>;
}

impl Value for String {
    const EXPECTED: &'static str = "text";

    fn read(text: &str, _base: &Path) -> Option<Self> {
        Some(text.to_owned()).filter(|t| !t.trim().is_empty())
    }

    fn show(&self) -> Option<String> {
        Some(self.clone())
    }
}

impl Value for PathBuf {
    const EXPECTED: &'static str = "a path";

    fn read(text: &str, base: &Path) -> Option<Self> {
        Some(base.join(text)).filter(|_| !text.is_empty())
    }

    fn show(&self) -> Option<String> {
        Some(self.display().to_string())
    }
}

impl Value for Url {
    const EXPECTED: &'static str = "an http or https URL";
    const KIND: Kind = Kind::Url;

    fn read(text: &str, _base: &Path) -> Option<Self> {
        let http = |u: &Self| matches!(u.scheme(), "http" | "https") && u.has_host();
        let mut url = Self::parse(text).ok().filter(http)?;
        if !url.path().ends_with('/') {
            // Else joining `outputs/api/` would replace the last segment.
            url.set_path(&format!("{}/", url.path()));
        }
        Some(url)
    }

    fn show(&self) -> Option<String> {
        let mut url = self.clone();
        // A URL that can't carry a password has none to hide.
        let masked = url.password().is_none() || url.set_password(Some("******")).is_ok();
        Some(url.to_string()).filter(|_| masked)
    }
}

impl Value for SocketAddr {
    const EXPECTED: &'static str = "HOST:PORT, as in 127.0.0.1:8888, or :8888 for all addresses";

    fn read(text: &str, _base: &Path) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(address);
        }
        let (host, port) = text.rsplit_once(':')?;
        let address = match host {
            // As other programs have it.
            "" | "*" => Ipv4Addr::UNSPECIFIED,
            host if host.eq_ignore_ascii_case("localhost") => Ipv4Addr::LOCALHOST,
            _ => return None,
        };
        // No sign, no blanks.
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| port.parse().ok()).flatten().map(|port: u16| Self::from((address, port)))
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for usize {
    const EXPECTED: &'static str = "a whole number from 1 to 10000";
    const KIND: Kind = Kind::Number { min: 1, max: 10_000 };

    fn read(text: &str, _base: &Path) -> Option<Self> {
        text.parse().ok().filter(|n| (1..=10_000).contains(n))
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for Seconds {
    const EXPECTED: &'static str = "a time above zero, as in 30 or 2m";
    const KIND: Kind = Kind::Duration;

    fn read(text: &str, _base: &Path) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for Isolation {
    const EXPECTED: &'static str = "`none`, `process` or `container`";
    const KIND: Kind = Kind::OneOf(&["none", "process", "container"]);

    fn read(text: &str, _base: &Path) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for SecretString {
    const EXPECTED: &'static str = "text";
    const SECRET: bool = true;

    fn read(text: &str, _base: &Path) -> Option<Self> {
        Some(Self::from(text)).filter(|_| !text.is_empty())
    }

    fn show(&self) -> Option<String> {
        Some("******".to_owned())
    }
}

impl<T: Value> Value for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const KIND: Kind = T::KIND;
    const SECRET: bool = T::SECRET;

    fn read(text: &str, base: &Path) -> Option<Self> {
        T::read(text, base).map(Some)
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(T::show)
    }
}
