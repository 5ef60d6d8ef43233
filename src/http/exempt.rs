use std::net::IpAddr;

use ipnet::IpNet;
use url::Url;

/// The servers that `NO_PROXY` names, as curl, Go and kubectl read it: names with everything below them, addresses and networks,
/// each with a port or without, and `*` for all.
#[derive(Debug, Clone, Default)]
pub(super) struct Exempt(Vec<Entry>);

#[derive(Debug, Clone)]
struct Entry {
    servers: Servers,
    port: Option<u16>,
}

#[derive(Debug, Clone)]
enum Servers {
    All,
    Network(IpNet),
    Address(IpAddr),
    /// What is below a name, and the name itself unless only what is below was meant (`*.example.org`).
    Named {
        name: String,
        itself: bool,
    },
}

/// A server's host, in the one way to write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    Address(IpAddr),
    /// In lower case, without a dot at the end.
    Name(String),
}

impl Host {
    pub(super) fn of(url: &Url) -> Option<Self> {
        Some(match url.host()? {
            url::Host::Ipv4(address) => Self::Address(address.into()),
            url::Host::Ipv6(address) => Self::Address(IpAddr::from(address).to_canonical()),
            // Schemes that the URL standard has no rules for keep an address as text.
            url::Host::Domain(name) => Self::parse(name),
        })
    }

    fn parse(text: &str) -> Self {
        let text = text.trim_end_matches('.');
        if let Ok(address) = text.parse::<IpAddr>() {
            return Self::Address(address.to_canonical());
        }
        match url::Host::parse(text) {
            Ok(url::Host::Ipv4(address)) => Self::Address(address.into()),
            Ok(url::Host::Domain(name)) => Self::Name(name),
            _ => Self::Name(text.to_ascii_lowercase()),
        }
    }
}

impl Exempt {
    /// Entries are separated by commas or, as curl has it, by blanks; what can't be understood exempts nothing.
    pub(super) fn parse(text: &str) -> Self {
        let entries = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|e| !e.is_empty());
        Self(entries.filter_map(Entry::parse).collect())
    }

    pub(super) fn covers(&self, host: &Host, port: Option<u16>) -> bool {
        self.0.iter().any(|entry| entry.covers(host, port))
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self { servers: Servers::All, port: None });
        }
        if let Ok(network) = text.parse::<IpNet>() {
            return Some(Self { servers: Servers::Network(network), port: None });
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self { servers: Servers::Address(address.to_canonical()), port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text, None),
        };
        if let Some(address) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            let address: IpAddr = address.parse().ok()?;
            return Some(Self { servers: Servers::Address(address.to_canonical()), port });
        }
        let (name, itself) = match host.strip_prefix("*.") {
            Some(name) => (name, false),
            None => (host.trim_start_matches('.'), true),
        };
        let servers = match Host::parse(name) {
            Host::Address(address) => Servers::Address(address),
            Host::Name(name) if name.is_empty() => return None,
            Host::Name(name) => Servers::Named { name, itself },
        };
        Some(Self { servers, port })
    }

    fn covers(&self, host: &Host, port: Option<u16>) -> bool {
        let server = match (&self.servers, host) {
            (Servers::All, _) => true,
            (Servers::Network(network), Host::Address(address)) => network.contains(address),
            (Servers::Address(own), Host::Address(address)) => own == address,
            (Servers::Named { name, itself }, Host::Name(host)) => match host.strip_suffix(name.as_str()) {
                Some("") => *itself,
                Some(above) => above.ends_with('.'),
                None => false,
            },
            _ => false,
        };
        server && (self.port.is_none() || self.port == port)
    }
}
