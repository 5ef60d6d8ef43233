//! Logins at registries, handed to the engine for its own requests there.

use std::collections::HashMap;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use http::HeaderValue;

use super::Engine;
use super::credentials::{Credential, CredentialStore};
use crate::executor::environment::PrepareProgress;

/// Where images without a registry in their name are.
pub(super) const DOCKER_HUB: &str = "docker.io";

/// The engine's connection for requests with logins: engines read them in the URL-safe alphabet, which bollard doesn't
/// write.
pub(super) fn with_logins(engine: &Engine) -> Docker {
    engine.docker().clone().with_request_modifier(|mut request| {
        url_safe(&mut request);
        request
    })
}

/// Rewrites the logins of a request into the alphabet that engines read, and keeps them out of logs.
pub(super) fn url_safe(request: &mut bollard::BollardRequest) {
    for name in ["x-registry-auth", "x-registry-config"] {
        if let Some(login) = request.headers_mut().get_mut(name)
            && let Ok(text) = login.to_str()
            && let Ok(mut safe) = HeaderValue::from_str(&text.replace('+', "-").replace('/', "_"))
        {
            safe.set_sensitive(true);
            *login = safe;
        }
    }
}

/// A login as the engine takes it.
pub(super) fn for_engine(credential: &Credential, host: &str) -> DockerCredentials {
    let serveraddress = Some(host.to_owned());
    match credential {
        Credential::Password { username, password } => DockerCredentials {
            username: Some(username.clone()),
            password: Some(password.expose().to_owned()),
            serveraddress,
            ..DockerCredentials::default()
        },
        Credential::IdentityToken(token) => DockerCredentials {
            identitytoken: Some(token.expose().to_owned()),
            serveraddress,
            ..DockerCredentials::default()
        },
    }
}

/// The registry of an image's name.
pub(super) fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host == "localhost" || host.contains(['.', ':']) => match host {
            "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB,
            host => host,
        },
        _ => DOCKER_HUB,
    }
}

/// The login for the registry of this image. Many images need none, so that credentials which can't be had are told, and
/// no error yet.
pub(super) async fn login(
    store: &CredentialStore,
    host: &str,
    progress: &dyn PrepareProgress,
) -> Option<DockerCredentials> {
    match store.get(host).await {
        Ok(found) => found.map(|credential| for_engine(&credential, host)),
        Err(e) => {
            progress.note(&format!("warning: going on without a login at {host}: {e}"));
            None
        }
    }
}

/// The logins for the registries of all these images, by registry as the classic builder looks them up.
pub(super) async fn logins(
    store: &CredentialStore,
    images: &[String],
    progress: &dyn PrepareProgress,
) -> HashMap<String, DockerCredentials> {
    let mut hosts: Vec<&str> = images.iter().map(|image| registry_of(image)).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let mut found = HashMap::new();
    for host in hosts {
        if let Some(login) = login(store, host, progress).await {
            let key = if host == DOCKER_HUB { "https://index.docker.io/v1/" } else { host };
            found.insert(key.to_owned(), login);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_s_registry_is_told_from_an_owner_s_name() {
        for (image, registry) in [
            ("python:3.12-slim", "docker.io"),
            ("library/redis@sha256:1", "docker.io"),
            ("index.docker.io/library/redis", "docker.io"),
            ("localhost/x", "localhost"),
            ("127.0.0.1:5000/p/x:1", "127.0.0.1:5000"),
            ("gcr.io/p/x", "gcr.io"),
        ] {
            assert_eq!(registry_of(image), registry, "{image}");
        }
    }
}
