use std::collections::BTreeSet;

use futures::stream::{BoxStream, StreamExt as _};
use kube::Resource as _;
use kube::api::{Api, ApiResource};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use serde_json::Value;

use super::seen::Seen;
use super::{Cluster, KubeError, Refusal, Resource};

/// What to watch.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The kind.
    pub resource: Resource,
    /// The namespace; everywhere if none.
    pub namespace: Option<String>,
    /// A label selector.
    pub labels: Option<String>,
    /// A field selector.
    pub fields: Option<String>,
}

/// What a watch tells.
#[derive(Debug, Clone)]
pub enum Watched {
    /// An object as it is now, without its `managedFields`.
    Now(Box<Value>),
    /// An object that is no more.
    Gone {
        /// Its namespace.
        namespace: Option<String>,
        /// Its name.
        name: String,
    },
    /// All objects that there are have been told.
    Synced,
}

type Key = (Option<String>, String);

/// What is known while the objects are listed (again).
#[derive(Default)]
struct Mirror {
    known: BTreeSet<Key>,
    relisted: Option<BTreeSet<Key>>,
}

impl Mirror {
    fn digest(&mut self, event: Event<Seen>) -> Vec<Watched> {
        let key = |o: &Seen| (o.meta().namespace.clone(), o.meta().name.clone().unwrap_or_default());
        let now = |o: Seen| Watched::Now(Box::new(o.object));
        let gone = |(namespace, name): Key| Watched::Gone { namespace, name };
        match event {
            Event::Init => {
                self.relisted = Some(BTreeSet::new());
                Vec::new()
            }
            Event::InitApply(object) => {
                self.relisted.get_or_insert_default().insert(key(&object));
                vec![now(object)]
            }
            Event::InitDone => {
                let listed = self.relisted.take().unwrap_or_default();
                let known = std::mem::replace(&mut self.known, listed);
                let mut told: Vec<Watched> = known.difference(&self.known).cloned().map(gone).collect();
                told.push(Watched::Synced);
                told
            }
            Event::Apply(object) => {
                self.known.insert(key(&object));
                vec![now(object)]
            }
            Event::Delete(object) => {
                let key = key(&object);
                self.known.remove(&key);
                vec![gone(key)]
            }
        }
    }
}

impl Cluster {
    /// Lists and then watches; lost connections are taken up again, and what happened meanwhile is told. The stream
    /// ends with an error only when the server says that we may not watch.
    pub fn watch(&self, selection: Selection) -> BoxStream<'static, Result<Watched, KubeError>> {
        let Selection { resource, namespace, labels, fields } = selection;
        let api_resource = ApiResource {
            group: resource.gvk.group.clone(),
            version: resource.gvk.version.clone(),
            api_version: resource.gvk.api_version(),
            kind: resource.gvk.kind.clone(),
            plural: resource.plural.clone(),
        };
        let api: Api<Seen> = match namespace.as_deref().filter(|_| resource.namespaced) {
            Some(namespace) => Api::namespaced_with(self.client(), namespace, &api_resource),
            None => Api::all_with(self.client(), &api_resource),
        };
        let config = watcher::Config {
            label_selector: labels,
            field_selector: fields,
            // A connection that died without a word is noticed after this time.
            timeout: Some(60),
            ..watcher::Config::default()
        };
        let what = format!("watch {}", resource.plural);
        let mut mirror = Mirror::default();
        watcher::watcher(api, config)
            .default_backoff()
            .filter_map(move |event| {
                let told = match event {
                    Ok(event) => mirror.digest(event).into_iter().map(Ok).collect(),
                    Err(error) => match refused(&error, &what) {
                        Some(refused) => vec![Err(refused)],
                        None => {
                            tracing::info!(%what, %error, "taking the watch up again");
                            Vec::new()
                        }
                    },
                };
                std::future::ready((!told.is_empty()).then(|| futures::stream::iter(told)))
            })
            .flatten()
            .boxed()
    }
}

/// The server's final no, if that is what the error is.
fn refused(error: &watcher::Error, what: &str) -> Option<KubeError> {
    let status = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => status,
        _ => return None,
    };
    if !matches!(status.code, 401 | 403 | 404 | 405) {
        return None;
    }
    let refusal = Refusal::of(status);
    Some(KubeError::Refused { what: what.to_owned(), refusal: Box::new(refusal) })
}
