//! Groups of flags that several commands share.

mod apply;
mod cluster;
mod deferred;
mod folder;
mod global;
mod kube;
mod render;

pub(super) use apply::{ApplyArgs, DryRunMode, SourceArgs};
pub(super) use cluster::ClusterArgs;
pub(super) use deferred::Deferred;
pub(super) use folder::out;
pub(super) use global::GLOBAL_OPTIONS;
pub use global::GlobalArgs;
pub(super) use kube::KubeArgs;
pub(super) use render::{Output, RenderArgs};
