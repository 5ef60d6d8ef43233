use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::error::{Diagnose, Exit};

/// Redis' own.
const DEFAULT_PORT: u16 = 6379;
/// How long an operation waits for a Redis that is away.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who connects. Each may do only what it has to (see `redis_acl.rs` among the renderer's files).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedisUser {
    /// Gets and sets the documents of jobs and the list of projects.
    Scheduler,
    /// Gets the documents of jobs.
    Executor,
}

impl RedisUser {
    /// The name of the user in Redis, where `REDIS_USER` names no other.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduler => "scheduler",
            Self::Executor => "executor",
        }
    }

    fn password_variable(self) -> &'static str {
        match self {
            Self::Scheduler => "REDIS_SCHEDULER_PW",
            Self::Executor => "REDIS_EXECUTOR_PW",
        }
    }
}

/// Where a password comes from.
#[derive(Debug, Clone)]
pub(super) enum Password {
    Value(SecretString),
    /// Read each time a connection is made, so that a changed one counts without a restart.
    File(PathBuf),
}

/// Where Redis is, and who connects.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: Password,
    pub(super) database: i64,
    pub(super) patience: Duration,
}

/// A variable of [`RedisConfig::from_variables`] is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct BadRedisSetting {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Diagnose for BadRedisSetting {
    fn exit(&self) -> Exit {
        Exit::Config
    }

    fn hints(&self) -> Vec<String> {
        vec![format!("Set {}; `csw svc config` writes it into the Deployments and Jobs", self.variable)]
    }
}

impl RedisConfig {
    /// The database 0 of a Redis, with a password that stays the same.
    pub fn new(
        host: impl Into<String>,
        port: u16,
        user: impl Into<String>,
        password: impl Into<SecretString>,
    ) -> Self {
        Self {
            host: host.into(),
            port,
            user: user.into(),
            password: Password::Value(password.into()),
            database: 0,
            patience: PATIENCE,
        }
    }

    /// What the variables say, as `variable` finds them: `REDIS_HOST`; `REDIS_PORT` (6379), `REDIS_USER` (the usual name),
    /// `REDIS_DB` (0), and the password `REDIS_SCHEDULER_PW` or `REDIS_EXECUTOR_PW`, or the file that the same name with
    /// `_FILE` behind it names.
    ///
    /// # Errors
    /// When one is missing or wrong; the message never holds a value that may be a password.
    pub fn from_variables(
        user: RedisUser,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, BadRedisSetting> {
        let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let missing = |variable| BadRedisSetting { variable, problem: "is not set".to_owned() };
        let host = given("REDIS_HOST").ok_or_else(|| missing("REDIS_HOST"))?;
        let port = match given("REDIS_PORT") {
            None => DEFAULT_PORT,
            Some(text) => text.trim().parse().map_err(|_| BadRedisSetting {
                variable: "REDIS_PORT",
                problem: format!("is `{text}`; expected a port, 1 to 65535"),
            })?,
        };
        let database = match given("REDIS_DB") {
            None => 0,
            Some(text) => text.trim().parse::<u16>().map(i64::from).map_err(|_| BadRedisSetting {
                variable: "REDIS_DB",
                problem: format!("is `{text}`; expected the number of a database"),
            })?,
        };
        let password = user.password_variable();
        let password = match (given(&format!("{password}_FILE")), given(password)) {
            (Some(file), _) => Password::File(file.into()),
            (None, Some(value)) => Password::Value(value.into()),
            (None, None) => return Err(missing(password)),
        };
        let user = given("REDIS_USER").unwrap_or_else(|| user.as_str().to_owned());
        Ok(Self { host: host.trim().to_owned(), port, user, password, database, patience: PATIENCE })
    }

    /// The same with another bound for how long an operation waits for a Redis that is away (30 s).
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Host and port, for people.
    pub fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(user: RedisUser, variables: &[(&str, &str)]) -> Result<RedisConfig, BadRedisSetting> {
        RedisConfig::from_variables(user, |name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn each_user_has_its_own_password() {
        let both = [("REDIS_HOST", "redis-master"), ("REDIS_SCHEDULER_PW", "s"), ("REDIS_EXECUTOR_PW", "e")];
        let found = config(RedisUser::Executor, &both).unwrap();
        assert_eq!(
            (found.server(), found.user.as_str(), found.database),
            ("redis-master:6379".into(), "executor", 0)
        );
        assert!(!format!("{found:?}").contains("\"e\""), "{found:?}");
        let file =
            [("REDIS_HOST", "h"), ("REDIS_SCHEDULER_PW_FILE", "/p"), ("REDIS_PORT", "7"), ("REDIS_DB", "2")];
        let found = config(RedisUser::Scheduler, &file).unwrap();
        assert_eq!((found.port, found.database), (7, 2));
        assert!(matches!(found.password, Password::File(path) if path.as_os_str() == "/p"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let message =
            |variables: &[(&str, &str)]| config(RedisUser::Scheduler, variables).unwrap_err().to_string();
        assert_eq!(message(&[]), "REDIS_HOST is not set");
        assert_eq!(
            message(&[("REDIS_HOST", "h"), ("REDIS_SCHEDULER_PW", "")]),
            "REDIS_SCHEDULER_PW is not set"
        );
        let port = [("REDIS_HOST", "h"), ("REDIS_PORT", "tcp://10.0.0.1:6379")];
        assert_eq!(message(&port), "REDIS_PORT is `tcp://10.0.0.1:6379`; expected a port, 1 to 65535");
    }
}
