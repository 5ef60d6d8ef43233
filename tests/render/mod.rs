//! Objects for Kubernetes: templates, commands, and what schemas and servers say about them.

mod commands;
mod fixture;
mod goldens;
mod injection;
mod pods;
mod redis_acl;
mod schemas;
mod server;
