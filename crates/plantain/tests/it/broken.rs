//! Connections that break: a command asks again, and what it asked for is done once.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use url::Url;

use crate::bed::{self, Server, run};
use crate::bulk::{cut_out, simulated, small_preset};

/// Stands between a program and a server, and breaks the connection in the middle of the first answer to each request.
struct Line {
    address: Url,
    broken: Arc<Mutex<HashSet<String>>>,
}

impl Line {
    fn to(server: &Url) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let broken = Arc::new(Mutex::new(HashSet::new()));
        let (port, seen) = (server.port().unwrap(), Arc::clone(&broken));
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let (near, far) = (near.unwrap(), TcpStream::connect(("127.0.0.1", port)).unwrap());
                carry(near, far, Arc::clone(&seen));
            }
        });
        Line { address, broken }
    }

    /// The requests whose first answer was broken off: each a method and a path.
    fn broken(&self) -> Vec<String> {
        let mut all: Vec<String> = self.broken.lock().unwrap().iter().cloned().collect();
        all.sort();
        all
    }
}

/// Carries both ways until one side ends, or an answer is to break.
fn carry(near: TcpStream, far: TcpStream, seen: Arc<Mutex<HashSet<String>>>) {
    let breaks = Arc::new(AtomicBool::new(false));
    let (asked, asks) = ((near.try_clone().unwrap(), far.try_clone().unwrap()), Arc::clone(&breaks));
    std::thread::spawn(move || {
        each(asked.0, asked.1, |piece| {
            let is_new = request(piece).is_some_and(|request| seen.lock().unwrap().insert(request));
            asks.fetch_or(is_new, Ordering::SeqCst);
            piece.len()
        })
    });
    std::thread::spawn(move || {
        each(far, near, |piece| if breaks.load(Ordering::SeqCst) { piece.len() / 2 } else { piece.len() })
    });
}

/// Hands on as much of every piece as `part` says, and ends both sides where that is not all of it.
fn each(mut from: TcpStream, mut to: TcpStream, mut part: impl FnMut(&[u8]) -> usize) {
    let mut piece = [0; 16 * 1024];
    let mut hand_on = || -> io::Result<bool> {
        let read = from.read(&mut piece)?;
        let kept = part(&piece[..read]);
        to.write_all(&piece[..kept])?;
        Ok(read > 0 && kept == read)
    };
    while hand_on().unwrap_or(false) {}
    for side in [&from, &to] {
        // The other side may have ended it.
        let _ = side.shutdown(Shutdown::Both);
    }
}

/// Method and path, where a request begins.
fn request(piece: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(piece.split(|byte| *byte == b'\r').next()?).ok()?;
    let (request, _) = line.split_once(" HTTP/1.1")?;
    Some(request.to_owned())
}

async fn asked(studio: &Url, path: &str) -> Value {
    bed::answer(bed::http().get(studio.join(path).unwrap()).send().await.unwrap()).await.1
}

/// A studio with a simulated model, and so many photos beside it.
fn studio_and_photos(folder: &Path, count: usize) -> Server {
    fs::create_dir(folder.join("photos")).unwrap();
    for number in 0..count {
        fs::write(folder.join(format!("photos/{number}.png")), cut_out(number)).unwrap();
    }
    simulated(folder, "1ms");
    Server::start(folder, &[&small_preset(folder)])
}

#[tokio::test]
async fn generate_asks_again_and_makes_one_job() {
    let folder = tempfile::tempdir().unwrap();
    let server = studio_and_photos(folder.path(), 1);
    let line = Line::to(&server.studio);
    let arguments = ["generate", "photos/0.png", "--preset", "small", "--server", line.address.as_str(), "--json"];
    let said = run(folder.path(), &arguments);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.json()[0]["files"].as_array().unwrap().len(), 1);
    let jobs = asked(&server.studio, "api/jobs").await["jobs"].as_array().unwrap().len();
    let broken = line.broken();
    assert_eq!(jobs, 1, "{broken:#?}");
    assert!(broken.iter().any(|request| request == "POST /api/generate"), "{broken:#?}");
    assert_eq!(broken.len(), 3, "the wish, the job's events and the picture: {broken:#?}");
}

#[tokio::test]
async fn bulk_asks_again_and_makes_one_batch() {
    let folder = tempfile::tempdir().unwrap();
    let server = studio_and_photos(folder.path(), 2);
    let line = Line::to(&server.studio);
    let arguments = ["bulk", "photos", "--preset", "small", "--server", line.address.as_str(), "--json"];
    let said = run(folder.path(), &arguments);
    assert_eq!(said.code, 0, "{said:?}");
    let batches = asked(&server.studio, "api/batches").await;
    assert_eq!(batches["batches"].as_array().unwrap().len(), 1, "{batches:#}");
    let broken = line.broken();
    assert!(broken.iter().any(|request| request == "POST /api/batches"), "{broken:#?}");
    assert!(broken.iter().any(|request| request.ends_with("/zip")), "{broken:#?}");
}

#[tokio::test]
async fn a_photo_that_cannot_be_read_to_its_end_is_no_broken_connection() {
    let folder = tempfile::tempdir().unwrap();
    let server = studio_and_photos(folder.path(), 1);
    // It looks like an empty file, and reading it fails.
    std::os::unix::fs::symlink("/proc/self/mem", folder.path().join("photos/1.png")).unwrap();
    let said = run(folder.path(), &["bulk", "photos", "--preset", "small", "--server", server.studio.as_str()]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stderr.contains("can't be read to their end"), "{said:?}");
}
