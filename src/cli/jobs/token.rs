use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use serde_json::Value;

use crate::kube::Cluster;
use crate::secret::{self, Scope, SecretName, SecretValue};
use crate::services::client::SchedulerClient;
use crate::services::tokens::{self, LocalToken, Tokens};
use crate::settings::Settings;
use crate::ui::logs;

/// Name of the token, as a setting, as a secret, and in the services' Secret.
const NAME: &str = "CSW_SCHEDULER_TOKEN";
/// The Secret that the services share.
const SECRET: &str = "worker-secret";

/// A client of the scheduler that the settings name, with the token that they name; else with the one that a stack of
/// this user on this machine made for itself.
pub(super) fn client(settings: &Settings) -> anyhow::Result<SchedulerClient> {
    let url = settings.scheduler.value.clone();
    let local = match Tokens::shown(settings)? {
        Some(token) => return Ok(SchedulerClient::new(url, Some(token))?),
        None => LocalToken::find(&settings.state_dir, &url),
    };
    Ok(match local {
        Some(token) => SchedulerClient::of_stack(url, token)?,
        None => SchedulerClient::new(url, None)?,
    })
}

/// What a cluster's scheduler wants to be shown: as the settings say, else as it was kept with the cluster's secrets when
/// the services were applied, else as the cluster has it, for those who may read that. None of these says that there is
/// one: the scheduler itself says whether it wants any.
pub(super) async fn find(cluster: &Cluster, settings: &Settings) -> anyhow::Result<Option<SecretString>> {
    if let Some(token) = Tokens::shown(settings)? {
        return Ok(Some(token));
    }
    let text = match kept(settings).await {
        Some(text) => Some(text),
        None => of_cluster(cluster).await,
    };
    let token = text.and_then(|text| tokens::first(text.expose()).map(|t| SecretString::from(t.to_owned())));
    if let Some(token) = &token {
        logs::mask([&SecretValue::from(token.clone())]);
    }
    Ok(token)
}

async fn kept(settings: &Settings) -> Option<SecretValue> {
    let name: SecretName = NAME.parse().ok()?;
    let entries = async { secret::open(settings)?.entries(&Scope::Cluster).await };
    match entries.await {
        Ok(mut entries) => entries.remove(&name),
        Err(error) => {
            tracing::info!(%error, "the kept secrets can't be read");
            None
        }
    }
}

async fn of_cluster(cluster: &Cluster) -> Option<SecretValue> {
    let path = format!("/api/v1/namespaces/{}/secrets/{SECRET}", cluster.namespace());
    let object = match cluster.get_path(&path, &format!("read Secret {SECRET}")).await {
        Ok(object) => object,
        Err(error) => {
            tracing::info!(%error, "no token from the cluster");
            return None;
        }
    };
    let encoded = object.pointer("/data").and_then(|data| data.get(NAME)).and_then(Value::as_str)?;
    let token = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    Some(SecretString::from(token).into())
}
