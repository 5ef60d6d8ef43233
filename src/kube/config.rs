use kube::Config;
use kube::config::{ExecAuthCluster, Kubeconfig};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;

use super::KubeError;
use super::unquoted::sentence;
use crate::http::Proxies;

/// What a context of a kubeconfig says about the server and the user. The client's own way to read it asks the environment for
/// proxies too, by rules of its own.
pub(super) fn of_context(kubeconfig: &Kubeconfig, name: &str) -> Result<Config, KubeError> {
    let unusable = |why: String| {
        KubeError::Config(format!("the context `{name}` of the kubeconfig is not usable: {why}"))
    };
    let context = kubeconfig.contexts.iter().find(|c| c.name == name).and_then(|c| c.context.as_ref());
    let context = context.ok_or_else(|| unusable("it is empty".into()))?;
    let cluster = kubeconfig.clusters.iter().find(|c| c.name == context.cluster);
    let cluster = cluster
        .and_then(|c| c.cluster.as_ref())
        .ok_or_else(|| unusable(format!("there is no cluster `{}`", context.cluster)))?;
    let server = cluster.server.as_deref().filter(|s| !s.is_empty());
    let server =
        server.ok_or_else(|| unusable(format!("the cluster `{}` names no server", context.cluster)))?;
    let mut config =
        Config::new(server.parse().map_err(|e| unusable(format!("the server `{server}` is no URL: {e}")))?);

    // As with kubectl, a user that is not there is nobody.
    let user = kubeconfig.auth_infos.iter().find(|u| Some(&u.name) == context.user.as_ref());
    config.auth_info = user.and_then(|u| u.auth_info.clone()).unwrap_or_default();
    // Reads the certificates, wherever they are.
    let told = ExecAuthCluster::try_from(cluster).map_err(|e| unusable(sentence(&e)))?;
    if let Some(pem) = &told.certificate_authority_data {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = certificates
            .map_err(|e| unusable(format!("the certificates of the cluster `{}`: {e}", context.cluster)))?;
        config.root_cert = Some(certificates.iter().map(|c| c.to_vec()).collect());
    }
    if let Some(exec) = config.auth_info.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        exec.cluster = Some(told);
    }
    config.default_namespace = context.namespace.clone().unwrap_or_else(|| "default".to_owned());
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    config.proxy_url = match cluster.proxy_url.as_deref().filter(|p| !p.is_empty()) {
        // What the kubeconfig names counts whatever the environment says.
        Some(own) => Some(own.parse().map_err(|e| unusable(format!("`proxy-url` is no URL: {e}")))?),
        None => of_environment(Proxies::of_process(), server),
    };
    Ok(config)
}

fn of_environment(proxies: &Proxies, server: &str) -> Option<http::Uri> {
    let proxy = proxies.of(&Url::parse(server).ok()?)?.as_str();
    // The client knows one kind of SOCKS 5, the one in which the proxy looks names up.
    let proxy =
        proxy.strip_prefix("socks5h:").map_or_else(|| proxy.to_owned(), |rest| format!("socks5:{rest}"));
    proxy.parse().ok()
}
