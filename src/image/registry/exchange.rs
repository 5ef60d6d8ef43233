use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::client::Line;
use super::retry::{Attempts, passing, wish};
use super::{Registry, RegistryError, refusal};

/// Larger than any manifest, list of tags or configuration.
const LIMIT: usize = 16 << 20;
/// An upload of which nothing leaves for so long is dead.
const STALL: Duration = Duration::from_secs(90);

/// One request, which may be sent several times.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    /// For messages: "push a/b:tag".
    pub(super) what: &'a str,
    pub(super) method: Method,
    pub(super) target: Target<'a>,
    pub(super) headers: HeaderMap,
    pub(super) payload: Payload<'a>,
    /// The rights it needs, as token servers write them; several with blanks.
    pub(super) scope: &'a str,
}

#[derive(Debug)]
pub(super) enum Target<'a> {
    /// Below `/v2/`.
    Path(String),
    /// Where the registry said.
    Url(&'a Url),
}

#[derive(Debug)]
pub(super) enum Payload<'a> {
    None,
    Bytes(Bytes),
    /// Part of a file; `sent` counts what has left.
    File {
        file: &'a Arc<File>,
        offset: u64,
        length: u64,
        sent: &'a Arc<AtomicU64>,
    },
}

/// What came back, whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) url: Url,
    pub(super) body: Bytes,
    /// Whether a token server knew who asks, so that a 401 is a matter of rights.
    pub(super) known: bool,
}

impl Answer {
    /// A header's text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Registry {
    /// Asks until there is an answer that asking again wouldn't change: any status but passing troubles. Logs in where
    /// the registry wants it.
    ///
    /// # Errors
    /// When there is none in good time, or the credentials are not taken by a token server.
    pub(super) async fn ask(&self, ask: &Ask<'_>) -> Result<Answer, RegistryError> {
        let mut attempts = Attempts::new();
        loop {
            let (wait, error) = match self.exchange(ask).await {
                Ok(answer) if !passing(answer.status) => return Ok(answer),
                Ok(answer) => (attempts.next(true, wish(&answer.headers)), self.refusal(ask.what, &answer)),
                Err(e) if e.is_connection() => (attempts.next(self.known(), None), e),
                Err(e) => return Err(e),
            };
            let Some(wait) = wait else { return Err(error) };
            tracing::debug!(registry = self.host(), ?wait, "trying again: {error}");
            tokio::time::sleep(wait).await;
        }
    }

    /// The error that an answer stands for.
    pub(super) fn refusal(&self, what: &str, answer: &Answer) -> RegistryError {
        refusal::error(self.host(), what, self.credential().is_none(), answer)
    }

    /// The error of an answer that makes no sense.
    pub(super) fn nonsense(&self, what: &str, why: impl Into<String>) -> RegistryError {
        RegistryError::Answer { registry: self.host().to_owned(), what: what.to_owned(), why: why.into() }
    }

    pub(super) fn unreachable(&self, what: &str, why: impl Into<String>) -> RegistryError {
        RegistryError::Unreachable {
            registry: self.host().to_owned(),
            what: what.to_owned(),
            why: why.into(),
        }
    }

    /// The error that a failure to send or receive stands for.
    pub(super) fn broken(&self, what: &str, error: &reqwest::Error) -> RegistryError {
        let why = crate::http::innermost(error);
        if is_tls(error) {
            return RegistryError::Tls { registry: self.host().to_owned(), what: what.to_owned(), why };
        }
        self.unreachable(what, why)
    }

    /// Asks once, and again where the registry wants another scheme or a login.
    pub(super) async fn exchange(&self, ask: &Ask<'_>) -> Result<Answer, RegistryError> {
        let mut logins = 0;
        loop {
            let line = self.line();
            let (authorization, fresh) = self.authorization(ask).await?;
            let mut answer = self.send(&line, ask, authorization.as_ref()).await?;
            self.answered();
            if !line.settled {
                // A server that wants TLS says 400 to anything else.
                let tls = answer.status == StatusCode::BAD_REQUEST
                    && answer.header("docker-distribution-api-version").is_none();
                self.settle(&line, tls)?;
                if tls {
                    continue;
                }
            }
            // Once for the challenge, once for a token that has expired since.
            if answer.status == StatusCode::UNAUTHORIZED && logins < 2 {
                logins += 1;
                if self.challenged(ask, authorization.as_ref(), fresh, &answer).await? {
                    continue;
                }
                let bearer = authorization.is_some_and(|header| header.as_bytes().starts_with(b"Bearer "));
                answer.known = bearer && self.credential().is_some();
            }
            return Ok(answer);
        }
    }

    async fn send(
        &self,
        line: &Line,
        ask: &Ask<'_>,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, RegistryError> {
        let url = match &ask.target {
            Target::Path(path) => Url::parse(&format!("{}{path}", line.base))
                .map_err(|e| self.nonsense(ask.what, e.to_string()))?,
            Target::Url(url) => (*url).clone(),
        };
        tracing::debug!(method = %ask.method, url = %masked(&url), "registry");
        let unreachable = |e: reqwest::Error| self.broken(ask.what, &e);
        let client = if ask.method == Method::PATCH { &line.upload } else { &line.http };
        // Elsewhere, the registry's own URL has to be enough.
        let own = url.origin() == line.base.origin();
        let mut request = client.request(ask.method.clone(), url).headers(ask.headers.clone());
        if let Some(authorization) = authorization.filter(|_| own) {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let response = match &ask.payload {
            Payload::None => request.send().await.map_err(unreachable)?,
            Payload::Bytes(bytes) => request.body(bytes.clone()).send().await.map_err(unreachable)?,
            Payload::File { file, offset, length, sent } => {
                let body = part(file, *offset, *length, sent);
                let sending = request.header(CONTENT_LENGTH, *length).body(body).send();
                tokio::select! {
                    response = sending => response.map_err(unreachable)?,
                    () = stalled(sent) => {
                        let why = format!("nothing moved for {} seconds", STALL.as_secs());
                        return Err(self.unreachable(ask.what, why));
                    }
                }
            }
        };
        self.read(ask.what, response).await
    }

    pub(super) async fn read(&self, what: &str, mut response: Response) -> Result<Answer, RegistryError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.broken(what, &e))? {
            body.extend_from_slice(&chunk);
            if body.len() > LIMIT {
                return Err(self.nonsense(what, format!("it is larger than {} MiB", LIMIT >> 20)));
            }
        }
        Ok(Answer {
            status: response.status(),
            headers: response.headers().clone(),
            url: response.url().clone(),
            body: body.into(),
            known: false,
        })
    }
}

/// Part of a file as a request's body. Read by place: an earlier request may still hold on to the file.
fn part(file: &Arc<File>, offset: u64, length: u64, sent: &Arc<AtomicU64>) -> reqwest::Body {
    const PIECE: u64 = 256 * 1024;
    let (file, sent) = (Arc::clone(file), Arc::clone(sent));
    reqwest::Body::wrap_stream(futures::stream::try_unfold((offset, length), move |(at, left)| {
        let (file, sent) = (Arc::clone(&file), Arc::clone(&sent));
        async move {
            if left == 0 {
                return Ok::<_, io::Error>(None);
            }
            let piece = usize::try_from(left.min(PIECE)).map_err(io::Error::other)?;
            let read = tokio::task::spawn_blocking(move || {
                let mut bytes = vec![0; piece];
                file.read_exact_at(&mut bytes, at).map(|()| bytes)
            });
            let bytes = read.await.map_err(io::Error::other)??;
            let piece = bytes.len() as u64;
            sent.fetch_add(piece, Ordering::Relaxed);
            Ok(Some((Bytes::from(bytes), (at + piece, left - piece))))
        }
    }))
}

/// Ends when nothing has been sent for too long.
async fn stalled(sent: &AtomicU64) {
    let mut before = sent.load(Ordering::Relaxed);
    loop {
        tokio::time::sleep(STALL).await;
        let now = sent.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}

/// A URL without what may be a secret: registries sign those that they hand out.
fn masked(url: &Url) -> Url {
    let mut url = url.clone();
    if url.query().is_some() {
        url.set_query(Some("…"));
    }
    url
}

/// Whether TLS is what failed: nothing that goes away by trying again.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<rustls::Error>() {
            return true;
        }
        // What an I/O error holds is not its source, only that one's source is.
        let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = held.map(|held| held as &(dyn std::error::Error + 'static)).or_else(|| error.source());
    }
    false
}
