use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use crate::image::registry::{Blob, BlobSource, hex, sha256};

/// Larger than any image's configuration.
const SMALL: u64 = 16 << 20;
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// How zstd's content begins; no tar does.
const ZSTD: [u8; 2] = [0x28, 0xb5];

/// What an image is made of, ready to be sent.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) config: Blob,
    /// Lowest first.
    pub(super) layers: Vec<Blob>,
}

/// Why an archive could not be unpacked.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no place for it.
    Space(io::Error),
    /// It is not what `docker save` writes, or ends too early.
    Archive(String),
}

/// `manifest.json` of such an archive.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    config: String,
    layers: Vec<String>,
}

/// What a file of the archive became.
enum Entry {
    Small(Bytes),
    Layer(Blob),
    Link(String),
}

/// Reads what `docker save` writes for one image: layers go, compressed, to files without a name in the temporary
/// folder, which are gone with the process however it ends. The same image gives the same blobs.
pub(super) fn unpack(archive: impl Read, cancel: &CancellationToken) -> Result<Contents, Failure> {
    let broken = |e: io::Error| Failure::Archive(e.to_string());
    let mut entries = HashMap::new();
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.to_string_lossy().into_owned();
        let kind = entry.header().entry_type();
        if kind.is_symlink() || kind.is_hard_link() {
            let target = entry.link_name().map_err(broken)?;
            let target = target.map(|target| target.to_string_lossy().into_owned()).unwrap_or_default();
            entries.insert(path.clone(), Entry::Link(resolve(&path, &target, kind.is_symlink())));
        } else if kind.is_file() {
            let layer = path.ends_with("layer.tar") || path.starts_with("blobs/");
            let read =
                if layer { layer_or_text(&mut entry, cancel)? } else { Entry::Small(text(&mut entry)?) };
            entries.insert(path, read);
        }
    }
    contents(&entries)
}

fn contents(entries: &HashMap<String, Entry>) -> Result<Contents, Failure> {
    let broken = |why: &str| Failure::Archive(format!("its archive {why}"));
    let small = |path: &str| match find(entries, path) {
        Some(Entry::Small(bytes)) => Some(bytes.clone()),
        _ => None,
    };
    let manifest = small("manifest.json").ok_or_else(|| broken("has no manifest.json"))?;
    let images: Vec<Image> = serde_json::from_slice(&manifest).map_err(|e| broken(&e.to_string()))?;
    let [image] = images.as_slice() else { return Err(broken("does not hold one image")) };
    let config = small(&image.config).ok_or_else(|| broken("lacks the image's configuration"))?;
    let layers = image.layers.iter().map(|path| match find(entries, path) {
        Some(Entry::Layer(blob)) => Ok(blob.clone()),
        Some(Entry::Small(bytes)) => compress_small(bytes),
        _ => Err(broken(&format!("lacks the layer {path}"))),
    });
    Ok(Contents {
        config: Blob {
            digest: sha256(&config),
            size: config.len() as u64,
            source: BlobSource::Bytes(config.clone()),
        },
        layers: layers.collect::<Result<_, _>>()?,
    })
}

/// The file, or that which it points at.
fn find<'e>(entries: &'e HashMap<String, Entry>, path: &str) -> Option<&'e Entry> {
    match entries.get(path)? {
        Entry::Link(target) => entries.get(target).filter(|entry| !matches!(entry, Entry::Link(_))),
        entry => Some(entry),
    }
}

/// What a link's target is called in the archive: those of old engines are `../<other layer>/layer.tar`.
fn resolve(path: &str, target: &str, relative: bool) -> String {
    let mut parts: Vec<&str> = if relative { path.split('/').collect() } else { vec![""] };
    parts.pop();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn text(entry: &mut impl Read) -> Result<Bytes, Failure> {
    let mut bytes = Vec::new();
    entry.take(SMALL).read_to_end(&mut bytes).map_err(|e| Failure::Archive(e.to_string()))?;
    Ok(bytes.into())
}

/// New engines write configurations, manifests and layers to the same folder: JSON is no layer.
fn layer_or_text(entry: &mut impl Read, cancel: &CancellationToken) -> Result<Entry, Failure> {
    let mut first = [0; 2];
    let mut filled = 0;
    while filled < first.len() {
        let rest = first.get_mut(filled..).unwrap_or_default();
        match entry.read(rest).map_err(|e| Failure::Archive(e.to_string()))? {
            0 => break,
            read => filled += read,
        }
    }
    let start = first.get(..filled).unwrap_or_default();
    let mut whole = start.chain(entry);
    if start.first() == Some(&b'{') {
        return Ok(Entry::Small(text(&mut whole)?));
    }
    if start == ZSTD {
        return Err(Failure::Archive(
            "its layers are compressed by zstd, which csw does not send".to_owned(),
        ));
    }
    layer(&mut whole, start == GZIP, cancel).map(Entry::Layer)
}

fn compress_small(bytes: &Bytes) -> Result<Blob, Failure> {
    layer(&mut bytes.as_ref(), bytes.starts_with(&GZIP), &CancellationToken::new())
}

/// A layer as it is sent: compressed, unless it is already.
fn layer(content: &mut impl Read, compressed: bool, cancel: &CancellationToken) -> Result<Blob, Failure> {
    let file = tempfile::tempfile().map_err(Failure::Space)?;
    let mut out = Hashing { file: BufWriter::with_capacity(1 << 18, file), hash: Sha256::new(), size: 0 };
    if compressed {
        copy(content, &mut out, cancel)?;
    } else {
        let mut gzip = GzEncoder::new(out, Compression::default());
        copy(content, &mut gzip, cancel)?;
        out = gzip.finish().map_err(Failure::Space)?;
    }
    let Hashing { file, hash, size } = out;
    let file = file.into_inner().map_err(|e| Failure::Space(e.into_error()))?;
    Ok(Blob { digest: hex(&hash.finalize()), size, source: BlobSource::File(Arc::new(file)) })
}

fn copy(from: &mut impl Read, to: &mut impl Write, cancel: &CancellationToken) -> Result<(), Failure> {
    let mut buffer = vec![0; 1 << 18];
    loop {
        if cancel.is_cancelled() {
            return Err(Failure::Archive("interrupted".to_owned()));
        }
        let read = from.read(&mut buffer).map_err(|e| Failure::Archive(e.to_string()))?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(buffer.get(..read).unwrap_or_default()).map_err(Failure::Space)?;
    }
}

/// Writes to a file, and knows digest and size of what was written.
struct Hashing {
    file: BufWriter<File>,
    hash: Sha256,
    size: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Part<'a> {
        File(&'a str, &'a [u8]),
        Link(&'a str, &'a str),
    }

    fn archive(parts: &[Part<'_>]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for part in parts {
            let mut header = tar::Header::new_gnu();
            match part {
                Part::File(path, bytes) => {
                    header.set_size(bytes.len() as u64);
                    builder.append_data(&mut header, path, *bytes).unwrap();
                }
                Part::Link(path, target) => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    header.set_size(0);
                    builder.append_link(&mut header, path, target).unwrap();
                }
            }
        }
        builder.into_inner().unwrap()
    }

    fn read(parts: &[Part<'_>]) -> Result<Contents, Failure> {
        unpack(archive(parts).as_slice(), &CancellationToken::new())
    }

    #[test]
    fn archives_of_old_and_new_engines_give_the_same_image() {
        let layer = [7_u8; 100_000];
        let old = read(&[
            Part::File("aa/layer.tar", &layer),
            Part::Link("bb/layer.tar", "../aa/layer.tar"),
            Part::File("cc.json", b"{\"rootfs\": 1}"),
            Part::File(
                "manifest.json",
                br#"[{"Config": "cc.json", "Layers": ["aa/layer.tar", "bb/layer.tar"]}]"#,
            ),
        ])
        .unwrap();
        let new = read(&[
            Part::File("blobs/sha256/aa", &layer),
            Part::File("blobs/sha256/cc", b"{\"rootfs\": 1}"),
            Part::File(
                "manifest.json",
                br#"[{"Config": "blobs/sha256/cc", "Layers": ["blobs/sha256/aa", "blobs/sha256/aa"]}]"#,
            ),
        ])
        .unwrap();
        let digests = |contents: &Contents| {
            [&contents.config]
                .into_iter()
                .chain(&contents.layers)
                .map(|b| b.digest.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(digests(&old), digests(&new));
        assert_eq!(old.config.digest, sha256(b"{\"rootfs\": 1}"));
        assert_eq!(old.layers.len(), 2);
        assert!(old.layers[0].size < 1000);
    }

    #[test]
    fn an_archive_that_ends_too_early_is_refused() {
        let mut bytes = archive(&[Part::File("aa/layer.tar", &[1; 50_000])]);
        bytes.truncate(20_000);
        let failure = unpack(bytes.as_slice(), &CancellationToken::new()).unwrap_err();
        assert!(matches!(failure, Failure::Archive(_)), "{failure:?}");
        let failure = read(&[Part::File("x.json", b"{}")]).unwrap_err();
        assert!(matches!(failure, Failure::Archive(why) if why.contains("manifest.json")));
    }

    #[test]
    fn unpacking_stops_when_it_is_told_to() {
        let bytes = archive(&[Part::File("aa/layer.tar", &[1; 50_000])]);
        let cancel = CancellationToken::new();
        cancel.cancel();
        assert!(unpack(bytes.as_slice(), &cancel).is_err());
    }
}
