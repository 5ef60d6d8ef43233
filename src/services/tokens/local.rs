//! The token that a stack makes for itself, and how the command line of the same user finds it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{first, listener};
use crate::private;
use crate::services::ServiceError;

/// Name of the token's file in the data folder.
const TOKEN_FILE: &str = "token";
/// Folder of the notes on running stacks, a file each, named after where it listens.
const NOTES: &str = "stacks";

/// A token in a file that only its owner reads.
#[derive(Debug, Clone)]
pub struct LocalToken {
    file: PathBuf,
    /// Where the stack listens that takes it.
    address: SocketAddr,
}

/// Where the token of a running stack is.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    pid: u32,
    token_file: PathBuf,
}

/// A note on a running stack, taken away when this is dropped.
#[derive(Debug)]
pub struct Registered(PathBuf);

impl LocalToken {
    /// The token of the stack in a data folder, made if there is none; and its file. One that others could read or change
    /// is replaced.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub fn of_stack(data_dir: &Path) -> Result<(SecretString, PathBuf), ServiceError> {
        let path = std::path::absolute(data_dir.join(TOKEN_FILE)).map_err(|e| failed(data_dir, e))?;
        private::folder(data_dir)?;
        match read(&path) {
            Ok(Some(token)) => Ok((token, path)),
            Ok(None) => {
                // Not what somebody else has put there, nor through a link of his.
                match fs::remove_file(&path) {
                    Err(e) if e.kind() != ErrorKind::NotFound => return Err(failed(&path, e)),
                    _ => {}
                }
                let token = uuid::Uuid::new_v4().simple().to_string();
                private::write(&path, format!("{token}\n").as_bytes()).map_err(|e| failed(&path, e))?;
                Ok((token.into(), path))
            }
            Err(e) => Err(failed(&path, e)),
        }
    }

    /// Notes for the command line where the stack that listens there has its token.
    ///
    /// # Errors
    /// When the note can't be written.
    pub fn register(state_dir: &Path, url: &Url, token_file: &Path) -> Result<Registered, ServiceError> {
        let folder = state_dir.join(NOTES);
        private::folder(state_dir)?;
        private::folder(&folder)?;
        let Some(address) = addresses(url).first().copied() else {
            return Err(failed(&folder, io::Error::other(format!("{url} is not on this machine"))));
        };
        let path = folder.join(name(address));
        let note = Note { pid: std::process::id(), token_file: token_file.to_owned() };
        let text = serde_json::to_vec(&note).map_err(|e| failed(&path, e.into()))?;
        private::write(&path, &text).map_err(|e| failed(&path, e))?;
        Ok(Registered(path))
    }

    /// The one for a scheduler's URL, if a stack of this user has noted it.
    pub fn find(state_dir: &Path, scheduler: &Url) -> Option<Self> {
        addresses(scheduler).into_iter().find_map(|address| {
            let path = state_dir.join(NOTES).join(name(address));
            let Note { token_file, .. } = serde_json::from_slice(&own(&path).ok()??).ok()?;
            Some(Self { file: token_file, address })
        })
    }

    /// The token as it is now. Nothing while somebody else listens where the stack did: he is not to learn it.
    pub fn show(&self) -> Option<SecretString> {
        if !listener::is_ours(self.address) {
            tracing::warn!("another user listens on {}: the stack's token is not shown", self.address);
            return None;
        }
        read(&self.file).ok()?
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let ours = |note: &Note| note.pid == std::process::id();
        let note = own(&self.0).ok().flatten().and_then(|text| serde_json::from_slice(&text).ok());
        if note.as_ref().is_some_and(ours)
            && let Err(e) = fs::remove_file(&self.0)
        {
            tracing::warn!("cannot remove {}: {e}", self.0.display());
        }
    }
}

fn name(address: SocketAddr) -> String {
    format!("{}-{}.json", address.ip(), address.port())
}

/// Where on this machine a URL leads; nowhere, if it leads to another.
fn addresses(url: &Url) -> Vec<SocketAddr> {
    let Some(port) = url.port_or_known_default().filter(|_| url.scheme() == "http") else {
        return Vec::new();
    };
    let ips: Vec<IpAddr> = match url.host() {
        Some(Host::Domain(name)) if name.eq_ignore_ascii_case("localhost") => {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        }
        Some(Host::Ipv4(ip)) => vec![ip.into()],
        Some(Host::Ipv6(ip)) => vec![ip.into()],
        _ => Vec::new(),
    };
    let ips = ips.into_iter().filter(IpAddr::is_loopback);
    ips.map(|ip| SocketAddr::new(ip, port)).collect()
}

fn read(path: &Path) -> io::Result<Option<SecretString>> {
    let text = own(path)?.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(text.and_then(|text| first(&text).map(|word| word.to_owned().into())))
}

/// The content of a file that is this user's alone; `None` if there is no such file.
fn own(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let about = file.metadata()?;
    if about.uid() != rustix::process::geteuid().as_raw() || about.mode() & 0o077 != 0 {
        tracing::warn!("{} is not this user's alone, and is not used", path.display());
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn failed(path: &Path, source: io::Error) -> ServiceError {
    ServiceError::Io { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_stack_keeps_its_token_unless_others_could_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let (made, path) = LocalToken::of_stack(&data).unwrap();
        assert_eq!((mode(&data), mode(&path)), (0o700, 0o600));
        let (again, _) = LocalToken::of_stack(&data).unwrap();
        assert_eq!(again.expose_secret(), made.expose_secret());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let (other, _) = LocalToken::of_stack(&data).unwrap();
        assert_ne!(other.expose_secret(), made.expose_secret());
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn each_address_has_its_own_and_other_machines_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let url = |text: &str| Url::parse(text).unwrap();
        let stack = |name: &str, at: &str| {
            let (token, file) = LocalToken::of_stack(&folder.path().join(name)).unwrap();
            (token, LocalToken::register(folder.path(), &url(at), &file).unwrap())
        };
        let shown = |at: &str| {
            let token = LocalToken::find(folder.path(), &url(at))?.show()?;
            Some(token.expose_secret().to_owned())
        };
        let (one, first) = stack("one", "http://127.0.0.1:1/");
        let (two, _second) = stack("two", "http://[::1]:2/");
        assert_eq!(shown("http://127.0.0.1:1/").as_deref(), Some(one.expose_secret()));
        assert_eq!(shown("http://localhost:1/").as_deref(), Some(one.expose_secret()));
        assert_eq!(shown("http://localhost:2/").as_deref(), Some(two.expose_secret()));
        for elsewhere in
            ["http://127.0.0.1:2/", "http://127.0.0.2:1/", "https://127.0.0.1:1/", "http://example.org:1/"]
        {
            assert_eq!(shown(elsewhere), None, "{elsewhere}");
        }
        drop(first);
        assert_eq!(shown("http://127.0.0.1:1/"), None);
    }
}
