//! The queue behind TLS, under fal's own names: what an unmodified program sees, whom it must trust, and what it need not.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use plantain_outbound::transport;
use plantain_testkit::photo;
use reqwest::{Client, ClientBuilder, Version};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use url::Url;

use crate::bed::{self, Server, run};

const LISTEN: &str = "GATEWAY_TLS_LISTEN=127.0.0.1:0";
const EDIT: &str = "fal-ai/nano-banana/edit";

/// Trusts what stands in `roots`, and finds fal's hosts where the server is.
fn program(roots: &Path, server: &Server) -> ClientBuilder {
    program_that_offers(&["h2", "http/1.1"], roots, server)
}

fn program_that_offers(protocols: &[&str], roots: &Path, server: &Server) -> ClientBuilder {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(roots).unwrap() {
        store.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let address = address(server);
    ["queue.fal.run", "fal.run", "rest.fal.ai", "v3.fal.media", "evil.test"]
        .into_iter()
        .fold(transport::builder().unwrap().tls_backend_preconfigured(config), |builder, host| {
            builder.resolve(host, address)
        })
}

fn address(server: &Server) -> std::net::SocketAddr {
    server.queue_tls.as_ref().unwrap().socket_addrs(|| None).unwrap()[0]
}

fn ca(server: &Server) -> std::path::PathBuf {
    server.data().join("tls/ca.pem")
}

fn at(server: &Server, host: &str, path: &str) -> String {
    format!("https://{host}:{}/{path}", address(server).port())
}

async fn json(request: reqwest::RequestBuilder, server: &Server) -> Value {
    let reply = request.header("authorization", format!("Key {}", server.secret("api-key"))).send().await.unwrap();
    let (status, text) = (reply.status(), reply.text().await.unwrap());
    assert!(status.is_success(), "{status} {text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn an_unmodified_program_uploads_submits_and_fetches_under_fals_names() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[LISTEN]);
    let http = program(&ca(&server), &server).build().unwrap();
    let asked = json!({ "content_type": "image/jpeg", "file_name": "jar.jpg" });
    let initiate = http.post(at(&server, "rest.fal.ai", "storage/upload/initiate?storage_type=fal-cdn-v3"));
    let place = json(initiate.json(&asked), &server).await;
    let upload = place["upload_url"].as_str().unwrap();
    assert!(upload.starts_with(&at(&server, "v3.fal.media", "files/b/")), "{upload}");
    assert!(http.put(upload).body(photo::jpeg()).send().await.unwrap().status().is_success());
    let input = json!({ "prompt": "on white", "image_urls": [place["file_url"]] });
    let submitted = json(http.post(at(&server, "queue.fal.run", EDIT)).json(&input), &server).await;
    let (status, response) = (submitted["status_url"].as_str().unwrap(), submitted["response_url"].as_str().unwrap());
    assert!(status.starts_with(&at(&server, "queue.fal.run", "fal-ai/nano-banana/requests/")), "{status}");
    bed::until("the picture", async || json(http.get(status), &server).await["status"] == "COMPLETED").await;
    let result = json(http.get(response), &server).await;
    assert!(result["images"][0]["url"].is_string(), "the engine found the upload by fal's name: {result}");
}

#[tokio::test]
async fn both_versions_of_http_are_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[LISTEN]);
    let url = at(&server, "queue.fal.run", "healthz");
    for (protocols, version) in [
        (&["h2", "http/1.1"][..], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        // Python's client says nothing.
        (&[], Version::HTTP_11),
    ] {
        let http = program_that_offers(protocols, &ca(&server), &server).build().unwrap();
        let reply = http.get(&url).send().await.unwrap();
        assert_eq!((reply.status().as_u16(), reply.version()), (200, version), "{protocols:?}");
    }
    let direct = program(&ca(&server), &server).build().unwrap();
    for url in [format!("https://{}/healthz", address(&server)), at(&server, "localhost", "healthz")] {
        assert_eq!(direct.get(&url).send().await.unwrap().status(), 200, "{url}");
    }
}

#[tokio::test]
async fn who_does_not_trust_this_authority_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[LISTEN]);
    let other_folder = tempfile::tempdir().unwrap();
    let other = Server::start(other_folder.path(), &[LISTEN]);
    let url = at(&server, "queue.fal.run", "healthz");
    let of_another = program(&ca(&other), &server).build().unwrap();
    let of_the_web = transport::builder().unwrap().resolve("queue.fal.run", address(&server)).build().unwrap();
    for stranger in [of_another, of_the_web] {
        let error = stranger.get(&url).send().await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
    }
    let friend = program(&ca(&server), &server).build().unwrap();
    let error = friend.get(at(&server, "evil.test", "healthz")).send().await.unwrap_err();
    assert!(error.is_connect(), "the certificate names fal's hosts alone: {error:?}");
}

#[tokio::test]
async fn the_authority_outlives_the_process_and_its_key_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[LISTEN]);
    let (authority, data) = (fs::read(ca(&server)).unwrap(), server.data());
    let mode = |name: &str| fs::metadata(data.join("tls").join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode("ca-key.pem"), fs::metadata(data.join("tls")).unwrap().permissions().mode() & 0o777),
        (0o600, 0o700)
    );
    let bundle = fs::read_to_string(data.join("tls/bundle.pem")).unwrap();
    assert!(bundle.contains(String::from_utf8(authority.clone()).unwrap().trim()));
    assert!(!bundle.contains("PRIVATE KEY"));
    drop(server);
    let again = Server::start(folder.path(), &[LISTEN]);
    assert_eq!(fs::read(ca(&again)).unwrap(), authority);
    drop(again);
    fs::write(data.join("tls/ca-key.pem"), "not a key").unwrap();
    let arguments = [
        "serve",
        "--tls",
        "--set",
        LISTEN,
        "--set",
        "STUDIO_LISTEN=127.0.0.1:0",
        "--set",
        "GATEWAY_LISTEN=127.0.0.1:0",
    ];
    let said = run(folder.path(), &arguments);
    assert!(said.code == 1 && said.stderr.contains("ca-key.pem does not hold what it should"), "{said:?}");
}

#[tokio::test]
async fn what_is_no_handshake_is_dropped_and_others_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[LISTEN]);
    let silent = std::net::TcpStream::connect(address(&server)).unwrap();
    let mut plain = std::net::TcpStream::connect(address(&server)).unwrap();
    std::io::Write::write_all(&mut plain, b"GET /healthz HTTP/1.1\r\nHost: queue.fal.run\r\n\r\n").unwrap();
    let mut said = Vec::new();
    // Closed, perhaps after an alert; never an answer.
    let _ = plain.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP/"), "{said:?}");
    let http: Client = program(&ca(&server), &server).build().unwrap();
    assert_eq!(http.get(at(&server, "queue.fal.run", "healthz")).send().await.unwrap().status(), 200);
    drop(silent);
}

#[tokio::test]
async fn an_operators_certificate_is_shown_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let own = rcgen::generate_simple_self_signed(vec!["queue.fal.run".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["queue.fal.run".to_owned()]).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (chain, key) = (write("own.pem", own.cert.pem()), write("own-key.pem", own.signing_key.serialize_pem()));
    let wrong = write("other-key.pem", other.signing_key.serialize_pem());
    let settings = [LISTEN.to_owned(), format!("GATEWAY_TLS_CERT={chain}"), format!("GATEWAY_TLS_KEY={key}")];
    let server = Server::start(folder.path(), &settings.each_ref().map(String::as_str));
    let http = program(Path::new(&chain), &server).build().unwrap();
    assert_eq!(http.get(at(&server, "queue.fal.run", "healthz")).send().await.unwrap().status(), 200);
    assert!(!server.data().join("tls").exists(), "no authority is made that nobody asked for");
    drop(server);
    for (key, said) in [
        (wrong.as_str(), "is not the key of the certificate"),
        (chain.as_str(), "can't be used"),
        ("nothing.pem", "can't be used"),
    ] {
        let (cert, key) = (format!("GATEWAY_TLS_CERT={chain}"), format!("GATEWAY_TLS_KEY={key}"));
        let free = ["--set", LISTEN, "--set", "STUDIO_LISTEN=127.0.0.1:0", "--set", "GATEWAY_LISTEN=127.0.0.1:0"];
        let found = run(folder.path(), &[&["serve", "--set", &cert, "--set", &key][..], &free].concat());
        assert!(
            found.code == 1 && found.stderr.contains("GATEWAY_TLS_KEY") && found.stderr.contains(said),
            "{found:?}"
        );
    }
}

#[test]
fn the_address_of_the_second_listener_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["GATEWAY_TLS=1", LISTEN]);
    let url: &Url = server.queue_tls.as_ref().unwrap();
    assert_eq!((url.scheme(), url.host_str()), ("https", Some("127.0.0.1")));
}
