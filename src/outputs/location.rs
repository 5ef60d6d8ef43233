use std::path::{Path, PathBuf};

use url::Url;

use super::OutputsError;

/// What a bucket setting means.
///
/// - `file:///path`, `/path`, `./path`, `../path`: a folder; relative ones start at the working folder;
/// - `gs://name` and a plain `name`: a bucket of Google Cloud Storage, as it always was;
/// - `s3://name`: a bucket of Amazon S3 or of what speaks its protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    Folder(PathBuf),
    Cloud { url: String, service: Service },
}

/// Whose buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Google Cloud Storage.
    Google,
    /// Amazon S3, and what speaks its protocol.
    Amazon,
}

impl Location {
    pub(super) fn parse(bucket: &str) -> Result<Self, OutputsError> {
        let bad = |reason: String| OutputsError::BadBucket { bucket: bucket.to_owned(), reason };
        if bucket.contains("://") {
            let url = Url::parse(bucket).map_err(|e| bad(format!("it is no URL: {e}")))?;
            return match url.scheme() {
                "file" => {
                    let path = url
                        .to_file_path()
                        .map_err(|()| bad("a file URL has an absolute path and no host".into()))?;
                    Ok(Self::Folder(path))
                }
                "gs" => Ok(Self::Cloud { url: bucket.to_owned(), service: Service::Google }),
                "s3" => Ok(Self::Cloud { url: bucket.to_owned(), service: Service::Amazon }),
                scheme => Err(bad(format!("expected file://, gs:// or s3://, not {scheme}://"))),
            };
        }
        if bucket == "." || bucket == ".." || ["/", "./", "../"].iter().any(|p| bucket.starts_with(p)) {
            let path = std::path::absolute(Path::new(bucket)).map_err(|e| bad(e.to_string()))?;
            return Ok(Self::Folder(path));
        }
        let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        if (3..=222).contains(&bucket.len()) && bucket.chars().all(named) {
            return Ok(Self::Cloud { url: format!("gs://{bucket}"), service: Service::Google });
        }
        Err(bad("expected a URL (file:///path, gs://name, s3://name), a bucket's name, or a folder that starts with / or ./".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_names_and_folders_are_told_apart() {
        let folder = |p: &str| Location::Folder(p.into());
        let cloud = |url: &str, service| Location::Cloud { url: url.into(), service };
        for (bucket, means) in [
            ("file:///srv/out%20puts", folder("/srv/out puts")),
            ("/srv/outputs", folder("/srv/outputs")),
            ("gs://cs-outputs", cloud("gs://cs-outputs", Service::Google)),
            ("cs-outputs-dev", cloud("gs://cs-outputs-dev", Service::Google)),
            ("s3://out", cloud("s3://out", Service::Amazon)),
        ] {
            assert_eq!(Location::parse(bucket).unwrap(), means, "{bucket}");
        }
        let here = std::env::current_dir().unwrap();
        assert_eq!(Location::parse("./outputs").unwrap(), Location::Folder(here.join("outputs")));
        for bucket in ["", "http://x/y", "file://host/x", "Outputs", "some/where", "a b", "://"] {
            assert!(Location::parse(bucket).is_err(), "{bucket}");
        }
    }
}
