//! How a browser is let in without a password: by a link that opens once, and then by a cookie.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

/// How long a link can be opened.
const LINK: Duration = Duration::from_secs(10 * 60);
/// How long a browser is let in by the cookie that it was given.
pub(super) const SESSION: Duration = Duration::from_secs(12 * 3600);
/// More of either than anybody needs: the oldest goes.
const MOST: usize = 64;

type Digest = [u8; 32];

/// Links that wait to be opened, and what was given to the browsers that opened one. Digests of both, in memory only: a
/// restart ends them all.
#[derive(Debug, Default)]
pub(super) struct Links(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    links: HashMap<Digest, Instant>,
    sessions: HashMap<Digest, Instant>,
}

impl Links {
    /// A new link's word.
    pub(super) fn make(&self, now: Instant) -> String {
        add(&mut self.known().links, now)
    }

    /// What the browser is given that opens the link with this word; the link is used up then.
    pub(super) fn open(&self, word: &str, now: Instant) -> Option<String> {
        let mut known = self.known();
        let made = known.links.remove(&digest(word))?;
        (now.duration_since(made) < LINK).then(|| add(&mut known.sessions, now))
    }

    /// Whether a browser was given this word.
    pub(super) fn knows(&self, word: &str, now: Instant) -> bool {
        let since = self.known().sessions.get(&digest(word)).copied();
        since.is_some_and(|since| now.duration_since(since) < SESSION)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(to: &mut HashMap<Digest, Instant>, now: Instant) -> String {
    if to.len() >= MOST
        && let Some(oldest) = to.iter().min_by_key(|(_, at)| **at).map(|(digest, _)| *digest)
    {
        to.remove(&oldest);
    }
    let word = uuid::Uuid::new_v4().simple().to_string();
    to.insert(digest(&word), now);
    word
}

fn digest(word: &str) -> Digest {
    Sha256::digest(word.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_once_and_in_time() {
        let (links, now) = (Links::default(), Instant::now());
        let word = links.make(now);
        assert!(!links.knows(&word, now), "a link is no session");
        let session = links.open(&word, now).unwrap();
        assert!(links.open(&word, now).is_none(), "it opens once");
        assert!(links.open(&session, now).is_none(), "a session is no link");
        assert!(links.knows(&session, now) && links.knows(&session, now));
        let late = links.make(now);
        assert!(links.open(&late, now + LINK).is_none());
        assert!(links.open(&late, now).is_none(), "also one that came too late is used up");
        assert!(!links.knows(&session, now + SESSION));
        assert!(links.open("", now).is_none() && !links.knows("", now));
    }

    #[test]
    fn there_are_never_many() {
        let (links, now) = (Links::default(), Instant::now());
        let first = links.make(now);
        for n in 1..=MOST as u64 {
            links.make(now + Duration::from_millis(n));
        }
        assert!(links.open(&first, now).is_none());
        assert_eq!(links.known().links.len(), MOST);
        assert!(!format!("{links:?}").contains(&first));
    }
}
