//! The operator's mail server, as `SMTP_URL` says it.

use std::fmt;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// Where letters are handed in, and how.
#[derive(Clone)]
pub struct MailServer {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) credentials: Option<Credentials>,
}

/// How the connection is kept from others' eyes.
#[derive(Clone)]
pub(crate) enum Security {
    /// From the first byte.
    Tls(TlsParameters),
    /// Asked for before anything is said; a server that has none gets nothing.
    StartTls(TlsParameters),
    /// The operator said so.
    Plain,
}

/// Why an `SMTP_URL` can't be used. None of them says anything of the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongServer {
    #[error("it is no address")]
    NoUrl,
    #[error("its scheme is neither smtp nor smtps")]
    Scheme,
    #[error("it names no host")]
    NoHost,
    #[error("it has a path or a fragment, which says nothing here")]
    Path,
    #[error("its query says something else than tls=required or tls=none, which smtp alone may say")]
    Query,
    #[error("it has a name without a password, or a password without a name")]
    HalfCredentials,
    #[error("name or password isn't percent-encoded UTF-8")]
    Encoding,
    #[error("it would send the password without encryption to a server that is not on this machine")]
    PasswordInTheOpen,
    #[error("the certificates can't be used")]
    Certificates,
}

/// Ports where the address has none.
const SUBMISSIONS: u16 = 465;
const SUBMISSION: u16 = 587;

/// How a certificate begins in a file.
const PEM_BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

impl MailServer {
    /// `smtps://user:password@host`, or `smtp://user:password@host` for STARTTLS, which is then demanded; `?tls=none` leaves it
    /// out. `roots`: certificates in PEM form that are trusted beside the public ones.
    pub fn parse(text: &str, roots: Option<&[u8]>) -> Result<MailServer, WrongServer> {
        let url = Url::parse(text.trim()).map_err(|_| WrongServer::NoUrl)?;
        let host = match url.host() {
            // Schemes that no browser knows keep their hosts as they were written.
            Some(Host::Domain(name)) => match Host::parse(name) {
                Ok(host) => host.to_string(),
                Err(_) => return Err(WrongServer::NoHost),
            },
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err(WrongServer::NoHost),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(WrongServer::Path);
        }
        let credentials = credentials(&url)?;
        let tls = || tls(&host, roots);
        let (security, port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (Security::Tls(tls()?), SUBMISSIONS),
            ("smtp", None | Some("tls=required")) => (Security::StartTls(tls()?), SUBMISSION),
            ("smtp", Some("tls=none")) if credentials.is_some() && !is_here(&host) => {
                return Err(WrongServer::PasswordInTheOpen);
            }
            ("smtp", Some("tls=none")) => (Security::Plain, SUBMISSION),
            ("smtp" | "smtps", Some(_)) => return Err(WrongServer::Query),
            _ => return Err(WrongServer::Scheme),
        };
        Ok(MailServer { port: url.port().unwrap_or(port), host, security, credentials })
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn credentials(url: &Url) -> Result<Option<Credentials>, WrongServer> {
    let plain = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8().map_err(|_| WrongServer::Encoding)?;
        Ok(decoded.into_owned())
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) | (_, None) => Err(WrongServer::HalfCredentials),
        (name, Some(password)) => Ok(Some(Credentials::new(plain(name)?, plain(password)?))),
    }
}

fn tls(host: &str, roots: Option<&[u8]>) -> Result<TlsParameters, WrongServer> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(roots) = roots {
        // A file without any would be read as none.
        let some = roots.windows(PEM_BEGIN.len()).any(|window| window == PEM_BEGIN);
        let roots = Certificate::from_pem(roots).ok().filter(|_| some).ok_or(WrongServer::Certificates)?;
        builder = builder.add_root_certificate(roots);
    }
    builder.build_rustls().map_err(|_| WrongServer::Certificates)
}

/// Without name and password.
impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.security {
            Security::Tls(_) => "TLS",
            Security::StartTls(_) => "STARTTLS",
            Security::Plain => "no encryption",
        };
        write!(f, "MailServer({}:{}, {how})", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_and_how() {
        for (text, shown) in [
            ("smtps://u:hunter2@mail.example.com", "MailServer(mail.example.com:465, TLS)"),
            ("smtp://u:hunter2@mail.example.com", "MailServer(mail.example.com:587, STARTTLS)"),
            ("smtp://u%40x:hunter%2F2@Mail.Example.com:25?tls=required", "MailServer(mail.example.com:25, STARTTLS)"),
            ("smtp://10.0.0.5:25?tls=none", "MailServer(10.0.0.5:25, no encryption)"),
            ("smtp://u:hunter2@127.0.0.1:2525?tls=none", "MailServer(127.0.0.1:2525, no encryption)"),
            ("smtp://[::1]:2525/?tls=none", "MailServer(::1:2525, no encryption)"),
        ] {
            let server = MailServer::parse(text, None).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(format!("{server:?}"), shown, "{text}");
        }
    }

    #[test]
    fn what_can_not_be_meant_is_refused_and_no_password_is_said() {
        for (text, why) in [
            ("mail.example.com", WrongServer::NoUrl),
            ("https://mail.example.com", WrongServer::Scheme),
            ("smtp:mail.example.com", WrongServer::NoHost),
            ("smtps://u:hunter2@mail.example.com/inbox", WrongServer::Path),
            ("smtps://u:hunter2@mail.example.com?tls=required", WrongServer::Query),
            ("smtp://u:hunter2@mail.example.com?tls=opportunistic", WrongServer::Query),
            ("smtp://hunter2@mail.example.com", WrongServer::HalfCredentials),
            ("smtp://:hunter2@mail.example.com", WrongServer::HalfCredentials),
            ("smtp://u:hunter2%ff@mail.example.com", WrongServer::Encoding),
            ("smtp://u:hunter2@mail.example.com?tls=none", WrongServer::PasswordInTheOpen),
        ] {
            assert_eq!(MailServer::parse(text, None).unwrap_err(), why, "{text}");
            assert!(!why.to_string().contains("hunter2"));
        }
        assert_eq!(
            MailServer::parse("smtps://mail.example.com", Some(b"no certificate")).unwrap_err(),
            WrongServer::Certificates
        );
    }
}
