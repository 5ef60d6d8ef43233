use url::Url;

/// How a registry wants to be convinced: the part of `WWW-Authenticate` that csw can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password with each request.
    Basic,
    /// A token that the token server `realm` gives.
    Bearer { realm: Url, service: Option<String> },
}

impl Challenge {
    /// The strongest of the challenges that the headers hold, if one can be answered.
    pub(super) fn read<'h>(headers: impl IntoIterator<Item = &'h str>) -> Option<Self> {
        let mut basic = None;
        for header in headers {
            for challenge in http_auth::parse_challenges(header).unwrap_or_default() {
                let param = |name: &str| {
                    let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                    found.map(|(_, value)| value.to_unescaped())
                };
                if challenge.scheme.eq_ignore_ascii_case("bearer") {
                    if let Some(realm) = param("realm").and_then(|realm| Url::parse(&realm).ok()) {
                        return Some(Self::Bearer { realm, service: param("service") });
                    }
                } else if challenge.scheme.eq_ignore_ascii_case("basic") {
                    basic = Some(Self::Basic);
                }
            }
        }
        basic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_of_registries_are_read() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull""#;
        assert_eq!(
            Challenge::read([hub]),
            Some(Challenge::Bearer {
                realm: Url::parse("https://auth.docker.io/token").unwrap(),
                service: Some("registry.docker.io".into())
            })
        );
        assert_eq!(Challenge::read([r#"Basic realm="basic-realm""#]), Some(Challenge::Basic));
        assert!(matches!(
            Challenge::read(["Basic realm=\"a\"", "bearer Realm=\"http://t/\""]),
            Some(Challenge::Bearer { service: None, .. })
        ));
        assert_eq!(Challenge::read(["Negotiate", "Bearer realm=\"not a url\""]), None);
    }
}
