use crate::error::{Diagnose, Exit};

/// Why an operation on outputs failed.
#[derive(Debug, thiserror::Error)]
pub enum OutputsError {
    /// The operating system refused access to a file.
    #[error("cannot access {path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A model's outputs are not what outputs must be.
    #[error("the outputs are not valid: {}", problems.join("; "))]
    Invalid {
        /// Every problem, each naming its output.
        problems: Vec<String>,
    },
    /// The bucket's name or URL makes no sense.
    #[error("invalid bucket `{bucket}`: {reason}")]
    BadBucket {
        /// As it was given.
        bucket: String,
        /// Why.
        reason: String,
    },
    /// Nothing says who one is there.
    #[error("there are no credentials for {bucket}: {reason}")]
    NoCredentials {
        /// The bucket.
        bucket: String,
        /// Where they were looked for.
        reason: String,
    },
    /// The bucket says nothing.
    #[error("{bucket} does not answer within {seconds} s")]
    Silent {
        /// The bucket.
        bucket: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The bucket refused, or could not be reached.
    #[error("cannot {action} {object} in {bucket}: {source}")]
    Bucket {
        /// "read" or "write".
        action: &'static str,
        /// The object's path.
        object: String,
        /// The bucket.
        bucket: String,
        /// Its answer.
        source: Box<object_store::Error>,
    },
    /// The bucket has no such object.
    #[error("{object} is not in {bucket}")]
    Missing {
        /// The object's path.
        object: String,
        /// The bucket.
        bucket: String,
    },
    /// A stored zip file can't be read.
    #[error("{object} in {bucket} is damaged: {reason}")]
    Damaged {
        /// The zip file's path.
        object: String,
        /// The bucket.
        bucket: String,
        /// What was found.
        reason: String,
    },
    /// A zip file could not be made.
    #[error("cannot make {object}: {reason}")]
    Pack {
        /// The zip file's name.
        object: String,
        /// Why.
        reason: String,
    },
}

impl Diagnose for OutputsError {
    fn exit(&self) -> Exit {
        match self {
            Self::Bucket { bucket, .. } if !bucket.starts_with("file:") => Exit::Remote,
            Self::Silent { .. } => Exit::Remote,
            _ => Exit::Config,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Bucket { source, bucket, .. } => match &**source {
                object_store::Error::NotFound { .. } => {
                    vec![format!("Make the bucket {bucket}, or set BUCKET (or --bucket) to another")]
                }
                object_store::Error::PermissionDenied { .. }
                | object_store::Error::Unauthenticated { .. } => {
                    vec![format!("Give the account that this runs as the right to read and write {bucket}")]
                }
                _ => Vec::new(),
            },
            Self::NoCredentials { bucket, .. } => vec![if bucket.starts_with("s3:") {
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws configure`; AWS_PROFILE names a profile".into()
            } else {
                "Run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a service account's file".into()
            }],
            Self::Silent { .. } => {
                vec![
                    "Check the network, the proxy settings, and AWS_ENDPOINT_URL or STORAGE_EMULATOR_HOST"
                        .into(),
                ]
            }
            Self::BadBucket { .. } => {
                vec!["See where the value comes from: csw cluster info".into()]
            }
            _ => Vec::new(),
        }
    }
}
