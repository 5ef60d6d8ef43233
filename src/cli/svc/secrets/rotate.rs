use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use secrecy::SecretString;
use serde::Serialize;

use crate::cli::Context;
use crate::cli::rendering::generate;
use crate::error::{Exit, Failure};
use crate::secret::{self, Change, Scope, SecretName, SecretValue};
use crate::ui::{Format, Table};

/// Make new secrets that the services have among themselves
///
/// All of them in one change, kept with the cluster's secrets. The cluster takes them with the next `csw svc apply`,
/// which restarts what uses them; simulations that run go on.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw svc secrets rotate redis && csw svc apply
  csw svc secrets rotate redis --user executor
  csw svc secrets rotate redis --dry-run")]
pub(super) struct RotateArgs {
    /// What to make anew
    #[arg(value_enum, value_name = "WHAT", hide_possible_values = false)]
    what: What,

    /// Only of these users; all by default
    #[arg(long, value_enum, value_delimiter = ',', value_name = "USER", hide_possible_values = false)]
    user: Vec<RedisUser>,

    /// Only say what would be made anew
    #[arg(long)]
    dry_run: bool,

    /// How to write what was
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// Passwords of Redis' users
    Redis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum RedisUser {
    /// May do everything
    Admin,
    /// The scheduler's
    Scheduler,
    /// The one of simulations
    Executor,
}

impl RedisUser {
    fn secret(self) -> &'static str {
        match self {
            Self::Admin => "REDIS_ADMIN_PW",
            Self::Scheduler => "REDIS_SCHEDULER_PW",
            Self::Executor => "REDIS_EXECUTOR_PW",
        }
    }
}

#[derive(Debug, Serialize)]
struct Rotated {
    user: RedisUser,
    secret: &'static str,
    /// Whether there was one before.
    replaced: bool,
}

pub(super) fn run(context: &Context, args: RotateArgs) -> anyhow::Result<Exit> {
    let RotateArgs { what: What::Redis, mut user, dry_run, output } = args;
    if user.is_empty() {
        user = RedisUser::value_variants().to_vec();
    }
    user.sort_unstable();
    user.dedup();
    let printer = context.printer();
    let backend = secret::open(&context.settings(|_| ())?)?;
    let rotated = context.block_on(async {
        let kept: BTreeMap<SecretName, SecretValue> = backend.entries(&Scope::Cluster).await?;
        let (mut rotated, mut changes) = (Vec::new(), Vec::new());
        for user in user {
            let secret = user.secret();
            let name: SecretName = secret.parse()?;
            let password = generate()
                .map_err(|e| Failure::config(format!("the operating system gives no randomness: {e}")))?;
            rotated.push(Rotated { user, replaced: kept.contains_key(&name), secret });
            changes.push(Change::Set(Scope::Cluster, name, SecretString::from(password).into()));
        }
        if !dry_run {
            backend.change(changes).await?;
        }
        Ok(rotated)
    })?;
    printer.note(match dry_run {
        true => "Nothing was changed. These would get new passwords:",
        false => "These have new passwords, which the cluster does not know yet: run `csw svc apply`",
    });
    printer.view(
        output,
        &rotated,
        |rotated| {
            let mut table = Table::new(&["USER", "SECRET", "BEFORE"], "Nothing to rotate");
            for Rotated { user, secret, replaced } in rotated {
                let user = user.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default();
                let before = if *replaced { "replaced" } else { "none" };
                table.row([user, secret.to_string(), before.to_owned()]);
            }
            table
        },
        |rotated| rotated.iter().map(|r| r.secret.to_string()).collect(),
    )?;
    Ok(Exit::Ok)
}
