//! What an address asks of the connection's encryption, against a server that speaks just enough to be asked: it takes TLS
//! or refuses it, and refuses whoever logs in.

use std::path::PathBuf;
use std::sync::Arc;

use plantain_store::OpenError;
use plantain_store::postgres::reachable;
use plantain_work::Tasks;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures").join(name)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaks {
    Tls,
    Plain,
}

/// The server's certificate is for `localhost` and signed by nobody but itself.
async fn server(speaks: Speaks) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let certificate = CertificateDer::from_pem_file(fixture("localhost.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture("localhost.key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    Tasks::new().spawn("server", async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that hangs up in the middle is what some of these tests are about.
            let _ = converse(stream, speaks, &acceptor).await;
        }
    });
    port
}

async fn converse(mut stream: TcpStream, speaks: Speaks, tls: &tokio_rustls::TlsAcceptor) -> std::io::Result<()> {
    let mut asked = [0; 8];
    stream.peek(&mut asked).await?;
    if asked[4..] != 80_877_103_u32.to_be_bytes() {
        return refuse(stream, "plain").await;
    }
    stream.read_exact(&mut asked).await?;
    match speaks {
        Speaks::Plain => {
            stream.write_all(b"N").await?;
            refuse(stream, "plain").await
        }
        Speaks::Tls => {
            stream.write_all(b"S").await?;
            refuse(tls.accept(stream).await?, "encrypted").await
        }
    }
}

/// Reads the login and says how it came.
async fn refuse(mut stream: impl AsyncRead + AsyncWrite + Unpin, how: &str) -> std::io::Result<()> {
    let length = stream.read_u32().await?;
    let mut rest = vec![0; length as usize - 4];
    stream.read_exact(&mut rest).await?;
    let fields = format!("SFATAL\0C28P01\0Mit came {how}\0\0");
    stream.write_all(b"E").await?;
    stream.write_u32(fields.len() as u32 + 4).await?;
    stream.write_all(fields.as_bytes()).await?;
    stream.shutdown().await
}

/// What came of logging in.
async fn says(host: &str, port: u16, query: &str) -> String {
    let error = reachable(&format!("postgres://me@{host}:{port}/shop{query}")).await.unwrap_err();
    let mut said = String::new();
    let mut next: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = next {
        said.push_str(&format!("{error} | "));
        next = error.source();
    }
    assert!(matches!(error, OpenError::Database(_)), "{said}");
    said
}

#[tokio::test]
async fn the_login_is_encrypted_where_the_server_can_or_the_address_demands_it() {
    let (tls, plain) = (server(Speaks::Tls).await, server(Speaks::Plain).await);
    for query in ["", "?sslmode=prefer", "?sslmode=require"] {
        assert!(says("localhost", tls, query).await.contains("it came encrypted"), "{query}");
    }
    assert!(says("localhost", tls, "?sslmode=disable").await.contains("it came plain"));
    assert!(says("localhost", plain, "?sslmode=prefer").await.contains("it came plain"));
    for query in ["?sslmode=require", "?sslmode=verify-full"] {
        let said = says("localhost", plain, query).await;
        assert!(!said.contains("it came") && said.contains("TLS"), "{query}: {said}");
    }
}

#[tokio::test]
async fn a_certificate_is_checked_where_the_address_says_so() {
    let port = server(Speaks::Tls).await;
    let roots = format!("&sslrootcert={}", fixture("localhost.pem").display());
    let believed = says("localhost", port, &format!("?sslmode=verify-full{roots}")).await;
    assert!(believed.contains("it came encrypted"), "{believed}");
    for (what, host, query) in [
        ("of nobody known", "localhost", "?sslmode=verify-full".to_owned()),
        ("of another name", "127.0.0.1", format!("?sslmode=verify-full{roots}")),
        ("of another name, with roots", "127.0.0.1", format!("?sslmode=require{roots}")),
    ] {
        let said = says(host, port, &query).await;
        assert!(!said.contains("it came") && said.contains("certificate"), "{what}: {said}");
    }
}
