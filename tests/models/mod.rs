//! `csw models list | show | lint | new`, and what is shipped in `config/`.

mod changed;
mod examples;
mod lint;
mod list;
mod new;
mod schema;
mod shipped;
mod testing;
mod web;
