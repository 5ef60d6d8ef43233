use std::collections::HashMap;
use std::fmt;

use bollard::grpc::build::health::health_server::{Health, HealthServer};
use bollard::grpc::build::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
    health_check_response::ServingStatus,
};
use bollard::grpc::build::moby::buildkit::secrets::v1::secrets_server::{Secrets, SecretsServer};
use bollard::grpc::build::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use bollard::grpc::build::moby::filesync::v1::auth_server::{Auth, AuthServer};
use bollard::grpc::build::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
};
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status};

use super::BuildSecret;
use crate::image::credentials::{Credential, CredentialStore};
use crate::image::{Engine, ImageError, engine_auth};
use crate::secret::SecretValue;

/// The longest answer to the request for a session.
const LONGEST_HEAD: usize = 16 * 1024;

/// What BuildKit asks while it builds: for secrets, and for logins at registries, over a connection that lasts as long as the build.
pub(super) struct Session {
    id: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Session {
    /// Offers these secrets and logins to the engine. There is no session over TLS: BuildKit needs none unless it asks
    /// for secrets, or for a login at a registry that only a step names.
    ///
    /// # Errors
    /// When a secret isn't there, the engine refuses, or there are secrets and no session.
    pub(super) async fn start(
        engine: &Engine,
        secrets: &[BuildSecret],
        credentials: &CredentialStore,
    ) -> Result<Option<Self>, ImageError> {
        let values: Result<HashMap<_, _>, _> =
            secrets.iter().map(|s| Ok::<_, ImageError>((s.id().to_owned(), s.read()?))).collect();
        let values = Values(values?);
        let logins = Logins(credentials.clone());
        let refused = |e: std::io::Error| ImageError::Session { host: engine.host().to_owned(), source: e };
        let host = engine.host();
        if let Some(path) = host.strip_prefix("unix://") {
            let stream = UnixStream::connect(path).await.map_err(refused)?;
            Self::over(stream, values, logins).await.map(Some).map_err(refused)
        } else if let Some(address) = host.strip_prefix("tcp://").filter(|_| !engine.has_tls()) {
            let stream = TcpStream::connect(address.trim_end_matches('/')).await.map_err(refused)?;
            Self::over(stream, values, logins).await.map(Some).map_err(refused)
        } else if secrets.is_empty() {
            Ok(None)
        } else {
            Err(ImageError::SecretsNeedSocket { host: host.to_owned() })
        }
    }

    async fn over<S>(mut stream: S, secrets: Values, logins: Logins) -> std::io::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let request = format!(
            "POST /session HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\
             X-Docker-Expose-Session-Uuid: {id}\r\nX-Docker-Expose-Session-Name: csw\r\n\
             X-Docker-Expose-Session-Grpc-Method: /moby.buildkit.secrets.v1.Secrets/GetSecret\r\n\
             X-Docker-Expose-Session-Grpc-Method: /moby.filesync.v1.Auth/Credentials\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        // Byte by byte: what comes behind the head belongs to the other protocol.
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
            head.push(stream.read_u8().await?);
        }
        let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
        if line.split(' ').nth(1) != Some("101") {
            return Err(std::io::Error::other(format!("the engine answers `{line}`")));
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(
            Server::builder()
                .add_service(HealthServer::new(Alive))
                .add_service(SecretsServer::new(secrets))
                .add_service(AuthServer::new(logins))
                // The stream must not end with its one connection: the server would end with it.
                .serve_with_incoming_shutdown(
                    stream::once(async move { Ok::<_, std::io::Error>(stream) }).chain(stream::pending()),
                    async move { drop(stopped.await) },
                ),
        );
        Ok(Self { id, stop, server })
    }

    /// What the build names it by.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Ends the connection.
    pub(super) async fn close(self) {
        let Self { stop, server, .. } = self;
        drop(stop);
        // The engine need not answer a goodbye for the build to be over.
        server.abort();
        drop(server.await);
    }
}

struct Values(HashMap<String, SecretValue>);

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[tonic::async_trait]
impl Secrets for Values {
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        let id = &request.get_ref().id;
        // BuildKit takes `not found` as: the step goes on without it, unless it says `required`.
        let value = self.0.get(id).ok_or_else(|| Status::not_found(format!("no secret `{id}` was given")))?;
        Ok(Response::new(GetSecretResponse { data: value.expose().as_bytes().to_vec() }))
    }
}

/// Docker's logins, looked up when BuildKit asks for one.
#[derive(Debug)]
struct Logins(CredentialStore);

#[tonic::async_trait]
impl Auth for Logins {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        // BuildKit names Docker Hub by where it answers.
        let host = engine_auth::registry_of(&format!("{}/", request.get_ref().host)).to_owned();
        let found = self.0.get(&host).await.map_err(|e| Status::internal(e.to_string()))?;
        // An empty answer is nobody; a user without a name, an identity token.
        let (username, secret) = match found {
            Some(Credential::Password { username, password }) => (username, password.expose().to_owned()),
            Some(Credential::IdentityToken(token)) => (String::new(), token.expose().to_owned()),
            None => Default::default(),
        };
        Ok(Response::new(CredentialsResponse { username, secret }))
    }

    async fn fetch_token(
        &self,
        _: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("ask for the credentials"))
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("ask for the credentials"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("ask for the credentials"))
    }
}

/// BuildKit asks every few seconds whether the session is still there.
#[derive(Debug)]
struct Alive;

#[tonic::async_trait]
impl Health for Alive {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving as i32 }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("ask for one"))
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("ask again"))
    }
}
