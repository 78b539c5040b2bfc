//! Who may ask: the Host that was meant, the page that asked, and the admin token.
//!
//! The decisions are pure; [`crate::http`] applies them. Invariants: a page of another origin changes nothing here, a name
//! that was rebound to this machine reads nothing here, and the token is compared in constant time and never shown.

use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::Url;

use crate::http::error::ApiError;
use crate::job::key::MARK as KEY_MARK;
use crate::link::LinkKey;

/// The cookie that holds what [`AdminToken::session`] makes of the token.
pub const SESSION_COOKIE: &str = "plantain_session";

/// The operator's secret. Its text can't be printed.
#[derive(Clone)]
pub struct AdminToken(String);

impl std::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminToken(hidden)")
    }
}

impl AdminToken {
    pub fn new(secret: impl Into<String>) -> AdminToken {
        AdminToken(secret.into())
    }

    /// Digests are compared, so that the time tells nothing of the token, not even its length.
    pub fn is(&self, given: &str) -> bool {
        let digest = |text: &str| Sha256::digest(text.as_bytes());
        !self.0.is_empty() && bool::from(digest(&self.0).ct_eq(&digest(given)))
    }

    /// What the cookie holds: proves the token without being it.
    pub fn session(&self) -> String {
        hex::encode(Sha256::digest(format!("plantain session\n{}", self.0)))
    }

    /// What sellers' cookies are signed with; another token makes strangers of all sellers.
    pub fn seller_key(&self) -> [u8; 32] {
        Sha256::digest(format!("plantain sellers\n{}", self.0)).into()
    }

    /// What links to jobs are proved with.
    pub fn link_key(&self) -> LinkKey {
        LinkKey::new(self.seller_key())
    }

    /// The request carries the token as its secret or its session as cookie.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        self.admits_secret(headers) || cookie(headers, SESSION_COOKIE).is_some_and(|given| self.is_session(given))
    }

    fn admits_secret(&self, headers: &HeaderMap) -> bool {
        secret(headers).is_some_and(|given| self.is(given))
    }

    fn is_session(&self, given: &str) -> bool {
        !self.0.is_empty() && bool::from(self.session().as_bytes().ct_eq(given.as_bytes()))
    }
}

/// The secret that a request carries: as bearer, as fal's clients write a key, or one of our keys alone. What is no text is a
/// secret that nobody has. Other schemes are for whatever stands in front, such as a proxy's Basic.
pub fn secret(headers: &HeaderMap) -> Option<&str> {
    let given = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, rest) = given.split_at(given.iter().position(|byte| *byte == b' ').unwrap_or(given.len()));
    let text = |bytes| str::from_utf8(bytes).unwrap_or_default().trim();
    if ["bearer", "key"].iter().any(|known| scheme.eq_ignore_ascii_case(known.as_bytes())) {
        return Some(text(rest));
    }
    given.starts_with(KEY_MARK.as_bytes()).then(|| text(given))
}

/// A cookie's value.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    })
}

/// Takes a cookie away, as if it had not been sent.
pub fn forget_cookie(headers: &mut HeaderMap, name: &str) {
    let is_kept = |pair: &&str| pair.split_once('=').is_none_or(|(key, _)| key != name);
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let kept: Vec<&str> = lines.flat_map(|line| line.split(';')).map(str::trim).filter(is_kept).collect();
    let kept = HeaderValue::try_from(kept.join("; ")).ok().filter(|kept| !kept.is_empty());
    headers.remove(COOKIE);
    headers.extend(kept.map(|kept| (COOKIE, kept)));
}

/// The host that was asked: from the header, or as HTTP/2 sends it.
pub fn host_of(headers: &HeaderMap, uri: &Uri) -> String {
    let header = headers.get(HOST).map(|host| host.to_str().unwrap_or_default());
    header.or(uri.authority().map(|authority| authority.as_str())).unwrap_or_default().to_owned()
}

/// Refuses a Host that a page on another name could have had rebound to this machine.
pub fn check_host(host: &str, public: &Url) -> Result<(), ApiError> {
    let name = host_name(host);
    if is_loopback_name(name) || public.host_str().is_some_and(|own| name.eq_ignore_ascii_case(own)) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::MISDIRECTED_REQUEST,
        "wrong_host",
        "This studio does not answer to the name it was asked by.",
        "Open it as localhost, or set PUBLIC_BASE_URL to the address that you use.",
    ))
}

/// A name that only this machine can mean.
pub fn is_loopback_name(name: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

/// Refuses what a page of another origin makes a browser send. Programs send none of the headers that browsers do, and a
/// bearer token can't be sent by a foreign page unasked.
pub fn check_origin(method: &Method, headers: &HeaderMap, public: &Url, token: &AdminToken) -> Result<(), ApiError> {
    if method.is_safe() || token.admits_secret(headers) {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let own = match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        (Some("same-origin" | "none"), _) => true,
        (Some(_), origin) => origin.is_some_and(|origin| is_public(origin, public)),
        (None, Some(origin)) => is_public(origin, public) || is_host(origin, text(HOST.as_str())),
        (None, None) => true,
    };
    if own {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "foreign_page",
        "A page of another site may not do this.",
        "Use the studio's own page, or call the API with the admin token as bearer.",
    ))
}

/// A page of another origin asks.
pub fn is_foreign(headers: &HeaderMap, public: &Url) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    text(ORIGIN.as_str()).is_some_and(|origin| !is_public(origin, public) && !is_host(origin, text(HOST.as_str())))
}

/// Behind a proxy the Host may be an inner name while the browser stands on the public address.
fn is_public(origin: &str, public: &Url) -> bool {
    Url::parse(origin).is_ok_and(|origin| origin.origin() == public.origin() && origin.origin().is_tuple())
}

fn is_host(origin: &str, host: Option<&str>) -> bool {
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.zip(host).is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host))
}

/// What a request is told whose secret is neither the token nor a key's.
pub fn secret_unknown() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "key_unknown",
        "The key that was sent is unknown or revoked.",
        "Send the admin token or a key that is valid as \"Authorization: Bearer KEY\". Whoever runs the studio makes keys on /keys.",
    )
}

/// What nobody in particular is told where something belongs to somebody.
pub fn name_needed() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "token_needed",
        "A session, a key or the admin token is needed.",
        "Send a key or the admin token as \"Authorization: Bearer TOKEN\", or the cookie that the first page gives.",
    )
}

/// What everybody but the operator is told.
pub fn operator_needed() -> ApiError {
    ApiError { message: "This is for the operator.".to_owned(), ..token_needed() }
}

/// What a request without the token is told where one is needed.
pub fn token_needed() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "token_needed",
        "This studio is not open to everybody.",
        "Send the admin token as \"Authorization: Bearer TOKEN\", or sign in on the first page. `plantain serve` prints it when it starts.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let parsed = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        parsed.collect::<Vec<(http::HeaderName, http::HeaderValue)>>().into_iter().collect()
    }

    fn public() -> Url {
        "https://studio.example:8443/".parse().unwrap()
    }

    #[test]
    fn only_known_names_reach_a_studio_on_loopback() {
        for (host, passes) in [
            ("localhost:8787", true),
            ("LOCALHOST", true),
            ("127.0.0.1:1", true),
            ("[::1]:8787", true),
            ("[::1]", true),
            ("studio.example", true),
            ("studio.example:9", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:8787", false),
            ("localhost:evil", false),
            ("::1", false),
            ("", false),
        ] {
            assert_eq!(check_host(host, &public()).is_ok(), passes, "{host}");
        }
        let asked: Uri = "http://evil.example:1/x".parse().unwrap();
        assert_eq!(host_of(&HeaderMap::new(), &asked), "evil.example:1");
        assert_eq!(host_of(&headers(&[("host", "localhost")]), &asked), "localhost");
    }

    #[test]
    fn a_foreign_page_changes_nothing() {
        let token = AdminToken::new("s3cret");
        let post = |pairs: &[(&str, &str)]| check_origin(&Method::POST, &headers(pairs), &public(), &token).is_ok();
        assert!(post(&[]), "a program");
        assert!(post(&[("sec-fetch-site", "same-origin")]));
        assert!(post(&[("sec-fetch-site", "none")]));
        assert!(post(&[("origin", "http://127.0.0.1:8787"), ("host", "127.0.0.1:8787")]));
        assert!(post(&[("origin", "https://studio.example:8443"), ("host", "inner:80")]));
        assert!(post(&[("sec-fetch-site", "same-site"), ("origin", "https://studio.example:8443")]));
        assert!(post(&[("origin", "https://evil.example"), ("authorization", "Bearer s3cret")]));
        for foreign in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://h"), ("host", "h")],
            &[("origin", "null"), ("host", "127.0.0.1:8787")],
            &[("origin", "https://evil.example"), ("host", "127.0.0.1:8787")],
            &[("origin", "http://127.0.0.1:9999"), ("host", "127.0.0.1:8787")],
            &[("origin", "https://evil.example"), ("authorization", "Bearer guess")],
        ] {
            assert!(!post(foreign), "{foreign:?}");
        }
        let read = check_origin(&Method::GET, &headers(&[("sec-fetch-site", "cross-site")]), &public(), &token);
        assert!(read.is_ok());
    }

    #[test]
    fn the_token_opens_as_bearer_and_its_session_as_cookie() {
        let token = AdminToken::new("s3cret");
        let session = format!("a=b; {SESSION_COOKIE}={}", token.session());
        let raw = format!("{SESSION_COOKIE}=s3cret");
        for (pairs, opens) in [
            (&[("authorization", "Bearer s3cret")][..], true),
            (&[("authorization", "bearer s3cret")], true),
            (&[("authorization", "Key s3cret")], true),
            (&[("authorization", "Basic s3cret")], false),
            (&[("authorization", "s3cret")], false),
            (&[("authorization", "Bearer s3cre")], false),
            (&[("authorization", "Bearer ")], false),
            (&[("cookie", session.as_str())], true),
            (&[("cookie", raw.as_str())], false),
            (&[], false),
        ] {
            assert_eq!(token.admits(&headers(pairs)), opens, "{pairs:?}");
        }
    }

    #[test]
    fn a_secret_is_read_as_programs_write_it_and_other_schemes_are_not_ours() {
        for (sent, read) in [
            (&b"Bearer plantain_a"[..], Some("plantain_a")),
            (b"bEARER  a b ", Some("a b")),
            (b"Key plantain_a", Some("plantain_a")),
            (b"plantain_a", Some("plantain_a")),
            (b"Bearer", Some("")),
            (b"Bearer \xff", Some("")),
            (b"", None),
            (b"Basic dTpw", None),
            (b"Keys a", None),
            (b"Digest username=\"\xe4\"", None),
            (b"dTpw", None),
        ] {
            let sent = HeaderValue::from_bytes(sent).unwrap();
            let headers: HeaderMap = [(AUTHORIZATION, sent.clone())].into_iter().collect();
            assert_eq!(secret(&headers), read, "{sent:?}");
        }
    }

    #[test]
    fn a_studio_without_a_token_lets_nobody_in_by_an_empty_one() {
        let none = AdminToken::new("");
        let session = format!("{SESSION_COOKIE}={}", none.session());
        assert!(!none.admits(&headers(&[("authorization", "Bearer ")])));
        assert!(!none.admits(&headers(&[("cookie", &session)])));
    }

    #[test]
    fn the_token_is_never_printed() {
        assert!(!format!("{:?}", AdminToken::new("s3cret")).contains("s3cret"));
    }
}
