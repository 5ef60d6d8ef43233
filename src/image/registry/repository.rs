use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use url::Url;

use super::exchange::{Answer, Ask, Payload, Target};
use super::manifest::{self, Manifest};
use super::{Registry, RegistryError};

/// One repository of a registry: what an image reference names without its tag. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Repository {
    pub(super) registry: Registry,
    path: String,
    scope: Scope,
}

/// The rights that requests ask for. Reading alone needs fewer, and may need no login.
#[derive(Debug, Clone)]
struct Scope {
    pull: String,
    push: String,
    delete: String,
}

impl Repository {
    pub(super) fn new(registry: Registry, path: String) -> Self {
        let scope = |actions: &str| format!("repository:{path}:{actions}");
        let scope =
            Scope { pull: scope("pull"), push: scope("pull,push"), delete: scope("pull,push,delete") };
        Self { registry, path, scope }
    }

    /// Registry and path, as image references begin.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry.host(), self.path)
    }

    /// The registry that it is in.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// `name:tag` or `name@digest`.
    fn full_name(&self, reference: &str) -> String {
        let separator = if reference.contains(':') { '@' } else { ':' };
        format!("{}{separator}{reference}", self.name())
    }

    /// Whether anybody may push here as who one is; asked by starting an upload and ending it.
    ///
    /// # Errors
    /// When not, or when the registry can't be reached.
    pub async fn check_push(&self) -> Result<(), RegistryError> {
        let location = self.start_upload(&format!("push to {}", self.name())).await?;
        // One that stays is cleaned up by the registry after some days.
        if let Err(e) = self.cancel_upload(&location).await {
            tracing::debug!("an upload that was only a question stays: {e}");
        }
        Ok(())
    }

    /// The digest that a tag (or digest) stands for now, or `None` where it isn't there.
    ///
    /// # Errors
    /// When the registry can't be reached or refuses.
    pub async fn digest(&self, reference: &str) -> Result<Option<String>, RegistryError> {
        let what = format!("look at {}", self.full_name(reference));
        let answer = self.registry.ask(&self.manifest_ask(&what, Method::HEAD, reference)).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.expect(&what, &answer, StatusCode::OK)?;
        match answer.header("docker-content-digest") {
            Some(digest) => Ok(Some(digest.to_owned())),
            // The header is optional; the content is not.
            None => Ok(self.manifest(reference).await?.map(|manifest| manifest.digest())),
        }
    }

    /// The manifest of a tag or digest, or `None` where it isn't there.
    ///
    /// # Errors
    /// When the registry can't be reached or refuses, and when what it sends has another digest than it says.
    pub async fn manifest(&self, reference: &str) -> Result<Option<Manifest>, RegistryError> {
        let what = format!("look at {}", self.full_name(reference));
        let answer = self.registry.ask(&self.manifest_ask(&what, Method::GET, reference)).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.expect(&what, &answer, StatusCode::OK)?;
        let found = manifest::sha256(&answer.body);
        let named = Some(reference).filter(|reference| reference.contains(':'));
        let expected = named.or(answer.header("docker-content-digest"));
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            let (what, expected) = (self.full_name(reference), expected.to_owned());
            return Err(RegistryError::Digest { what, expected, found });
        }
        let media_type = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Manifest::read(media_type, answer.body.clone())
            .map(Some)
            .map_err(|e| self.registry.nonsense(&what, e.to_string()))
    }

    /// Puts a manifest where `reference` (a tag or its digest) finds it. All that it names must be there already.
    ///
    /// # Errors
    /// When the registry can't be reached or refuses, or answers with another digest.
    pub async fn put_manifest(&self, reference: &str, manifest: &Manifest) -> Result<(), RegistryError> {
        let name = self.full_name(reference);
        let what = format!("push {name}");
        let mut ask = self.manifest_ask(&what, Method::PUT, reference);
        ask.scope = &self.scope.push;
        ask.headers = HeaderMap::new();
        let media_type = HeaderValue::from_str(&manifest.media_type);
        let media_type = media_type.map_err(|e| self.registry.nonsense(&what, e.to_string()))?;
        ask.headers.insert(CONTENT_TYPE, media_type);
        ask.payload = Payload::Bytes(manifest.bytes.clone());
        let answer = self.registry.ask(&ask).await?;
        self.expect(&what, &answer, StatusCode::CREATED)?;
        let expected = manifest.digest();
        match answer.header("docker-content-digest") {
            Some(found) if found != expected => {
                Err(RegistryError::Digest { what: name, expected, found: found.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Deletes a manifest by its digest, and with it every tag that stands for it. Whether it was there.
    ///
    /// # Errors
    /// When the registry can't be reached, or doesn't permit it.
    pub async fn delete_manifest(&self, digest: &str) -> Result<bool, RegistryError> {
        let what = format!("delete {}", self.full_name(digest));
        let mut ask = self.manifest_ask(&what, Method::DELETE, digest);
        ask.scope = &self.scope.delete;
        let answer = self.registry.ask(&ask).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        self.expect(&what, &answer, StatusCode::ACCEPTED)?;
        Ok(true)
    }

    /// Whether a blob is there.
    ///
    /// # Errors
    /// When the registry can't be reached or refuses.
    pub async fn has_blob(&self, digest: &str) -> Result<bool, RegistryError> {
        let what = format!("look for a layer in {}", self.name());
        let ask = self.plain_ask(&what, Method::HEAD, format!("blobs/{digest}"));
        // With the right to push, for that is what follows, and one token is enough.
        let answer = self.registry.ask(&Ask { scope: &self.scope.push, ..ask }).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        self.expect(&what, &answer, StatusCode::OK)?;
        Ok(true)
    }

    /// A small blob, such as an image's configuration; its digest is checked.
    ///
    /// # Errors
    /// When the registry can't be reached or refuses, or the content has another digest.
    pub async fn blob(&self, digest: &str) -> Result<Bytes, RegistryError> {
        let what = format!("read {}", self.full_name(digest));
        let ask = self.plain_ask(&what, Method::GET, format!("blobs/{digest}"));
        let answer = self.registry.ask(&ask).await?;
        self.expect(&what, &answer, StatusCode::OK)?;
        let found = manifest::sha256(&answer.body);
        if found != digest {
            let what = self.full_name(digest);
            return Err(RegistryError::Digest { what, expected: digest.to_owned(), found });
        }
        Ok(answer.body)
    }

    fn manifest_ask<'a>(&'a self, what: &'a str, method: Method, reference: &str) -> Ask<'a> {
        let mut ask = self.plain_ask(what, method, format!("manifests/{reference}"));
        ask.headers.insert(ACCEPT, HeaderValue::from_static(manifest::ACCEPT));
        ask
    }

    pub(super) fn plain_ask<'a>(&'a self, what: &'a str, method: Method, below: String) -> Ask<'a> {
        Ask {
            what,
            method,
            target: Target::Path(format!("{}/{below}", self.path)),
            headers: HeaderMap::new(),
            payload: Payload::None,
            scope: &self.scope.pull,
        }
    }

    /// A request of an upload: to push, and where the registry said.
    pub(super) fn upload_ask<'a>(&'a self, what: &'a str, method: Method, location: &'a Url) -> Ask<'a> {
        Ask {
            what,
            method,
            target: Target::Url(location),
            headers: HeaderMap::new(),
            payload: Payload::None,
            scope: &self.scope.push,
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn delete_scope(&self) -> &str {
        &self.scope.delete
    }

    pub(super) fn push_scope(&self) -> &str {
        &self.scope.push
    }

    pub(super) fn expect(
        &self,
        what: &str,
        answer: &Answer,
        status: StatusCode,
    ) -> Result<(), RegistryError> {
        if answer.status == status { Ok(()) } else { Err(self.registry.refusal(what, answer)) }
    }
}
