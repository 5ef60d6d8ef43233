use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};
use url::Url;

use super::exchange::{Answer, Payload};
use super::retry::{Attempts, passing, wish};
use super::session::{Session, location, reached};
use super::{Blob, BlobSource, RegistryError, Repository};

/// What is tried after a connection was cut that carried everything at once.
const FIRST_CHUNK: u64 = 8 << 20;
/// No request carries less: a network that can't do that is down.
const SMALLEST_CHUNK: u64 = 64 << 10;
/// How often progress is told.
const TICK: Duration = Duration::from_millis(100);

/// How a blob came to be in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It was there.
    Existing,
    /// It was in another repository of the registry.
    Mounted,
    /// It was sent.
    Uploaded,
}

/// Told how far a blob has come.
pub trait UploadProgress: Send + Sync {
    /// So many of its bytes are at the registry or on their way; fewer than before when some have to be sent again.
    fn at(&self, blob: &Blob, bytes: u64);
}

impl UploadProgress for () {
    fn at(&self, _: &Blob, _: u64) {}
}

/// What stood in the way.
enum Setback {
    /// The connection, or trouble that passes, perhaps when the registry wishes: ask how far it got.
    Passing(RegistryError, Option<Duration>),
    /// The registry knows nothing of the upload any more: start again.
    Lost(RegistryError),
    /// It will not get better.
    Final(RegistryError),
}

/// One blob on its way.
struct Upload<'a> {
    repository: &'a Repository,
    what: &'a str,
    blob: &'a Blob,
    progress: &'a dyn UploadProgress,
    session: Option<Session>,
}

impl Repository {
    /// Makes sure that a blob is here: looks, has it mounted from the path `elsewhere` of the same registry if one is
    /// given, or sends it. A cut connection costs what was under way: the rest is sent from where the registry got to,
    /// in smaller requests as long as they are cut.
    ///
    /// # Errors
    /// When the registry refuses, or nothing gets through to it for a minute.
    pub async fn upload(
        &self,
        blob: &Blob,
        elsewhere: Option<&str>,
        progress: &dyn UploadProgress,
    ) -> Result<Sent, RegistryError> {
        if self.has_blob(&blob.digest).await? {
            return Ok(Sent::Existing);
        }
        if let Some(from) = elsewhere
            && self.mount(&blob.digest, from).await?
        {
            return Ok(Sent::Mounted);
        }
        let what = format!("push a layer to {}", self.name());
        Upload { repository: self, what: &what, blob, progress, session: None }.run().await?;
        Ok(Sent::Uploaded)
    }
}

impl Upload<'_> {
    async fn run(&mut self) -> Result<(), RegistryError> {
        let mut attempts = Attempts::new();
        let mut best = 0;
        loop {
            let (error, wish) = match self.step().await {
                Ok(ControlFlow::Break(())) => return Ok(()),
                Ok(ControlFlow::Continue(())) => {
                    let reached = self.session.as_ref().map_or(0, |session| session.offset);
                    if reached > best {
                        best = reached;
                        attempts = Attempts::new();
                    }
                    continue;
                }
                Err(Setback::Final(error)) => return Err(error),
                Err(Setback::Lost(error)) => {
                    self.session = None;
                    (error, None)
                }
                Err(Setback::Passing(error, wish)) => {
                    if let Some(session) = &mut self.session {
                        session.unsure = true;
                    }
                    (error, wish)
                }
            };
            let wait = attempts.next(self.repository.registry.known(), wish);
            let Some(wait) = wait else { return Err(error) };
            tracing::debug!(digest = self.blob.digest, ?wait, "going on with an upload: {error}");
            tokio::time::sleep(wait).await;
        }
    }

    /// The next request of the upload; `Break` when the blob is there.
    async fn step(&mut self) -> Result<ControlFlow<()>, Setback> {
        let Some(session) = &self.session else {
            let location = self.repository.start_upload(self.what).await.map_err(Setback::Final)?;
            self.session = Some(Session { location, offset: 0, unsure: false });
            return Ok(ControlFlow::Continue(()));
        };
        let (at, offset, unsure) = (session.location.clone(), session.offset, session.unsure);
        if unsure {
            self.ask_how_far(&at).await?;
        } else if offset < self.blob.size {
            self.send_more(&at, offset).await?;
        } else if self.finish(&at).await? {
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }

    async fn ask_how_far(&mut self, at: &Url) -> Result<(), Setback> {
        let ask = self.repository.upload_ask(self.what, Method::GET, at);
        let answer = self.repository.registry.exchange(&ask).await.map_err(Setback::of)?;
        self.check(&answer, StatusCode::NO_CONTENT)?;
        self.note(at, &answer, None)
    }

    async fn send_more(&mut self, at: &Url, offset: u64) -> Result<(), Setback> {
        let registry = &self.repository.registry;
        let most = registry.inner.chunk.load(Ordering::Relaxed);
        let length = most.min(self.blob.size - offset);
        let end = offset + length;
        let sent = Arc::new(AtomicU64::new(0));
        let mut ask = self.repository.upload_ask(self.what, Method::PATCH, at);
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        // All at once goes without, as Docker sends it: some registries know nothing else.
        if length < self.blob.size
            && let Ok(range) = HeaderValue::from_str(&format!("{offset}-{}", end.saturating_sub(1)))
        {
            ask.headers.insert(CONTENT_RANGE, range);
        }
        ask.payload = match &self.blob.source {
            BlobSource::File(file) => Payload::File { file, offset, length, sent: &sent },
            BlobSource::Bytes(bytes) => {
                let range =
                    usize::try_from(offset).unwrap_or(usize::MAX)..usize::try_from(end).unwrap_or(usize::MAX);
                let wrong = || registry.nonsense(self.what, "it has more than was sent");
                if range.start > range.end || range.end > bytes.len() {
                    return Err(Setback::Lost(wrong()));
                }
                sent.store(length, Ordering::Relaxed);
                Payload::Bytes(bytes.slice(range))
            }
        };
        let answer = {
            let exchange = registry.exchange(&ask);
            tokio::pin!(exchange);
            let mut tick = tokio::time::interval(TICK);
            loop {
                tokio::select! {
                    answer = &mut exchange => break answer,
                    _ = tick.tick() => self.progress.at(self.blob, offset + sent.load(Ordering::Relaxed).min(length)),
                }
            }
        };
        let cut = answer.as_ref().is_err_and(|_| sent.load(Ordering::Relaxed) > 0)
            || answer.as_ref().is_ok_and(|answer| answer.status == StatusCode::PAYLOAD_TOO_LARGE);
        if cut {
            let smaller = (length / 4).clamp(SMALLEST_CHUNK, FIRST_CHUNK);
            registry.inner.chunk.fetch_min(smaller, Ordering::Relaxed);
        }
        let answer = answer.map_err(Setback::of)?;
        self.check(&answer, StatusCode::ACCEPTED)?;
        self.note(at, &answer, Some(end))?;
        self.progress.at(self.blob, end);
        Ok(())
    }

    /// Ends the upload; whether the blob is there now.
    async fn finish(&mut self, at: &Url) -> Result<bool, Setback> {
        let mut whole = at.clone();
        whole.query_pairs_mut().append_pair("digest", &self.blob.digest);
        let ask = self.repository.upload_ask(self.what, Method::PUT, &whole);
        let outcome = match self.repository.registry.exchange(&ask).await {
            Ok(answer) => self.check(&answer, StatusCode::CREATED),
            Err(e) => Err(Setback::of(e)),
        };
        match outcome {
            Ok(()) => Ok(true),
            // The answer may be lost, and the upload then ended.
            Err(setback @ (Setback::Passing(..) | Setback::Lost(_))) => {
                match self.repository.has_blob(&self.blob.digest).await {
                    Ok(true) => Ok(true),
                    _ => Err(setback),
                }
            }
            Err(setback) => Err(setback),
        }
    }

    /// Takes note of where the upload goes on. `expected` is what the registry should have by now.
    fn note(&mut self, at: &Url, answer: &Answer, expected: Option<u64>) -> Result<(), Setback> {
        let offset = reached(answer).or(expected).filter(|offset| *offset <= self.blob.size);
        let Some(offset) = offset else {
            let error =
                self.repository.registry.nonsense(self.what, "it does not say how far the upload got");
            return Err(Setback::Lost(error));
        };
        let location = location(answer).unwrap_or_else(|| at.clone());
        self.session = Some(Session { location, offset, unsure: false });
        Ok(())
    }

    fn check(&self, answer: &Answer, expected: StatusCode) -> Result<(), Setback> {
        if answer.status == expected {
            return Ok(());
        }
        let error = self.repository.registry.refusal(self.what, answer);
        Err(match answer.status {
            status if passing(status) => Setback::Passing(error, wish(&answer.headers)),
            // It has something else than we think: it has to say what.
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PAYLOAD_TOO_LARGE => {
                Setback::Passing(error, None)
            }
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                Setback::Lost(error)
            }
            _ => Setback::Final(error),
        })
    }
}

impl Setback {
    fn of(error: RegistryError) -> Self {
        if error.is_connection() { Self::Passing(error, None) } else { Self::Final(error) }
    }
}
