//! Encrypted connections to a server: what the address says about them, and the handshake.
//!
//! `sslmode` means what it means to Postgres' own programs: `require` encrypts and checks nobody, `verify-full` also checks
//! that the certificate is the server's, against the built-in roots or the ones in `sslrootcert`. Wherever `sslrootcert` is
//! given, the certificate is checked.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use url::Url;

use crate::error::{Cause, OpenError};

/// Makes the handshake of each connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Tls(Arc<ClientConfig>);

/// An address without what only this module understands, and the handshake that it asks for.
pub(super) fn split(address: &str) -> Result<(String, Tls), OpenError> {
    let Ok(mut url) = Url::parse(address) else {
        // Not for us to judge: the library says what is wrong with it.
        return Ok((address.to_owned(), Tls::new(&Check::Nobody)?));
    };
    let (mut check, mut kept) = (Check::Nobody, Vec::new());
    let mut verify = false;
    for (name, value) in url.query_pairs() {
        match (&*name, &*value) {
            ("sslmode", "verify-full") => verify = true,
            ("sslmode", "verify-ca") => return Err(unreadable("sslmode=verify-ca: use verify-full")),
            ("sslrootcert", "system") => verify = true,
            ("sslrootcert", file) => check = Check::Roots(file.to_owned()),
            _ => kept.push((name.into_owned(), value.into_owned())),
        }
    }
    if verify {
        kept.push(("sslmode".to_owned(), "require".to_owned()));
        check = if let Check::Nobody = check { Check::BuiltIn } else { check };
    }
    // The library reads percent-encoding, and no `+` for a space.
    let query: Vec<String> = kept.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    url.set_query(if query.is_empty() { None } else { Some(query.join("&")) }.as_deref());
    Ok((url.into(), Tls::new(&check)?))
}

fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// Whose certificates are believed.
enum Check {
    Nobody,
    BuiltIn,
    /// The PEM file with the roots.
    Roots(String),
}

fn unreadable(why: &'static str) -> OpenError {
    OpenError::Address(Cause::from(why))
}

impl Tls {
    fn new(check: &Check) -> Result<Tls, OpenError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| OpenError::Address(Cause::new(error)))?;
        let builder = match check {
            Check::Nobody => {
                let unchecked = Arc::new(Unchecked(provider));
                builder.dangerous().with_custom_certificate_verifier(unchecked)
            }
            Check::BuiltIn => {
                builder.with_root_certificates(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
            }
            Check::Roots(file) => builder.with_root_certificates(roots(Path::new(file))?),
        };
        Ok(Tls(Arc::new(builder.with_no_client_auth())))
    }
}

fn roots(file: &Path) -> Result<RootCertStore, OpenError> {
    let mut roots = RootCertStore::empty();
    let read = CertificateDer::pem_file_iter(file).map_err(|error| OpenError::Address(Cause::new(error)))?;
    for certificate in read {
        let certificate = certificate.map_err(|error| OpenError::Address(Cause::new(error)))?;
        roots.add(certificate).map_err(|error| OpenError::Address(Cause::new(error)))?;
    }
    if roots.is_empty() { Err(unreadable("sslrootcert: the file holds no certificate")) } else { Ok(roots) }
}

/// Believes every certificate, as `sslmode=require` and `prefer` do: nobody who only listens can read along.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// One connection's handshake. The name is judged only where it is needed, since a socket in the file system has none.
pub(super) struct Handshake {
    config: Arc<ClientConfig>,
    host: String,
}

impl<S> MakeTlsConnect<S> for Tls
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted<S>;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, io::Error> {
        Ok(Handshake { config: self.0.clone(), host: host.to_owned() })
    }
}

impl<S> TlsConnect<S> for Handshake
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let name = ServerName::try_from(self.host).map_err(io::Error::other)?;
            tokio_rustls::TlsConnector::from(self.config).connect(name, stream).await.map(Encrypted)
        })
    }
}

/// A connection after its handshake.
pub(super) struct Encrypted<S>(tokio_rustls::client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
