use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::context::RedisPasswords;

/// Redis' file of users. Passwords are hashed, so that the file alone lets nobody in.
///
/// `default` is off, so that nobody gets in without a name. The scheduler may only get and set `job-*` and `projects`,
/// an executor only get `job-*`; both may choose a database, which clients do when their URL names one. (Clients also
/// send their name at the start, which is refused and which they don't mind.)
pub(super) fn file(passwords: &RedisPasswords) -> SecretString {
    let mut out = String::from("user default off resetpass resetkeys resetchannels -@all\n");
    for (user, password, rules) in [
        ("admin", &passwords.admin, "~* &* +@all"),
        (
            "scheduler",
            &passwords.scheduler,
            "resetkeys ~job-* ~projects resetchannels -@all +get +set +select +ping",
        ),
        ("executor", &passwords.executor, "resetkeys ~job-* resetchannels -@all +get +select +ping"),
    ] {
        out.push_str("user ");
        out.push_str(user);
        out.push_str(" on resetpass #");
        out.push_str(&hex(&Sha256::digest(password.expose_secret())));
        out.push(' ');
        out.push_str(rules);
        out.push('\n');
    }
    out.into()
}

/// A short word that changes whenever one of `parts` does.
pub(super) fn checksum<'s>(parts: impl IntoIterator<Item = &'s str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize()).chars().take(16).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        out.push_str(&format!("{b:02x}"));
        out
    })
}
