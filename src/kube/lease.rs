use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::{Cluster, KubeError, Resource};
use crate::model::GroupVersionKind;

/// Annotation of a Lease: where its holder is heard.
const ADDRESS: &str = "csw/address";

/// Times of an election, as Kubernetes' own components have them.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// A holder that has not renewed for so long is taken to be gone by the others.
    pub duration: Duration,
    /// A holder that could not renew for so long takes itself to be gone; shorter than `duration`.
    pub deadline: Duration,
    /// How often a holder renews and the others look.
    pub period: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { duration: seconds(15), deadline: seconds(10), period: seconds(2) }
    }
}

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leadership {
    /// We do.
    Ours,
    /// Somebody else does, who is heard at `address`.
    Theirs {
        /// Host and port.
        address: String,
    },
    /// Nobody does, or nobody can tell.
    Nobody,
    /// We did, and don't any more: whatever only the leader does has to stop at once.
    Lost,
}

/// Elects one of several processes by a Lease of `coordination.k8s.io`.
pub struct Election {
    cluster: Cluster,
    name: String,
    identity: String,
    address: String,
    terms: Terms,
    standing: watch::Sender<Leadership>,
}

/// What is known of the Lease: its version, and when we saw it change last.
struct Sighting {
    version: String,
    since: Instant,
}

impl Election {
    /// An election by the Lease `name` in the cluster's namespace. `identity` is ours alone, `address` is where the
    /// others reach us.
    pub fn new(cluster: Cluster, name: &str, identity: &str, address: &str, terms: Terms) -> Self {
        Self {
            cluster,
            name: name.to_owned(),
            identity: identity.to_owned(),
            address: address.to_owned(),
            terms,
            standing: watch::Sender::new(Leadership::Nobody),
        }
    }

    /// Sees every change of who leads.
    pub fn standing(&self) -> watch::Receiver<Leadership> {
        self.standing.subscribe()
    }

    /// Takes part until [`Leadership::Lost`].
    pub async fn run(&self) {
        let mut sighting: Option<Sighting> = None;
        loop {
            // Requests of a client that is patient would outlast every deadline.
            match timeout(self.terms.deadline / 2, self.look(&mut sighting)).await {
                Ok(Ok(standing)) => self.tell(standing),
                Ok(Err(error)) => tracing::warn!("cannot take part in the election of a leader: {error}"),
                Err(_) => tracing::warn!("cannot take part in the election of a leader: no answer"),
            }
            if *self.standing.borrow() == Leadership::Ours {
                return self.hold().await;
            }
            sleep(self.terms.period).await;
        }
    }

    /// Gives the Lease up, so that another one leads at once.
    ///
    /// # Errors
    /// When the cluster can't be told; the Lease then runs out.
    pub async fn release(&self) -> Result<(), KubeError> {
        let Some(lease) = self.get().await? else { return Ok(()) };
        if holder(&lease) != self.identity {
            return Ok(());
        }
        self.put(&lease, "", 1).await.map(drop)
    }

    /// Renews until that fails for too long.
    async fn hold(&self) {
        let mut renewed = Instant::now();
        loop {
            sleep(self.terms.period).await;
            let left = self.terms.deadline.saturating_sub(renewed.elapsed());
            match timeout(left, self.renew()).await {
                Ok(Ok(true)) => renewed = Instant::now(),
                Ok(Ok(false)) => break tracing::error!("another one leads now"),
                Ok(Err(error)) => tracing::warn!("cannot renew the lease {}: {error}", self.name),
                Err(_) => {}
            }
            if renewed.elapsed() >= self.terms.deadline {
                tracing::error!("could not renew the lease {} for {:?}", self.name, self.terms.deadline);
                break;
            }
        }
        self.tell(Leadership::Lost);
    }

    /// False when it is another's.
    async fn renew(&self) -> Result<bool, KubeError> {
        match self.get().await? {
            Some(lease) if holder(&lease) == self.identity => match self.put(&lease, &self.identity, 0).await
            {
                // Changed between the two requests; the next look tells by whom.
                Err(error) if is_conflict(&error) => Ok(true),
                other => other.map(|_| true),
            },
            _ => Ok(false),
        }
    }

    async fn look(&self, sighting: &mut Option<Sighting>) -> Result<Leadership, KubeError> {
        let Some(lease) = self.get().await? else {
            return self.taken(self.create().await);
        };
        let version = version(&lease).to_owned();
        if sighting.as_ref().is_none_or(|s| s.version != version) {
            *sighting = Some(Sighting { version, since: Instant::now() });
        }
        // By our own clock: those of other nodes may be wrong.
        let expired = sighting.as_ref().is_some_and(|s| s.since.elapsed() > self.terms.duration);
        let holder = holder(&lease);
        if holder.is_empty() || holder == self.identity || expired {
            return self.taken(self.put(&lease, &self.identity, 1).await);
        }
        let address = lease.pointer("/metadata/annotations").and_then(|a| a.get(ADDRESS)?.as_str());
        Ok(Leadership::Theirs { address: address.unwrap_or_default().to_owned() })
    }

    fn taken(&self, outcome: Result<Value, KubeError>) -> Result<Leadership, KubeError> {
        match outcome {
            Ok(_) => Ok(Leadership::Ours),
            // Another one was faster.
            Err(error) if is_conflict(&error) => Ok(Leadership::Nobody),
            Err(error) => Err(error),
        }
    }

    fn tell(&self, standing: Leadership) {
        self.standing.send_if_modified(|known| {
            let new = *known != standing;
            *known = standing;
            new
        });
    }

    async fn get(&self) -> Result<Option<Value>, KubeError> {
        let path = resource().path(Some(self.cluster.namespace()), Some(&self.name));
        match self.cluster.get_path(&path, &format!("read the lease {}", self.name)).await {
            Ok(lease) => Ok(Some(lease)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn create(&self) -> Result<Value, KubeError> {
        let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.cluster.namespace()}});
        let lease = self.filled(lease, &self.identity, 0);
        let what = format!("create the lease {}", self.name);
        self.cluster.create(&resource(), self.cluster.namespace(), &lease, &what).await
    }

    /// Replaces the Lease if nobody has changed it since.
    async fn put(&self, lease: &Value, holder: &str, transitions: i64) -> Result<Value, KubeError> {
        let path = resource().path(Some(self.cluster.namespace()), Some(&self.name));
        let lease = self.filled(lease.clone(), holder, transitions);
        self.cluster.replace(&path, &lease, &format!("renew the lease {}", self.name)).await
    }

    fn filled(&self, mut lease: Value, holder: &str, transitions: i64) -> Value {
        let now = Timestamp::now();
        let before = lease.get("spec").cloned().unwrap_or_else(|| json!({}));
        let number = |key: &str| before.get(key).and_then(Value::as_i64).unwrap_or_default();
        let acquired = match (transitions, before.get("acquireTime")) {
            (0, Some(time)) => time.clone(),
            _ => micro(now).into(),
        };
        if let Some(fields) = lease.as_object_mut() {
            fields.insert(
                "spec".into(),
                json!({"holderIdentity": holder, "leaseDurationSeconds": self.terms.duration.as_secs().max(1),
                    "acquireTime": acquired, "renewTime": micro(now),
                    "leaseTransitions": number("leaseTransitions") + transitions}),
            );
        }
        if let Some(metadata) = lease.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
            if let Some(annotations) = annotations.as_object_mut() {
                annotations.insert(ADDRESS.into(), self.address.as_str().into());
            }
        }
        lease
    }
}

/// Kubernetes' MicroTime has exactly six digits.
fn micro(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

fn holder(lease: &Value) -> &str {
    lease.pointer("/spec/holderIdentity").and_then(Value::as_str).unwrap_or_default()
}

fn version(lease: &Value) -> &str {
    lease.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default()
}

fn is_conflict(error: &KubeError) -> bool {
    error.refusal().is_some_and(|r| r.code == 409)
}

fn resource() -> Resource {
    Resource {
        gvk: GroupVersionKind::new("coordination.k8s.io/v1", "Lease"),
        plural: "leases".to_owned(),
        namespaced: true,
        verbs: Vec::new(),
    }
}
