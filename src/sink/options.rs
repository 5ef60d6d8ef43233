use crate::kube::{Cluster, DEFAULT_CONCURRENCY};
use crate::plan::Scope;
use crate::plan::applyset::Parent;

/// Who decides what would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The server, by a dry run of everything that may differ.
    Server,
    /// We, by comparing what is wanted with what is there.
    Client,
}

/// How to apply.
#[derive(Debug, Clone)]
pub struct Options {
    /// Take fields over from other field managers.
    pub force: bool,
    /// Delete members whose fields can't be changed as wanted, and make them anew.
    pub replace: bool,
    /// Delete members that nobody wants any more.
    pub prune: bool,
    /// Prune even if nothing at all is wanted.
    pub allow_empty: bool,
    /// Requests under way at once.
    pub concurrency: usize,
    /// Which members this run is about.
    pub scope: Scope,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            force: false,
            replace: false,
            prune: false,
            allow_empty: false,
            concurrency: DEFAULT_CONCURRENCY,
            scope: Scope::All,
        }
    }
}

/// Told how far a run is.
pub trait ApplyProgress {
    /// `done` of `total` objects have been checked.
    fn checked(&self, done: usize, total: usize);
    /// `done` of `total` changes have been made.
    fn applied(&self, done: usize, total: usize);
    /// `done` of `total` objects are gone.
    fn deleted(&self, done: usize, total: usize);
}

/// A set of objects in a cluster.
#[derive(Debug, Clone)]
pub struct ClusterSink {
    pub(super) cluster: Cluster,
    pub(super) parent: Parent,
}

impl ClusterSink {
    /// The set whose parent has this name in the cluster's namespace.
    pub fn new(cluster: Cluster, applyset: &str) -> Self {
        let parent = Parent { name: applyset.to_owned(), namespace: cluster.namespace().to_owned() };
        Self { cluster, parent }
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The parent of the set.
    pub fn parent(&self) -> &Parent {
        &self.parent
    }

    /// The label selector that all members match.
    pub fn selector(&self) -> String {
        format!("{}={}", crate::plan::applyset::PART_OF, self.parent.id())
    }
}
