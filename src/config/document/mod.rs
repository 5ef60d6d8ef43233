//! YAML text as a tree in which every key and value knows its place, and a decoder over it that collects every
//! problem instead of stopping at the first.
//!
//! ```
//! use std::sync::Arc;
//! use csw::config::document::{self, Optional, Problems, Required, Source};
//!
//! csw::config::document::record! {
//!     /// Where to listen.
//!     pub struct Listener {
//!         /// Name or address of the interface.
//!         pub host: Required<String>,
//!         /// From 1 to 65535.
//!         pub port: Optional<u16>,
//!     }
//! }
//!
//! let source = Arc::new(Source::new("csw.yaml", "host: yes\nprot: 80\n"));
//! let mut problems = Problems::new(Arc::clone(&source));
//! let listener: Option<Listener> = document::read(&source, &mut problems);
//! // What was readable is there, and every problem is known.
//! assert_eq!(listener.unwrap().host.get().unwrap().value, "yes");
//! let problem = &problems.into_vec()[0];
//! assert_eq!(problem.place().to_string(), "csw.yaml:2:1");
//! assert_eq!(problem.message(), "unknown key `prot`");
//! assert_eq!(problem.help(), Some("did you mean `port`?"));
//! ```
//!
//! What a plain scalar means depends on who asks, not on how it looks: `yes`, `1.10` and `2020-10-29 09:29` are text
//! where text is wanted, and booleans and numbers are strict where those are wanted.

mod decode;
mod masking;
mod node;
mod parse;
mod problems;
mod record;
mod source;
mod values;

pub use decode::{Decode, Optional, Required, Slot, Spanned};
pub use node::{Entry, Key, Node, Scalar, Span, Value};
pub use parse::parse;
pub(crate) use problems::nearest;
pub use problems::{Code, Diagnostic, Problems, Severity};
pub use record::{entries, record};
pub use source::{Place, Source};
pub(crate) use values::integer;

/// Parses `source` and decodes its one document: `None` when there is nothing to decode (the reason is in `problems`).
/// A value that is returned while there are problems is incomplete.
pub fn read<T: Decode>(source: &Source, problems: &mut Problems) -> Option<T> {
    let root = parse(source, problems)?;
    T::decode(&root, problems)
}

#[cfg(test)]
mod tests;
