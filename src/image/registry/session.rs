use reqwest::{Method, StatusCode};
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::exchange::{Answer, Ask};
use super::{RegistryError, Repository};

/// An upload that the registry has begun.
pub(super) struct Session {
    /// Where the next request of it goes.
    pub(super) location: Url,
    /// How many bytes the registry has.
    pub(super) offset: u64,
    /// Whether it has to be asked for that.
    pub(super) unsure: bool,
}

impl Repository {
    /// Begins an upload; where it goes on.
    pub(super) async fn start_upload(&self, what: &str) -> Result<Url, RegistryError> {
        let ask = self.plain_ask(what, Method::POST, "blobs/uploads/".to_owned());
        let answer = self.registry.ask(&Ask { scope: self.push_scope(), ..ask }).await?;
        self.expect(what, &answer, StatusCode::ACCEPTED)?;
        location(&answer).ok_or_else(|| self.registry.nonsense(what, "it does not say where to upload"))
    }

    pub(super) async fn cancel_upload(&self, at: &Url) -> Result<(), RegistryError> {
        let what = format!("end an upload to {}", self.name());
        let ask = self.upload_ask(&what, Method::DELETE, at);
        let answer = self.registry.exchange(&Ask { scope: self.delete_scope(), ..ask }).await?;
        self.expect(&what, &answer, StatusCode::NO_CONTENT)
    }

    /// Makes a blob of another repository of the same registry available here without moving it.
    ///
    /// # Errors
    /// When the registry can't be reached, refuses, or can't do that.
    pub async fn bring(&self, digest: &str, from: &Self) -> Result<(), RegistryError> {
        if self.has_blob(digest).await? || self.mount(digest, from.path()).await? {
            return Ok(());
        }
        let what = format!("mount a layer of {} in {}", from.name(), self.name());
        Err(self.registry.nonsense(&what, "it wants the layer to be sent again"))
    }

    /// Has a blob of another repository of the same registry appear here; whether it does.
    pub(super) async fn mount(&self, digest: &str, from: &str) -> Result<bool, RegistryError> {
        let what = format!("mount a layer of {from} in {}", self.name());
        let encoded: String = byte_serialize(from.as_bytes()).collect();
        let ask =
            self.plain_ask(&what, Method::POST, format!("blobs/uploads/?mount={digest}&from={encoded}"));
        let scope = format!("{} repository:{from}:pull", self.push_scope());
        let answer = self.registry.ask(&Ask { scope: &scope, ..ask }).await?;
        if answer.status == StatusCode::ACCEPTED {
            // It began an upload instead.
            if let Some(at) = location(&answer) {
                self.cancel_upload(&at).await?;
            }
            return Ok(false);
        }
        Ok(answer.status == StatusCode::CREATED)
    }
}

/// Where the registry says that an upload goes on.
pub(super) fn location(answer: &Answer) -> Option<Url> {
    answer.url.join(answer.header("location")?).ok()
}

/// How many bytes the registry says that it has: `Range: 0-9` are ten. It writes `0-0` for none.
pub(super) fn reached(answer: &Answer) -> Option<u64> {
    let range = answer.header("range")?;
    let last: u64 = range.strip_prefix("bytes=").unwrap_or(range).strip_prefix("0-")?.parse().ok()?;
    Some(if last == 0 { 0 } else { last + 1 })
}
