use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::by_engine::unusable;
use super::{PushError, PushEvent, PushProgress, archive};
use crate::image::Engine;
use crate::image::registry::{Blob, Manifest, Repository, UploadProgress};
use crate::model::ImageReference;

/// Layers under way at once, as many as the engine's.
const UPLOADS: usize = 5;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// Takes the image out of the engine and pushes it: its blobs, and only then its manifest.
pub(super) async fn push(
    engine: &Engine,
    repository: &Repository,
    image: &ImageReference,
    tag: &str,
    progress: &dyn PushProgress,
) -> Result<Manifest, PushError> {
    let exported = engine.docker().export_image(&image.to_string());
    let exported = exported.map_err(std::io::Error::other);
    let reader = tokio_util::io::SyncIoBridge::new(tokio_util::io::StreamReader::new(Box::pin(exported)));
    let cancel = CancellationToken::new();
    // The thread ends soon after somebody presses Ctrl-C, or this is dropped for another reason.
    let guard = cancel.clone().drop_guard();
    let unpacked = tokio::task::spawn_blocking(move || archive::unpack(reader, &cancel)).await;
    drop(guard);
    let archive::Contents { config, layers } = match unpacked {
        Ok(Ok(contents)) => contents,
        Ok(Err(archive::Failure::Space(source))) => {
            let folder = std::env::temp_dir().display().to_string();
            return Err(PushError::Space { image: Box::new(image.clone()), folder, source });
        }
        Ok(Err(archive::Failure::Archive(why))) => {
            return Err(PushError::Unusable {
                image: Box::new(image.clone()),
                what: "hand the image out",
                why,
            });
        }
        Err(e) => return Err(unusable(image, "hand the image out", &std::io::Error::other(e).into())),
    };
    let manifest = manifest(&config, &layers)
        .map_err(|e| unusable(image, "describe the image", &std::io::Error::other(e).into()))?;
    let mut blobs: HashMap<String, &Blob> = HashMap::new();
    for blob in layers.iter().chain([&config]) {
        blobs.insert(blob.digest.clone(), blob);
    }
    let told =
        Told { image, progress, total: blobs.values().map(|blob| blob.size).sum(), done: Mutex::default() };
    let uploads = blobs.values().map(async |blob| {
        repository.upload(blob, None, &told).await?;
        told.at(blob, blob.size);
        Ok::<_, PushError>(())
    });
    stream::iter(uploads).buffer_unordered(UPLOADS).try_collect::<()>().await?;
    repository.put_manifest(tag, &manifest).await?;
    Ok(manifest)
}

fn manifest(config: &Blob, layers: &[Blob]) -> Result<Manifest, serde_json::Error> {
    let descriptor = |media_type: &str, blob: &Blob| json!({"mediaType": media_type, "size": blob.size, "digest": blob.digest});
    let layers: Vec<_> = layers.iter().map(|layer| descriptor(LAYER, layer)).collect();
    let text = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, config),
        "layers": layers,
    }))?;
    Manifest::read(None, Bytes::from(text))
}

/// Adds up what all blobs of an image tell.
struct Told<'a> {
    image: &'a ImageReference,
    progress: &'a dyn PushProgress,
    total: u64,
    done: Mutex<HashMap<String, u64>>,
}

impl UploadProgress for Told<'_> {
    fn at(&self, blob: &Blob, bytes: u64) {
        let done = {
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            done.insert(blob.digest.clone(), bytes);
            done.values().sum()
        };
        self.progress.event(self.image, PushEvent::Bytes { done, total: self.total });
    }
}
