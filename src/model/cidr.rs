use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ModelError;

/// The address at which clouds tell a machine's credentials to whoever asks from it.
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
/// So many bits all link-local addresses share.
const LINK_LOCAL_BITS: u8 = 16;

/// A block of addresses, as in `10.0.0.0/8` or `fc00::/7`. Keeps its spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    text: String,
    address: IpAddr,
    bits: u8,
}

impl Cidr {
    /// What is expected, for messages.
    pub const EXPECTED: &str = "a block of addresses, as in 10.0.0.0/8 or fc00::/7";

    /// Whether an address is in the block.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (own, other, width) = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
            _ => return false,
        };
        let free = width - u32::from(self.bits);
        let prefix = |address: u128| address.checked_shr(free).unwrap_or(0);
        prefix(own) == prefix(other)
    }

    /// Whether it takes in, among more, the address at which clouds tell credentials.
    pub fn hides_metadata(&self) -> bool {
        self.bits < LINK_LOCAL_BITS && self.contains(METADATA)
    }
}

impl FromStr for Cidr {
    type Err = ModelError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (address, bits) = s.split_once('/')?;
            let address: IpAddr = address.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.parse::<u8>().ok().filter(|b| *b <= most && !bits.starts_with('+'))?;
            Some(Self { text: s.to_owned(), address, bits })
        };
        read().ok_or_else(|| ModelError {
            what: "block of addresses",
            value: s.to_owned(),
            expected: Self::EXPECTED,
        })
    }
}

impl TryFrom<String> for Cidr {
    type Error = ModelError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.text
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_knows_what_is_in_it() {
        for (block, address, inside) in [
            ("10.0.0.0/8", "10.255.1.2", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.1.2.3/32", "10.1.2.3", true),
            ("10.1.2.3/32", "10.1.2.2", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "::1", false),
            ("fc00::/7", "fd00::1", true),
            ("::/0", "fd00::1", true),
        ] {
            let cidr: Cidr = block.parse().unwrap();
            assert_eq!(cidr.contains(address.parse().unwrap()), inside, "{block} {address}");
        }
        for wrong in ["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/+8", "", "host/8"] {
            assert!(wrong.parse::<Cidr>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_metadata_address_is_named_or_not_meant() {
        for (block, hides) in [
            ("0.0.0.0/0", true),
            ("168.0.0.0/6", true),
            ("169.254.0.0/16", false),
            ("169.254.169.254/32", false),
            ("10.0.0.0/8", false),
            ("::/0", false),
        ] {
            assert_eq!(block.parse::<Cidr>().unwrap().hides_metadata(), hides, "{block}");
        }
    }
}
