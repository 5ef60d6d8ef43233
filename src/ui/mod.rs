//! What people and scripts see: stdout is data, stderr is for people.

mod format;
mod line;
pub mod logs;
mod printer;
mod progress;
pub mod prompt;
mod report;
mod sentence;
mod table;

pub use format::Format;
pub use printer::{ColorChoice, Printer, Verbosity};
pub use progress::{Progress, counted_bytes};
pub use report::report;
pub use sentence::sentence;
pub use table::{Columns, Table};
