//! A connection to Redis: made, used, and told apart how it fails.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, IntoConnectionInfo as _, Pipeline,
    RedisConnectionInfo, RedisError, ServerErrorKind,
};
use secrecy::ExposeSecret as _;

use super::RedisConfig;
use super::config::Password;
use crate::store::StoreError;

const CONNECT: Duration = Duration::from_secs(5);
/// An answer about little takes longer only where the disk or the network is stuck.
const ANSWER: Duration = Duration::from_secs(15);
/// Bytes a second that come at least over a network that has much else to do.
const SLOWEST: usize = 1 << 20;
/// Bytes a second that a disk takes at least: Redis answers when what was written is on it.
const SLOWEST_DISK: usize = 256 << 10;
/// The largest document: the inputs of a simulation.
const LARGEST: usize = 32 << 20;

/// Why Redis did not do something.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// The connection is of no use any more; whether it was done is unknown.
    Lost(String),
    /// It answered that it can't, at the moment.
    Refused(String),
    /// It does not let this user in, or not do this.
    Denied(String),
}

impl Trouble {
    /// For who had to be told in the end.
    pub(super) fn into_error(self, config: &RedisConfig) -> StoreError {
        let server = config.server();
        match self {
            Self::Lost(reason) => {
                StoreError::Unavailable { reason: format!("Redis at {server} can't be reached: {reason}") }
            }
            Self::Refused(reason) => {
                StoreError::Unavailable { reason: format!("Redis at {server} answers: {reason}") }
            }
            Self::Denied(reason) => StoreError::Denied { server, user: config.user.clone(), reason },
        }
    }
}

impl From<RedisError> for Trouble {
    fn from(error: RedisError) -> Self {
        match error.kind() {
            ErrorKind::AuthenticationFailed => {
                Self::Denied("it does not know the user, or the password is wrong".to_owned())
            }
            ErrorKind::Server(ServerErrorKind::NoPerm) => Self::Denied(error.to_string()),
            ErrorKind::Extension => match error.code() {
                Some("NOAUTH" | "WRONGPASS") => {
                    Self::Denied("it does not know the user, or the password is wrong".to_owned())
                }
                _ => Self::Refused(error.to_string()),
            },
            ErrorKind::Server(_) => Self::Refused(error.to_string()),
            _ => Self::Lost(error.to_string()),
        }
    }
}

/// Connects, with the password as it is now.
pub(super) async fn connect(config: &RedisConfig) -> Result<MultiplexedConnection, Trouble> {
    let password = match &config.password {
        Password::Value(value) => value.clone(),
        Password::File(path) => {
            let read = tokio::fs::read_to_string(path).await;
            let text = read.map_err(|e| Trouble::Denied(format!("cannot read {}: {e}", path.display())))?;
            text.trim_end_matches(['\r', '\n']).to_owned().into()
        }
    };
    let user = RedisConnectionInfo::default()
        .set_username(&config.user)
        .set_password(password.expose_secret())
        .set_db(config.database)
        // Refused to all of our users.
        .set_skip_set_lib_name();
    // What was sent and not received must not arrive after the connection was given up.
    let tcp = TcpSettings::default().set_nodelay(true).set_linger_time(Duration::ZERO);
    let address = ConnectionAddr::Tcp(config.host.clone(), config.port);
    let info = address.into_connection_info()?.set_redis_settings(user).set_tcp_settings(tcp);
    let timeouts =
        AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(ANSWER));
    let client = Client::open(info)?;
    Ok(client.get_multiplexed_async_connection_with_config(&timeouts).await?)
}

/// The longest wait for documents of so many bytes.
fn answer_within(bytes: usize) -> Duration {
    ANSWER + Duration::from_secs_f64(bytes as f64 / SLOWEST as f64)
}

/// The longest wait until so many bytes are written.
pub(super) fn written_within(bytes: usize) -> Duration {
    ANSWER + Duration::from_secs_f64(bytes as f64 / SLOWEST_DISK as f64)
}

/// Documents, in order.
pub(super) async fn get_all(
    connection: &mut MultiplexedConnection,
    keys: impl IntoIterator<Item = String>,
) -> Result<Vec<Option<Vec<u8>>>, Trouble> {
    let mut pipeline = Pipeline::new();
    for key in keys {
        pipeline.cmd("GET").arg(key);
    }
    if pipeline.is_empty() {
        return Ok(Vec::new());
    }
    connection.set_response_timeout(answer_within(LARGEST));
    let documents = pipeline.query_async(connection).await;
    connection.set_response_timeout(ANSWER);
    Ok(documents?)
}

/// Adds the writing of a document.
pub(super) fn set(pipeline: &mut Pipeline, key: &str, document: &[u8]) {
    pipeline.cmd("SET").arg(key).arg(document).ignore();
}

/// Adds the end of a document: `DEL` is not ours to use, but a document may be set to live for a millisecond.
pub(super) fn delete(pipeline: &mut Pipeline, key: &str) {
    pipeline.cmd("SET").arg(key).arg("").arg("PX").arg(1).ignore();
}

/// Pauses between tries, without end.
pub(super) fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(20))
        .with_max_delay(Duration::from_secs(1))
        .without_max_times()
        .with_jitter()
        .build()
}

/// A connection for single documents, made when it is needed.
#[derive(Debug)]
pub(super) struct Link {
    config: RedisConfig,
    connection: tokio::sync::Mutex<Option<MultiplexedConnection>>,
}

impl Link {
    pub(super) fn new(config: RedisConfig) -> Self {
        Self { config, connection: tokio::sync::Mutex::default() }
    }

    /// A document; waits for a Redis that is away as long as the configuration allows.
    pub(super) async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.ask(redis::cmd("GET").arg(key), answer_within(LARGEST)).await
    }

    /// Writes a document; waits likewise.
    pub(super) async fn set(&self, key: &str, document: &[u8]) -> Result<(), StoreError> {
        self.ask(redis::cmd("SET").arg(key).arg(document), written_within(document.len())).await
    }

    /// Whether Redis answers within that time.
    pub(super) async fn ping(&self, within: Duration) -> Result<(), StoreError> {
        let late = || Trouble::Lost(format!("no answer within {} s", within.as_secs_f64()));
        let ping = redis::cmd("PING");
        let answer = tokio::time::timeout(within, self.ask_once::<String>(&ping, within)).await;
        let answer = answer.unwrap_or_else(|_| Err(late()));
        answer.map(drop).map_err(|trouble| trouble.into_error(&self.config))
    }

    async fn ask<T: redis::FromRedisValue>(
        &self,
        command: &redis::Cmd,
        within: Duration,
    ) -> Result<T, StoreError> {
        let deadline = tokio::time::Instant::now() + self.config.patience;
        for pause in pauses() {
            let trouble = match self.ask_once(command, within).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            let denied_for_good =
                matches!((&trouble, &self.config.password), (Trouble::Denied(_), Password::Value(_)));
            if denied_for_good || tokio::time::Instant::now() + pause >= deadline {
                return Err(trouble.into_error(&self.config));
            }
            tokio::time::sleep(pause).await;
        }
        Err(StoreError::Unavailable { reason: "Redis was given up".to_owned() })
    }

    async fn ask_once<T: redis::FromRedisValue>(
        &self,
        command: &redis::Cmd,
        within: Duration,
    ) -> Result<T, Trouble> {
        let mut connection = {
            let mut kept = self.connection.lock().await;
            match kept.as_ref() {
                Some(connection) => connection.clone(),
                None => kept.insert(connect(&self.config).await?).clone(),
            }
        };
        connection.set_response_timeout(within);
        let answer = command.query_async(&mut connection).await.map_err(Trouble::from);
        if let Err(Trouble::Lost(_) | Trouble::Denied(_)) = answer {
            *self.connection.lock().await = None;
        }
        answer
    }
}
