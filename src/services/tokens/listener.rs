//! Whose a listener on this machine is.

use std::net::SocketAddr;

/// Whether nobody but this process's user listens where a connection to this address would end. Where nobody listens at
/// all there is nobody to be taken in either.
#[cfg(target_os = "linux")]
pub(super) fn is_ours(address: SocketAddr) -> bool {
    use procfs::net::{TcpState, tcp, tcp6};
    let us = rustix::process::geteuid().as_raw();
    // Of an address family that the kernel does not have there is no table.
    let tables = [tcp(), tcp6()].into_iter().flatten();
    tables
        .flatten()
        .filter(|entry| entry.state == TcpState::Listen && hears(entry.local_address, address))
        .all(|entry| entry.uid == us)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_ours(_address: SocketAddr) -> bool {
    true
}

/// Whether a listener at one address is reached at the other.
#[cfg(target_os = "linux")]
fn hears(listener: SocketAddr, asked: SocketAddr) -> bool {
    let at = listener.ip().to_canonical();
    listener.port() == asked.port() && (at.is_unspecified() || at == asked.ip().to_canonical())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_told_by_address_and_port() {
        for (listener, asked, expected) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("[::]:80", "127.0.0.1:80", true),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80", true),
            ("[::1]:80", "[::1]:80", true),
            ("127.0.0.1:81", "127.0.0.1:80", false),
            ("127.0.0.2:80", "127.0.0.1:80", false),
            ("[::1]:80", "127.0.0.1:80", false),
        ] {
            let found = hears(listener.parse().unwrap(), asked.parse().unwrap());
            assert_eq!(found, expected, "{listener} {asked}");
        }
    }

    #[test]
    fn our_own_is_ours_and_so_is_none() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(is_ours(address));
        drop(listener);
        assert!(is_ours(address));
    }
}
