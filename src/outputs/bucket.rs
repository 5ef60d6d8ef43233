use std::fmt;
use std::fs::File;
use std::io::{Cursor, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, WriteMultipart};
use tempfile::{SpooledData, SpooledTempFile};
use tokio::io::AsyncReadExt as _;
use url::Url;

use super::archive::{IN_MEMORY, Packed, PackedCategory, unpack};
use super::cloud::{self, LastResort, Opened};
use super::location::Location;
use super::pointer::zip_name;
use super::{Category, Output, Outputs, OutputsError, Pointer, StoredCategory};
use crate::model::JobId;

/// The object by which it is seen whether anything can be stored.
const PROBE: &str = "csw-probe";

/// How long a bucket may take for it.
const ANSWER: Duration = Duration::from_secs(10);

/// How much of a large zip file is in flight.
const CHUNK: usize = 8 << 20;

/// Where outputs are kept: an object store. Cheap to clone.
#[derive(Clone)]
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    /// The same, for a question that should be answered at once.
    eager: Arc<dyn ObjectStore>,
    last_resort: Option<LastResort>,
    url: String,
}

impl Bucket {
    /// Opens a bucket: `file:///path`, a folder (`/path`, `./path`), `gs://name`, `s3://name`, or a plain name, which is
    /// a bucket of Google Cloud Storage. A folder is made if it isn't there; a bucket of a provider is not asked for
    /// anything yet. Its credentials are looked for where the provider's own tools do, and so is where it is:
    /// `AWS_ENDPOINT_URL` and `STORAGE_EMULATOR_HOST` name others than the provider's.
    ///
    /// # Errors
    /// When the text means no bucket, its credentials make no sense, or the folder can't be made.
    pub fn open(url_or_name: &str) -> Result<Self, OutputsError> {
        match Location::parse(url_or_name)? {
            Location::Cloud { url, service } => {
                let Opened { store, eager, last_resort } = cloud::open(&url, service)?;
                Ok(Self { store, eager, last_resort, url })
            }
            Location::Folder(path) => {
                let io = |source| OutputsError::Io { path: path.display().to_string(), source };
                std::fs::create_dir_all(&path).map_err(io)?;
                let path = path.canonicalize().map_err(io)?;
                let url = Url::from_file_path(&path)
                    .map_or_else(|()| path.display().to_string(), |url| url.to_string());
                let store = LocalFileSystem::new_with_prefix(&path)
                    .map_err(|source| OutputsError::Bucket {
                        action: "open",
                        object: "the folder".into(),
                        bucket: url.clone(),
                        source: Box::new(source),
                    })?
                    .with_fsync(true);
                let store: Arc<dyn ObjectStore> = Arc::new(store);
                Ok(Self { eager: Arc::clone(&store), store, last_resort: None, url })
            }
        }
    }

    /// Whether outputs can be stored: writes a small object and deletes it. Takes seconds at most, whatever is wrong.
    ///
    /// # Errors
    /// When there are no credentials, or the bucket is not there, refuses, or says nothing.
    pub async fn check(&self) -> Result<(), OutputsError> {
        if let Some(machine) = &self.last_resort {
            let none = |reason| OutputsError::NoCredentials { bucket: self.url.clone(), reason };
            machine.reach().await.map_err(none)?;
        }
        let path = Path::from(PROBE);
        let written = tokio::time::timeout(ANSWER, self.eager.put(&path, PutPayload::from_static(b"csw")));
        let silent = |_| OutputsError::Silent { bucket: self.url.clone(), seconds: ANSWER.as_secs() };
        written.await.map_err(silent)?.map_err(|e| self.refused("write", PROBE, e))?;
        // Who may write may perhaps not delete. Then it stays, and is replaced the next time.
        drop(tokio::time::timeout(ANSWER, self.eager.delete(&path)).await);
        Ok(())
    }

    /// The bucket's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stores the outputs of a job as two zip files, `<id>_renderable.zip` and `<id>_downloadable.zip`. Each appears
    /// whole or not at all, and is durable then; one that is there already is replaced.
    ///
    /// # Errors
    /// When a zip file can't be stored.
    pub async fn store(&self, id: &JobId, packed: Packed) -> Result<Pointer, OutputsError> {
        let Packed { renderable, downloadable } = packed;
        Ok(Pointer {
            renderable: self.store_category(zip_name(id, Category::Renderable), renderable).await?,
            downloadable: self.store_category(zip_name(id, Category::Downloadable), downloadable).await?,
        })
    }

    /// Packs outputs and stores them, see [`Bucket::store`]. They get new ids.
    ///
    /// # Errors
    /// When a zip file can't be made or stored.
    pub async fn write(&self, id: &JobId, outputs: Outputs) -> Result<Pointer, OutputsError> {
        let packed = tokio::task::spawn_blocking(move || Packed::of(outputs)).await;
        let failed = |reason: String| OutputsError::Pack { object: format!("the zip files of {id}"), reason };
        self.store(id, packed.map_err(|e| failed(e.to_string()))??).await
    }

    async fn store_category(
        &self,
        ziplocation: String,
        packed: PackedCategory,
    ) -> Result<StoredCategory, OutputsError> {
        let PackedCategory { zip, outputs } = packed;
        match zip.into_inner() {
            SpooledData::InMemory(zip) => self.put(&ziplocation, zip).await?,
            SpooledData::OnDisk(zip) => self.put_large(&ziplocation, zip).await?,
        }
        Ok(StoredCategory { ziplocation, outputs })
    }

    async fn put(&self, object: &str, zip: Cursor<Vec<u8>>) -> Result<(), OutputsError> {
        let payload = PutPayload::from(zip.into_inner());
        self.store
            .put(&Path::from(object), payload)
            .await
            .map_err(|e| self.refused("write", object, e))
            .map(drop)
    }

    async fn put_large(&self, object: &str, zip: File) -> Result<(), OutputsError> {
        let failed = |e| self.refused("write", object, e);
        let upload = self.store.put_multipart(&Path::from(object)).await.map_err(failed)?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, CHUNK);
        let mut zip = tokio::fs::File::from_std(zip);
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = match zip.read(&mut chunk).await {
                Ok(0) => break,
                Ok(n) => chunk.get(..n).unwrap_or_default(),
                Err(e) => {
                    // The upload is given up; what went wrong is the file.
                    drop(writer.abort().await);
                    return Err(OutputsError::Pack { object: object.to_owned(), reason: e.to_string() });
                }
            };
            if let Err(e) = writer.wait_for_capacity(2).await {
                drop(writer.abort().await);
                return Err(self.refused("write", object, e));
            }
            writer.write(read);
        }
        writer.finish().await.map_err(|e| self.refused("write", object, e)).map(drop)
    }

    /// Bytes of what is stored of a job; 0 where nothing is.
    ///
    /// # Errors
    /// When the bucket can't be asked.
    pub async fn size(&self, id: &JobId) -> Result<u64, OutputsError> {
        let mut size = 0;
        for category in Category::ALL {
            let name = zip_name(id, category);
            match self.store.head(&Path::from(name.as_str())).await {
                Ok(found) => size += found.size,
                Err(object_store::Error::NotFound { .. }) => {}
                Err(e) => return Err(self.refused("look at", &name, e)),
            }
        }
        Ok(size)
    }

    /// Deletes what is stored of a job, if anything is.
    ///
    /// # Errors
    /// When the bucket refuses.
    pub async fn delete(&self, id: &JobId) -> Result<(), OutputsError> {
        for category in Category::ALL {
            let name = zip_name(id, category);
            match self.store.delete(&Path::from(name.as_str())).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(e) => return Err(self.refused("delete", &name, e)),
            }
        }
        Ok(())
    }

    /// Reads stored outputs back, each with its id.
    ///
    /// # Errors
    /// When a zip file is not there, can't be read, or lacks one of the outputs.
    pub async fn read(&self, pointer: &Pointer) -> Result<Outputs, OutputsError> {
        Ok(Outputs {
            renderable: self.read_category(&pointer.renderable).await?,
            downloadable: self.read_category(&pointer.downloadable).await?,
        })
    }

    async fn read_category(&self, category: &StoredCategory) -> Result<Vec<Output>, OutputsError> {
        let zip = self.fetch(&category.ziplocation).await?;
        let damaged = |reason| OutputsError::Damaged {
            object: category.ziplocation.clone(),
            bucket: self.url.clone(),
            reason,
        };
        let wanted = category.clone();
        let unpacked = tokio::task::spawn_blocking(move || unpack(&wanted, zip));
        unpacked.await.map_err(|e| damaged(e.to_string()))?.map_err(damaged)
    }

    /// An object's bytes, through a temporary file if they are many.
    async fn fetch(&self, object: &str) -> Result<SpooledTempFile, OutputsError> {
        let path = Path::parse(object).map_err(|e| OutputsError::Damaged {
            object: object.to_owned(),
            bucket: self.url.clone(),
            reason: e.to_string(),
        })?;
        let failed = |e| self.refused("read", object, e);
        let mut stream = self.store.get(&path).await.map_err(failed)?.into_stream();
        let mut file = SpooledTempFile::new(IN_MEMORY);
        let io = |source| OutputsError::Io { path: "a temporary file".into(), source };
        while let Some(bytes) = stream.next().await {
            file.write_all(&bytes.map_err(failed)?).map_err(io)?;
        }
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        Ok(file)
    }

    fn refused(&self, action: &'static str, object: &str, source: object_store::Error) -> OutputsError {
        let (object, bucket) = (object.to_owned(), self.url.clone());
        match source {
            object_store::Error::NotFound { .. } if action == "read" => {
                OutputsError::Missing { object, bucket }
            }
            source => OutputsError::Bucket { action, object, bucket, source: Box::new(source) },
        }
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.url).finish()
    }
}
