//! What models there are: those that are deployed, and the web app's list of which more may be known.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::StreamExt as _;
use tokio::sync::watch;

use super::Deployed;
use crate::config::{self, Sources};
use crate::kube::{Cluster, KubeError, Watched};
use crate::model::{Model, ModelName};
use crate::services::ServiceError;
use crate::services::catalogue::{SYNCED, SyncTarget};
use crate::services::models::Models;
use crate::store::RedisStore;

/// A deployed model outweighs what the web app's list says of it.
pub(super) struct ClusterCatalogue {
    pub(super) deployed: Deployed,
    pub(super) models: Models,
    synced: Mutex<Vec<Model>>,
    store: Arc<RedisStore>,
}

impl ClusterCatalogue {
    /// With the list that was sent last.
    ///
    /// # Errors
    /// When Redis can't be asked.
    pub(super) async fn open(deployed: Deployed, store: Arc<RedisStore>) -> Result<Arc<Self>, ServiceError> {
        let synced = match store.get_projects().await? {
            None => Vec::new(),
            Some(list) => match config::load_valid(&Sources::none().with_web_app(SYNCED, &list)) {
                Ok(catalog) => catalog.models().cloned().collect(),
                Err(e) => {
                    tracing::error!("the web app's list that is kept is not understood (any more): {e}");
                    Vec::new()
                }
            },
        };
        let this = Self { deployed, models: Models::default(), synced: Mutex::new(synced), store };
        this.combine();
        Ok(Arc::new(this))
    }

    /// Makes the models known that there are now.
    pub(super) fn combine(&self) -> usize {
        let deployed = self.deployed.models();
        let synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        // Later ones win.
        self.models.replace(synced.iter().cloned().chain(deployed));
        self.models.all().len()
    }
}

#[async_trait]
impl SyncTarget for ClusterCatalogue {
    async fn sync(&self, list: String) -> Result<usize, ServiceError> {
        let parsed = tokio::task::spawn_blocking({
            let list = list.clone();
            move || config::load(&Sources::none().with_web_app(SYNCED, &list))
        });
        let catalog = parsed.await.map_err(|e| ServiceError::Ended { reason: e.to_string() })??;
        self.store.set_projects(&list).await?;
        *self.synced.lock().unwrap_or_else(PoisonError::into_inner) = catalog.models().cloned().collect();
        Ok(self.combine())
    }

    fn remedies(&self, name: &ModelName) -> Vec<String> {
        let known: Vec<String> = self.models.all().keys().take(10).map(ToString::to_string).collect();
        let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
        vec![
            format!("Those that are deployed on this cluster: {known}"),
            format!("Deploy it: `csw models -n {name} apply`"),
        ]
    }
}

/// Watches what is deployed; `changes` counts. Its first change is that all there is has been seen. Ends only when the
/// server refuses.
pub(super) async fn watch_deployed(
    cluster: &Cluster,
    deployed: &Deployed,
    changes: &watch::Sender<u64>,
) -> KubeError {
    let mut told = cluster.watch(Deployed::selection(cluster.namespace()));
    let mut synced = false;
    while let Some(event) = told.next().await {
        match event {
            Ok(Watched::Now(config_map)) => {
                if let Err(why) = deployed.put(&config_map) {
                    tracing::error!("{why}");
                }
            }
            Ok(Watched::Gone { name, .. }) => deployed.remove(&name),
            Ok(Watched::Synced) => synced = true,
            Err(error) => return error,
        }
        if synced {
            changes.send_modify(|n| *n = n.wrapping_add(1));
        }
    }
    KubeError::Answer { what: "watch configmaps".into(), why: "the watch has ended".into() }
}
