//! `csw models list | show | lint | new`, and what is shipped in `config/`.

mod schema;
