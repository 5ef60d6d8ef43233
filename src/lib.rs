//! `csw` publishes simulation models and runs them as jobs, on a laptop or on a Kubernetes cluster.
//!
//! The modules are the stages of the pipeline and its surroundings:
//!
//! - [`config`] reads what people write, [`model`] holds what is valid;
//! - [`render`] turns them into Kubernetes objects, [`sink`] puts these where they go;
//! - [`store`], [`outputs`], [`secret`] keep state, results and secrets;
//! - [`image`] makes and moves container images;
//! - [`executor`] runs one task of a model, [`isolation`] keeps it to what is its own, [`job`] runs executors, [`services`] are the HTTP faces of it all;
//! - [`publish`] talks with the web app and finds what differs from a base branch, [`git`] is asked for it;
//! - [`expectation`] says what is wrong with a text that may hold secrets;
//! - [`beneath`] reads what is in a repository, and nothing outside of it;
//! - [`folder`] fills the folders that are asked for;
//! - [`cli`], [`settings`], [`ui`] and [`error`] are the edge.

pub mod beneath;
pub mod cli;
pub mod config;
pub mod error;
pub mod executor;
pub mod expectation;
pub mod folder;
pub mod git;
pub mod http;
pub mod image;
pub mod isolation;
pub mod job;
pub mod kube;
mod listen;
pub mod model;
pub mod outputs;
pub mod plan;
pub mod private;
pub mod publish;
pub mod render;
pub mod secret;
pub mod services;
pub mod settings;
pub mod sink;
pub mod store;
pub mod text;
pub mod ui;
mod written_schema;
