use std::path::{Path, PathBuf};

use reqwest::{Certificate, ClientBuilder, Identity};

use super::RegistryError;

/// Where Docker looks for a registry's certificates, beside its own folder of configuration.
const SYSTEM: &str = "/etc/docker/certs.d";

/// Trusts what `certs.d/<host>/*.crt` holds, and shows the client certificate `*.cert` with its `*.key`.
pub(super) fn add(
    mut builder: ClientBuilder,
    host: &str,
    config: Option<&Path>,
) -> Result<ClientBuilder, RegistryError> {
    let folders = [Some(PathBuf::from(SYSTEM)), config.map(|folder| folder.join("certs.d"))];
    for folder in folders.into_iter().flatten().map(|folder| folder.join(host)) {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.sort();
        for file in files {
            let setup = |why: &dyn std::fmt::Display| RegistryError::Setup {
                registry: host.to_owned(),
                why: format!("{}: {why}", file.display()),
            };
            let read = |path: &Path| std::fs::read(path).map_err(|e| setup(&e));
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("crt") => {
                    let bundle = Certificate::from_pem_bundle(&read(&file)?).map_err(|e| setup(&e))?;
                    builder = builder.tls_certs_merge(bundle);
                }
                Some("cert") => {
                    let mut pem = read(&file)?;
                    pem.extend(read(&file.with_extension("key"))?);
                    builder = builder.identity(Identity::from_pem(&pem).map_err(|e| setup(&e))?);
                }
                _ => {}
            }
        }
    }
    Ok(builder)
}
