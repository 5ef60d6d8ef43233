use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// The proxy that the environment names for a server: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, unless `NO_PROXY`
/// covers the server.
pub(super) fn from_env(server: &Uri) -> Option<Uri> {
    choose(&Matcher::from_env(), server)
}

fn choose(matcher: &Matcher, server: &Uri) -> Option<Uri> {
    let intercept = matcher.intercept(server)?;
    let uri = intercept.uri();
    let Some((user, password)) = intercept.raw_auth().map(|(u, p)| (u.to_owned(), p.to_owned())) else {
        return match intercept.basic_auth() {
            // The matcher keeps the credentials apart from the address; the client wants them in it.
            Some(header) => with_basic(uri, header),
            None => Some(uri.clone()),
        };
    };
    with_user(uri, &user, &password)
}

fn with_basic(uri: &Uri, header: &http::HeaderValue) -> Option<Uri> {
    use base64::Engine as _;
    let encoded = header.to_str().ok()?.strip_prefix("Basic ")?;
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    with_user(uri, user, password)
}

fn with_user(uri: &Uri, user: &str, password: &str) -> Option<Uri> {
    let mut url = url::Url::parse(&uri.to_string()).ok()?;
    url.set_username(user).ok()?;
    url.set_password(Some(password)).ok()?;
    url.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(proxy: &str, no_proxy: &str, server: &str) -> Option<String> {
        let matcher = Matcher::builder().https(proxy).no(no_proxy).build();
        choose(&matcher, &server.parse().unwrap()).map(|u| u.to_string())
    }

    #[test]
    fn no_proxy_is_about_the_server_and_not_about_the_proxy() {
        let proxy = "http://proxy.example:3128";
        assert_eq!(
            chosen(proxy, "", "https://k8s.example:6443").as_deref(),
            Some("http://proxy.example:3128/")
        );
        assert_eq!(
            chosen(proxy, "proxy.example", "https://k8s.example:6443").as_deref(),
            Some("http://proxy.example:3128/")
        );
        assert_eq!(chosen(proxy, "k8s.example", "https://k8s.example:6443"), None);
        assert_eq!(chosen(proxy, "10.0.0.0/8", "https://10.1.2.3:6443"), None);
    }

    #[test]
    fn a_proxys_credentials_stay_with_it() {
        let uri = chosen("http://me:p%40ss@proxy.example:3128", "", "https://k8s.example").unwrap();
        assert_eq!(uri, "http://me:p%40ss@proxy.example:3128/");
    }
}
