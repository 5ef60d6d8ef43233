use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{ExecutorError, Launch};
use crate::model::{Entry, JobId, ModelName, TaskName};

/// Variables of a pod that are csw's and no business of the model's.
const OURS: [&str; 4] = ["CSW_", "REDIS_", "KUBERNETES_", "CS_API_TOKEN"];

/// What a model's image says of the model inside: the file that `csw models build` puts there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageModel {
    /// The model.
    pub model: ModelName,
    /// How its functions are called.
    pub entry: Entry,
    /// The folder of its repository (absolute).
    pub workdir: PathBuf,
    /// The commit of its repository.
    pub commit: String,
    /// The interpreter of its environment (absolute); `None` means the entry's own, else `python3` on PATH.
    #[serde(default)]
    pub python: Option<PathBuf>,
}

impl ImageModel {
    /// Where the file is in an image.
    pub const PATH: &str = "/etc/csw/model.json";

    /// Reads the file.
    ///
    /// # Errors
    /// When it can't be read or says something else.
    pub fn read(path: &Path) -> Result<Self, ExecutorError> {
        let bytes = std::fs::read(path).map_err(|e| ExecutorError::io(path, e))?;
        serde_json::from_slice(&bytes)
            .map_err(|error| ExecutorError::Json { path: path.display().to_string(), error })
    }

    /// A task of this model with the variables of the container around it: `secret_names` of them are secrets, which
    /// are returned apart, and csw's own are left out.
    pub fn launch(
        &self,
        id: JobId,
        task: TaskName,
        secret_names: &[String],
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> (Launch, BTreeMap<String, SecretString>) {
        let mut env = BTreeMap::new();
        let mut secrets = BTreeMap::new();
        for (name, value) in variables {
            if secret_names.contains(&name) {
                secrets.insert(name, SecretString::from(value));
            } else if !OURS.iter().any(|ours| name.starts_with(ours)) {
                env.insert(name, value);
            }
        }
        let launch = Launch {
            task_id: id,
            task,
            model: self.model.clone(),
            entry: self.entry.clone(),
            workdir: self.workdir.clone(),
            commit: self.commit.clone(),
            python: self.python.clone(),
            env,
            secret_names: secrets.keys().cloned().collect(),
            // The container has the limits.
            memory_bytes: None,
            time_limit_seconds: None,
            grace_seconds: 5.0,
            // So is that.
            confinement: None,
        };
        (launch, secrets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_variables_are_the_models_but_for_secrets_and_what_is_ours() {
        let model = ImageModel {
            model: "Examples/Solow".parse().unwrap(),
            entry: Entry::Python { interpreter: None },
            workdir: "/model".into(),
            commit: "c0ffee".into(),
            python: None,
        };
        let variables = [
            ("PATH", "/usr/bin"),
            ("THREADS", "2"),
            ("DB_PASSWORD", "s3cret"),
            ("CSW_JOB_TOKEN", "t"),
            ("REDIS_EXECUTOR_PW", "p"),
            ("CS_API_TOKEN", "w"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (launch, secrets) =
            model.launch("a".parse().unwrap(), TaskName::Defaults, &["DB_PASSWORD".into()], variables);
        assert_eq!(launch.env.keys().collect::<Vec<_>>(), ["PATH", "THREADS"]);
        assert_eq!((launch.secret_names, secrets.len()), (vec!["DB_PASSWORD".to_owned()], 1));
    }
}
