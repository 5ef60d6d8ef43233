use crate::model::ImageReference;

/// What happens to an image on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushEvent {
    /// It is being looked for at the registry.
    Looking,
    /// So many of its bytes are there, of so many that are known of so far.
    Bytes {
        /// Sent, or found there.
        done: u64,
        /// In all.
        total: u64,
    },
    /// The engine can't get it through: csw does. Why, for people.
    TakenOver(String),
    /// Nothing more comes, however it ended.
    Done,
}

/// Told of what happens, often and from several images at once.
pub trait PushProgress: Send + Sync {
    /// This happened to this image.
    fn event(&self, image: &ImageReference, event: PushEvent);
}

impl PushProgress for () {
    fn event(&self, _: &ImageReference, _: PushEvent) {}
}
