use std::fmt;
use std::str::FromStr;

use super::RenderError;

/// A minor release of Kubernetes, 1.20 to 1.36: what objects are rendered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KubeVersion {
    minor: u8,
}

impl KubeVersion {
    /// The oldest release that objects can be rendered for.
    pub const OLDEST: Self = Self { minor: 20 };
    /// The newest release that objects can be rendered for, and the default.
    pub const NEWEST: Self = Self { minor: 36 };

    /// The first release whose Jobs can be suspended without a feature gate, which Kueue needs.
    pub(super) const KUEUE: Self = Self { minor: 22 };

    /// The `N` of 1.N.
    pub fn minor(self) -> u8 {
        self.minor
    }
}

impl Default for KubeVersion {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl fmt::Display for KubeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor)
    }
}

impl FromStr for KubeVersion {
    type Err = RenderError;

    /// `1.30`, `v1.30`, `1.30.4` and what servers of cloud providers say (`v1.30.4-gke.100`, minor `30+`).
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let error = || RenderError::KubeVersion { value: s.to_owned() };
        let rest = s.strip_prefix('v').unwrap_or(s).strip_prefix("1.").ok_or_else(error)?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (minor, patch) = rest.split_at(end);
        if !(patch.is_empty() || patch.starts_with(['.', '+', '-'])) {
            return Err(error());
        }
        let version = Self { minor: minor.parse().map_err(|_| error())? };
        if (Self::OLDEST..=Self::NEWEST).contains(&version) { Ok(version) } else { Err(error()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_people_and_servers_write_them() {
        for (text, minor) in [
            ("1.20", 20),
            ("v1.30", 30),
            ("1.36.1", 36),
            ("v1.29.3-gke.1", 29),
            ("1.28+", 28),
            ("v1.27.3+k3s1", 27),
        ] {
            assert_eq!(text.parse::<KubeVersion>().unwrap().minor(), minor, "{text}");
        }
        for text in ["", "1", "1.", "1.19", "1.37", "2.0", "1.30x", "1.-30", "v", "latest", "1.300"] {
            assert!(text.parse::<KubeVersion>().is_err(), "{text}");
        }
    }
}
