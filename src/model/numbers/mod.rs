//! JSON whose numbers keep all their digits.
//!
//! Values in memory hold a number as 64 bits. One that does not fit (a seed of 128 bits, a decimal of thirty digits, `-0`) is held as
//! an object with one key, [`MARK`], and its text. Whatever reads JSON from outside reads it with [`from_slice`]; whatever
//! writes JSON for others writes it with [`to_vec`] or through [`Plain`], which put the number back as it was written.

mod exact;
mod marked;
mod plain;
mod rounded;

pub(crate) use exact::is_number;

pub(crate) use marked::{Marked, marked};
pub use marked::{from_slice, from_str};
pub(crate) use plain::Plain;
pub use plain::{to_string_pretty, to_vec};
pub(crate) use rounded::rounded_list;
pub use rounded::{as_text, rounded};

/// The key under which a number is held that does not fit.
pub const MARK: &str = "$csw::number";
