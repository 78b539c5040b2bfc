//! What these tests stand on: the real binary as a server that can be killed and started again, and a plain HTTP client.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use plantain_work::{Clock, random};
use serde_json::Value;
use url::Url;

/// The program under test.
pub const PLANTAIN: &str = env!("CARGO_BIN_EXE_plantain");

/// Longer than any job of these tests takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A photo that the repository shows around.
pub fn example(name: &str) -> PathBuf {
    repository().join("examples").join(name)
}

/// A command that sees no settings but those of its test.
pub fn plantain(folder: &Path) -> Command {
    bare(PLANTAIN, folder)
}

fn bare(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
#[track_caller]
pub fn run(folder: &Path, arguments: &[&str]) -> Said {
    Said::of(plantain(folder).args(arguments).output().expect("the binary runs"))
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn of(output: Output) -> Said {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("commands speak UTF-8");
        // A signal has no code; no test expects it.
        let code = output.status.code().unwrap_or(-1);
        Said { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// A server in a process of its own. Killed when dropped.
pub struct Server {
    child: Child,
    folder: PathBuf,
    /// What the program is run by, where it isn't run by itself.
    under: Vec<String>,
    settings: Vec<String>,
    pub studio: Url,
    pub queue: Url,
    /// The queue's second listener, where the settings ask for it.
    pub queue_tls: Option<Url>,
}

/// Pairs of ports that are tried.
const PORTS_TRIED: usize = 5;

/// Two ports that the kernel doesn't hand out by itself, so that a restarted server finds them free.
pub fn ports() -> [u16; 2] {
    [(); 2].map(|()| {
        let pick = || 10_000 + u16::from_le_bytes(random::bytes()) % 20_000;
        (0..100).map(|_| pick()).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a port is free")
    })
}

impl Server {
    /// `settings` are written `NAME=VALUE`. Ready when it returns.
    #[track_caller]
    pub fn start(folder: &Path, settings: &[&str]) -> Server {
        Server::begin(folder, &[], settings)
    }

    /// Under another program, which must become the server without a new process.
    #[track_caller]
    pub fn start_under(folder: &Path, under: &[&str]) -> Server {
        Server::begin(folder, under, &[])
    }

    #[track_caller]
    fn begin(folder: &Path, under: &[&str], settings: &[&str]) -> Server {
        let under: Vec<String> = under.iter().map(|word| (*word).to_owned()).collect();
        let others: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        // Between looking for a port and listening on it another test may take it.
        let begun = (0..PORTS_TRIED).find_map(|_| {
            let [studio, queue] = ports();
            let listen = [format!("STUDIO_LISTEN=127.0.0.1:{studio}"), format!("GATEWAY_LISTEN=127.0.0.1:{queue}")];
            let settings: Vec<String> = listen.into_iter().chain(others.iter().cloned()).collect();
            let (child, ready) = try_spawn(folder, &under, &settings)?;
            Some((child, ready, settings))
        });
        let (child, ready, settings) = begun.expect("a port stays free");
        let url = |name: &str| ready[name].as_str().and_then(|url| Url::parse(url).ok()).expect("an address");
        let queue_tls = ready["queueTls"].as_str().map(|url| Url::parse(url).expect("an address"));
        let (studio, queue) = (url("studio"), url("queue"));
        Server { child, folder: folder.to_owned(), under, settings, studio, queue, queue_tls }
    }

    /// As a power cut does it.
    pub fn kill(&mut self) {
        self.child.kill().expect("the server still ran");
        self.child.wait().expect("the server is ours");
    }

    #[track_caller]
    pub fn restart(&mut self) {
        self.child = spawn(&self.folder, &self.under, &self.settings).0;
    }

    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("the server is ours")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("plantain-data")
    }

    pub fn secret(&self, file: &str) -> String {
        std::fs::read_to_string(self.data().join(file)).unwrap().trim().to_owned()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &Path, under: &[String], settings: &[String]) -> (Child, Value) {
    try_spawn(folder, under, settings).expect("the server finds its ports free again")
}

/// `None`: somebody else has one of its ports.
fn try_spawn(folder: &Path, under: &[String], settings: &[String]) -> Option<(Child, Value)> {
    let log = File::options().create(true).append(true).open(folder.join("server.log")).unwrap();
    let mut command = match under {
        [] => plantain(folder),
        [program, arguments @ ..] => {
            let mut command = bare(program, folder);
            command.args(arguments).arg(PLANTAIN);
            command
        }
    };
    command.args(["serve", "--json"]).stdout(Stdio::piped()).stderr(log);
    for setting in settings {
        command.args(["--set", setting]);
    }
    let mut child = command.spawn().expect("the binary runs");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("stdout is piped");
    BufReader::new(stdout).read_line(&mut line).expect("the server says when it is ready");
    if let Ok(ready) = serde_json::from_str(&line) {
        return Some((child, ready));
    }
    child.wait().expect("the server is ours");
    let log = std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
    let taken = log.lines().last().is_some_and(|last| last.contains(PORT_TAKEN));
    assert!(taken, "the server did not start: {log}");
    None
}

/// How the program complains of a port.
const PORT_TAKEN: &str = "another program has the port";

/// A client as any program would be one.
pub fn http() -> reqwest::Client {
    plantain_outbound::transport::builder().unwrap().build().unwrap()
}

/// A job as the API shows it.
pub async fn job(http: &reqwest::Client, studio: &Url, id: &str) -> Value {
    let url = studio.join(&format!("/api/jobs/{id}")).unwrap();
    let body = http.get(url).send().await.expect("the studio answers").bytes().await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// One field of a form that is put together by hand.
pub enum Part<'p> {
    Text(&'p str, &'p str),
    /// Field, file name, bytes.
    File(&'p str, &'p str, &'p [u8]),
}

const BOUNDARY: &str = "-----------------plantain-test-boundary";

pub fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        body.extend(format!("--{BOUNDARY}\r\n").as_bytes());
        match part {
            Part::Text(name, value) => {
                body.extend(format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}").as_bytes());
            }
            Part::File(name, file, bytes) => {
                let head = format!("Content-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\r\n");
                body.extend(head.as_bytes());
                body.extend(*bytes);
            }
        }
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// How a form of [`form`] is announced.
pub fn form_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// Posts a form; gives the status and the answer.
pub async fn post(http: &reqwest::Client, studio: &Url, parts: &[Part<'_>]) -> (u16, Value) {
    let request =
        http.post(studio.join("/api/generate").unwrap()).header("content-type", form_type()).body(form(parts));
    answer(request.send().await.expect("the studio answers")).await
}

pub async fn answer(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.expect("a whole answer");
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// Waits until `done` says so, asking often.
pub async fn until<F: Future<Output = bool>>(what: &str, mut done: impl FnMut() -> F) {
    let clock = Clock::system();
    let waiting = async {
        while !done().await {
            clock.sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(clock.timeout(PATIENCE, waiting).await.is_some(), "{what} did not come");
}
