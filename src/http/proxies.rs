use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use url::Url;

use super::exempt::{Exempt, Host};

/// Kinds of proxies that can be spoken with.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// What programs that csw starts are told to reach directly, in words that git, pip and conda all know.
const NEVER: &str = "localhost,127.0.0.1,127.0.0.0/8,::1,.svc,.cluster.local";

/// Which requests go through which proxy. This is the one place that decides it, for every client that csw makes.
///
/// `https_proxy` is for HTTPS, `http_proxy` for HTTP, `all_proxy` for what has none of its own; `no_proxy` names what is reached
/// directly. Each may be written in capitals; small letters count more, and an empty value is none. `HTTP_PROXY` in capitals
/// is not read by a CGI program, where a request's header `Proxy:` would set it. A proxy without a scheme is one of HTTP.
///
/// Never through a proxy go: loopback, link-local addresses (the metadata service of a cloud), names that only a cluster knows
/// (`*.svc`, `*.cluster.local`), and in a pod the API server and everything else that Kubernetes tells it about.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    exempt: Exempt,
    /// In a pod: the addresses of the cluster's services.
    services: Option<Vec<Host>>,
}

static OF_PROCESS: LazyLock<Proxies> = LazyLock::new(|| Proxies::read(std::env::vars_os().filter_map(text)));

fn text((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

impl Proxies {
    /// Those that this process' environment names.
    pub fn of_process() -> &'static Self {
        &OF_PROCESS
    }

    /// Those that an environment with these variables names.
    pub fn read(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let environment: BTreeMap<String, String> =
            environment.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect();
        let get = |names: &[&'static str]| {
            names.iter().find_map(|name| Some((*name, environment.get(*name)?.trim().to_owned())))
        };
        let cgi = environment.contains_key("REQUEST_METHOD");
        let all = ["all_proxy", "ALL_PROXY"];
        let http = if cgi { get(&["http_proxy"]) } else { get(&["http_proxy", "HTTP_PROXY"]) };
        let https = get(&["https_proxy", "HTTPS_PROXY"]);
        let in_pod = environment.contains_key("KUBERNETES_SERVICE_HOST");
        let services = environment.iter().filter(|(name, _)| name.ends_with("_SERVICE_HOST"));
        Self {
            http: http.or_else(|| get(&all)).and_then(usable),
            https: https.or_else(|| get(&all)).and_then(usable),
            exempt: get(&["no_proxy", "NO_PROXY"]).map(|(_, text)| Exempt::parse(&text)).unwrap_or_default(),
            services: in_pod.then(|| services.filter_map(|(_, value)| address(value)).collect()),
        }
    }

    /// Whether there is any proxy.
    pub fn are_none(&self) -> bool {
        self.http.is_none() && self.https.is_none()
    }

    /// The proxy for a request to `url`; `None` if it goes directly.
    pub fn of(&self, url: &Url) -> Option<&Url> {
        let proxy = match url.scheme() {
            "http" | "ws" => self.http.as_ref(),
            "https" | "wss" => self.https.as_ref(),
            _ => None,
        }?;
        let host = Host::of(url)?;
        let direct = self.is_near(&host) || self.exempt.covers(&host, url.port_or_known_default());
        (!direct).then_some(proxy)
    }

    fn is_near(&self, host: &Host) -> bool {
        let near = match host {
            Host::Address(address) => {
                address.is_loopback() || address.is_unspecified() || is_link_local(address)
            }
            Host::Name(name) => {
                ["localhost", "svc", "cluster.local"].iter().any(|own| {
                    name.strip_suffix(own)
                        .is_some_and(|above| above.ends_with('.') || (above.is_empty() && *own == "localhost"))
                }) || name == "metadata.google.internal"
                    // The name of a Service of the same namespace.
                    || (self.services.is_some() && !name.contains('.'))
            }
        };
        near || self.services.as_ref().is_some_and(|services| services.contains(host))
    }

    /// Variables for programs that csw starts and that reach out themselves, like git and pip: not all of them know what
    /// never goes through a proxy.
    pub fn for_children(&self) -> Vec<(&'static str, String)> {
        if self.are_none() {
            return Vec::new();
        }
        let names = ["no_proxy", "NO_PROXY"];
        let own = names.iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.trim().is_empty()));
        let value = own.map_or_else(|| NEVER.to_owned(), |own| extended(&own));
        names.into_iter().map(|name| (name, value.clone())).collect()
    }
}

/// What a user exempts, and what is exempt anyway.
fn extended(own: &str) -> String {
    let mut entries = own.split(|c: char| c == ',' || c.is_whitespace()).filter(|e| !e.is_empty());
    // Some programs know the star only by itself.
    if entries.any(|entry| entry == "*") { "*".to_owned() } else { format!("{},{NEVER}", own.trim()) }
}

fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn address(host: &str) -> Option<Host> {
    let bracketed = if host.contains(':') { format!("http://[{host}]/") } else { format!("http://{host}/") };
    Host::of(&Url::parse(&bracketed).ok()?)
}

/// A proxy's URL, which has a scheme, a host, and perhaps who one is there. The value is not told: it may hold a password.
fn usable((name, value): (&'static str, String)) -> Option<Url> {
    let with_scheme = if value.contains("://") { value } else { format!("http://{value}") };
    let url = Url::parse(&with_scheme).ok().filter(|url| SCHEMES.contains(&url.scheme()) && url.has_host());
    let Some(mut url) = url else {
        tracing::warn!("{name} is passed over: it is no proxy's address, like http://proxy.example:3128");
        return None;
    };
    if url.scheme().starts_with("socks") && url.port().is_none() {
        url.set_port(Some(1080)).ok()?;
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(environment: &[(&str, &str)]) -> Proxies {
        Proxies::read(environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
    }

    fn of(environment: &[(&str, &str)], url: &str) -> Option<String> {
        read(environment).of(&url.parse().unwrap()).map(ToString::to_string)
    }

    #[test]
    fn a_proxy_is_understood_without_a_scheme_and_keeps_its_credentials() {
        let table = [
            ("p.example:3128", "http://p.example:3128/"),
            ("http://me:p%40ss@p.example:3128", "http://me:p%40ss@p.example:3128/"),
            ("me:pw@p.example:3128", "http://me:pw@p.example:3128/"),
            ("10.0.0.1:80", "http://10.0.0.1/"),
            ("https://p.example", "https://p.example/"),
            ("socks5h://p.example", "socks5h://p.example:1080"),
        ];
        for (value, expected) in table {
            let found = of(&[("http_proxy", value)], "http://a.example");
            assert_eq!(
                found.as_deref().map(|f| f.trim_end_matches('/')),
                Some(expected.trim_end_matches('/'))
            );
        }
        for value in ["ftp://p.example", "http://", "http://:80", "no proxy"] {
            assert_eq!(of(&[("http_proxy", value)], "http://a.example"), None, "{value}");
        }
    }

    #[test]
    fn in_a_pod_the_clusters_services_are_near() {
        let pod = [
            ("http_proxy", "http://p.example"),
            ("https_proxy", "http://p.example"),
            ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
            ("REDIS_SERVICE_HOST", "fd00::7"),
        ];
        for near in
            ["https://10.96.0.1", "http://[fd00::7]:6379", "http://scheduler:8888", "http://s.csw.svc"]
        {
            assert_eq!(of(&pod, near), None, "{near}");
        }
        for far in ["https://10.96.0.2", "http://a.example"] {
            assert!(of(&pod, far).is_some(), "{far}");
        }
        // A machine of the local network, elsewhere.
        assert!(of(&pod[..2], "http://scheduler:8888").is_some());
    }

    #[test]
    fn a_star_stays_alone_for_programs_that_know_it_only_so() {
        assert_eq!(extended("a.example, *"), "*");
        assert_eq!(extended("a.example"), format!("a.example,{NEVER}"));
    }
}
