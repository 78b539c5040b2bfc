//! Every awkward upload gets its pictures or a 4xx that tells a seller what to do; never a 5xx, a hang, or much memory.

use std::fs;
use std::time::Duration;

use plantain_testkit::photo::{self, Orientation};
use plantain_work::Clock;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bed::{self, Part, Server, run};

/// What a server may take while it refuses hostile uploads, without a job: far below one decoded bomb (1.2 GB).
const MEMORY_KB_MAX: u64 = 400_000;

#[track_caller]
fn assert_helpful(what: &str, status: u16, answer: &Value) {
    assert!((400..500).contains(&status), "{what}: {status} {answer}");
    let error = &answer["error"];
    assert!(error["code"].as_str().is_some_and(|code| !code.is_empty()), "{what}: {answer}");
    for words in ["message", "hint"] {
        assert!(error[words].as_str().is_some_and(|text| text.len() > 10), "{what} has no {words}: {answer}");
    }
}

#[tokio::test]
async fn whatever_is_uploaded_is_answered_with_advice_and_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let http = bed::http();
    let good = photo::jpeg();
    let file = |bytes: &'static [u8]| vec![Part::File("image", "a.jpg", bytes)];
    let leaked = |bytes: Vec<u8>| -> &'static [u8] { bytes.leak() };
    let with = |name: &'static str, value: &'static str| {
        vec![Part::File("image", "a.jpg", leaked(good.clone())), Part::Text(name, value)]
    };
    let long: &'static str = "x".repeat(4_001).leak();
    let cases: Vec<(&str, Vec<Part<'_>>)> = vec![
        ("nothing at all", vec![]),
        ("no photo", vec![Part::Text("preset", "amazon_main")]),
        ("zero bytes", file(b"")),
        ("not a picture", file(leaked(photo::not_a_picture()))),
        ("truncated", file(leaked(photo::truncated()))),
        ("bomb", file(leaked(photo::bomb()))),
        ("1 x 1", file(leaked(photo::png_of_size(1, 1)))),
        ("20000 x 10", file(leaked(photo::png_of_size(20_000, 10)))),
        ("51 megapixels", file(leaked(photo::png_of_size(8_500, 6_000)))),
        ("over 12 MB", file(leaked([photo::jpeg(), vec![0; 13 << 20]].concat()))),
        ("unknown preset", with("preset", "amazn_main")),
        ("no pictures", with("num_images", "0")),
        ("99 pictures", with("num_images", "99")),
        ("minus one picture", with("num_images", "-1")),
        ("a path for a product number", with("identifier", "../../../x")),
        ("nothing to see", file(leaked(photo::transparent()))),
        ("no number", with("num_images", "three")),
        ("endless prompt", with("prompt", long)),
        ("unknown field", with("colour", "blue")),
        ("nine photos", (0..9).map(|_| Part::File("image", "a.jpg", leaked(good.clone()))).collect()),
        (
            "two presets",
            vec![
                Part::File("image", "a.jpg", leaked(good.clone())),
                Part::Text("preset", "ebay"),
                Part::Text("preset", "etsy"),
            ],
        ),
    ];
    for (what, parts) in &cases {
        let (status, answer) = bed::post(&http, &server.studio, parts).await;
        assert_helpful(what, status, &answer);
    }
    for (what, kind, body) in [
        ("not a form", "text/plain", &b"hello"[..]),
        ("no boundary", "multipart/form-data", b"--x\r\n"),
        ("cut form", "multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=\"image\""),
        ("no JSON", "application/json", b"{"),
        ("other JSON", "application/json", b"[1]"),
        ("no address", "application/json", br#"{"image_urls":["file:///etc/passwd"]}"#),
    ] {
        let url = server.studio.join("/api/generate").unwrap();
        let sent = http.post(url).header("content-type", kind).body(body.to_vec()).send().await.unwrap();
        let (status, answer) = bed::answer(sent).await;
        assert_helpful(what, status, &answer);
    }
    assert!(peak_memory_kb(server.pid()) < MEMORY_KB_MAX, "{} kB", peak_memory_kb(server.pid()));
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

fn peak_memory_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

#[tokio::test]
async fn an_endless_form_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let address = (server.studio.host_str().unwrap().to_owned(), server.studio.port().unwrap());
    let mut socket = TcpStream::connect((address.0.as_str(), address.1)).await.unwrap();
    let head = "POST /api/generate HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\
                content-type: multipart/form-data; boundary=x\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let part = "--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.jpg\"\r\n\r\n";
    socket.write_all(format!("{:x}\r\n{part}\r\n", part.len()).as_bytes()).await.unwrap();
    let (mut reading, mut writing) = socket.split();
    let chunk = [b"10000\r\n".to_vec(), vec![b'a'; 0x10000], b"\r\n".to_vec()].concat();
    let endless = async {
        let mut sent = 0_u64;
        while writing.write_all(&chunk).await.is_ok() {
            sent += chunk.len() as u64;
            assert!(sent < 200 << 20, "the studio takes everything");
        }
        std::future::pending::<()>().await;
    };
    let answered = async {
        let mut first = [0; 64];
        // A reset is an end too.
        let read = reading.read(&mut first).await.unwrap_or(0);
        String::from_utf8_lossy(&first[..read]).into_owned()
    };
    let clock = Clock::system();
    let ended = clock.timeout(Duration::from_secs(30), async {
        tokio::select! { () = endless => String::new(), said = answered => said }
    });
    let said = ended.await.expect("the studio ends it");
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
}

#[tokio::test]
async fn every_kind_of_real_photo_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    // One at a time, so that all but the first still wait when they are cancelled.
    let server = Server::start(folder.path(), &["QUEUE_CONCURRENCY=1"]);
    let http = bed::http();
    let kinds = [
        ("gray.jpg", photo::gray_jpeg()),
        ("deep.png", photo::sixteen_bit()),
        ("palette.png", photo::palette()),
        ("moving.png", photo::animated_png()),
        ("moving.webp", photo::animated_webp()),
        ("really-a-png.jpg", photo::png()),
        ("mirrored.jpg", photo::oriented(Orientation::MirroredAcross)),
        ("turned.jpg", photo::oriented(Orientation::TurnRight)),
    ];
    let mut taken = Vec::new();
    for (name, bytes) in &kinds {
        taken.push((name, begin(&http, &server, name, bytes).await));
    }
    for (name, id) in taken.iter().rev() {
        // Taken is what is asked here; a set of pictures of each would take minutes.
        let job = server.studio.join(&format!("/api/jobs/{id}")).unwrap();
        let cancelled = http.delete(job).send().await.unwrap().status().as_u16();
        assert!((200..300).contains(&cancelled), "{name}: {cancelled}");
    }
    for (name, bytes) in [("cmyk.jpg", photo::cmyk()), ("gray-alpha.png", photo::gray_alpha())] {
        let id = begin(&http, &server, name, &bytes).await;
        bed::until(name, async || bed::job(&http, &server.studio, &id).await["stage"] == "done").await;
        let job = bed::job(&http, &server.studio, &id).await;
        assert_eq!(job["status"], "SUCCEEDED", "{name}: {job:#}");
        assert_eq!(job["images"].as_array().unwrap().len(), 1, "{name}: {job:#}");
    }
}

async fn begin(http: &reqwest::Client, server: &Server, name: &str, bytes: &[u8]) -> String {
    let parts = [Part::File("image", name, bytes), Part::Text("num_images", "1"), Part::Text("preset", "ebay")];
    let (status, begun) = bed::post(http, &server.studio, &parts).await;
    assert_eq!(status, 202, "{name}: {begun}");
    begun["jobId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_never_finishes_asking_is_hung_up_on_and_keeps_nobody_else_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let address = (server.studio.host_str().unwrap().to_owned(), server.studio.port().unwrap());
    let mut slow = TcpStream::connect((address.0.as_str(), address.1)).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await.unwrap();
    let quick = bed::http().get(server.studio.join("/healthz").unwrap()).send().await.unwrap();
    assert_eq!(quick.status(), 200);
    let hung_up = async {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = slow.read_to_end(&mut rest).await;
    };
    assert!(Clock::system().timeout(Duration::from_secs(30), hung_up).await.is_some(), "it still waits");
}

#[test]
fn the_command_says_in_words_what_is_wrong_with_each_photo() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("empty.jpg", photo::empty()),
        ("page.jpg", photo::not_a_picture()),
        ("half.jpg", photo::truncated()),
        ("bomb.png", photo::bomb()),
        ("dot.png", photo::png_of_size(1, 1)),
        ("white.png", photo::png_of_size(400, 300)),
        ("thumbnail.jpg", photo::jpeg_of_size(120, 120)),
        ("small.jpg", photo::jpeg_of_size(560, 420)),
        ("clear.png", photo::transparent()),
    ];
    let mut arguments = vec!["generate"];
    for (name, bytes) in &files {
        fs::write(folder.path().join(name), bytes).unwrap();
        arguments.push(name);
    }
    let said = run(folder.path(), &arguments);
    assert_eq!(said.code, 1, "{said:?}");
    let lines: Vec<&str> = said.stderr.lines().collect();
    assert_eq!(lines.len(), files.len(), "{said:?}");
    for ((name, _), line) in files.iter().zip(lines) {
        assert!(line.starts_with(&format!("{name}: ")) && line.len() > name.len() + 30, "{line}");
    }
    assert!(!folder.path().join("plantain-out").exists(), "nothing is written for photos that can't be used");
    assert!(said.stderr.contains("small.jpg: The photo is too small: its product is "), "{said:?}");
    assert!(said.stderr.contains("amazon_main needs at least "), "{said:?}");
    assert_eq!(said.stderr.matches("Take the photo with ").count(), 1, "advice is given once: {said:?}");
}

#[test]
fn a_product_number_that_is_none_is_an_error_and_not_dropped() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jar.png"), photo::png()).unwrap();
    let said = run(folder.path(), &["generate", "jar.png", "--id", "../../../x"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stderr.contains("It may hold letters A to Z, digits"), "{said:?}");
}
