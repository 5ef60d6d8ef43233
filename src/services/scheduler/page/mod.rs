//! `GET /`: how it stands, for people. One page without scripts.

mod chart;
mod filter;
mod recent;
mod render;
mod view;

pub(super) use render::page;
