//! Whether an object is as far as it will get: one file a kind, each a pure function of the object and of what is
//! around it.

mod assess;
mod cron_job;
mod daemon_set;
mod deployment;
mod generic;
mod job;
mod lookup;
mod pod;
mod pvc;
mod refusal;
mod service;
mod stateful_set;
mod surroundings;
mod verdict;

pub use assess::{assess, has_pods, trivially_ready};
pub use lookup::{condition, image_digests, items, number, text};
pub use refusal::{Refusal, refusal_words};
pub use surroundings::Surroundings;
pub use verdict::{PodPlace, Trouble, Verdict};
