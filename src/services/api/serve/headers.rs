use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// What every answer says to browsers, unless its handler says otherwise: it is what it says it is, is for nobody else's
/// page, runs and fetches nothing, and is not kept.
const SECURE: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

pub(super) fn secure(headers: &mut HeaderMap) {
    for (name, value) in SECURE {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
