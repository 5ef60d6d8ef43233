use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::private;
use crate::services::ServiceError;

/// Name of the file in the data folder that says where the stack listens.
pub const ADDRESS_FILE: &str = "stack.json";

/// Where a running stack is found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StackAddress {
    /// Its base URL, with the port that it really has.
    pub url: Url,
    /// Its process.
    pub pid: u32,
}

impl StackAddress {
    /// Of this process, listening on `address`.
    pub(super) fn here(address: SocketAddr) -> Result<Self, ServiceError> {
        let text = format!("http://{}/", reachable(address));
        // A socket address always makes a URL.
        let url = Url::parse(&text)
            .map_err(|e| ServiceError::Io { path: text.clone(), source: std::io::Error::other(e) })?;
        Ok(Self { url, pid: std::process::id() })
    }

    /// Writes the file, whole or not at all.
    pub(super) fn write(&self, data_dir: &Path) -> Result<PathBuf, ServiceError> {
        let path = data_dir.join(ADDRESS_FILE);
        let error = |source| ServiceError::Io { path: path.display().to_string(), source };
        let text = serde_json::to_string_pretty(self).map_err(|e| error(e.into()))?;
        private::write(&path, (text + "\n").as_bytes()).map_err(error)?;
        Ok(path)
    }
}

/// An address to connect to for one to listen on: "any" is none.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_can_be_connected_to() {
        for (listen, url) in [
            ("127.0.0.1:8888", "http://127.0.0.1:8888/"),
            ("0.0.0.0:80", "http://127.0.0.1/"),
            ("[::]:1234", "http://[::1]:1234/"),
            ("192.168.1.7:8888", "http://192.168.1.7:8888/"),
        ] {
            assert_eq!(StackAddress::here(listen.parse().unwrap()).unwrap().url.as_str(), url);
        }
    }
}
