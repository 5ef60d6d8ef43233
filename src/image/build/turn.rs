use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::executor::environment::PrepareProgress;
use crate::image::ImageError;
use crate::model::ImageReference;

/// Held while one csw of this machine builds an image: others wait, and then find it built. The kernel lets go when the
/// process dies.
#[derive(Debug)]
pub(super) struct Turn {
    _file: File,
}

impl Turn {
    /// Waits until nobody else builds this image.
    pub(super) async fn take(
        cache: &Path,
        image: &ImageReference,
        progress: &dyn PrepareProgress,
    ) -> Result<Self, ImageError> {
        let name: String =
            Sha256::digest(image.to_string()).iter().take(10).map(|b| format!("{b:02x}")).collect();
        let folder = cache.join("images").join("turns");
        std::fs::create_dir_all(&folder).map_err(|e| ImageError::io(&folder, e))?;
        let path = folder.join(name);
        let failed = |e| ImageError::io(&path, e);
        let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        let mut told = false;
        // A blocking wait can't be given up; this one ends with the future.
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(e)) => return Err(failed(e)),
                Err(TryLockError::WouldBlock) if told => {}
                Err(TryLockError::WouldBlock) => {
                    progress.step("Waiting for another csw that builds it");
                    told = true;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
