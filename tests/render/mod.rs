//! Objects for Kubernetes: templates, commands, and what schemas and servers say about them.

mod fixture;
mod goldens;
mod injection;
mod pods;
