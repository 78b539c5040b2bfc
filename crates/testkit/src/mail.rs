//! A real SMTP server on a free loopback port that keeps what it gets and says what the test told it to.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plantain_work::Tasks;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::serving::arrived;

/// Longer than any line of a letter.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// How a server keeps connections from others' eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    Plain,
    StartTls,
    Tls,
}

/// Where in a conversation something is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Greeting,
    Auth,
    From,
    To,
    Data,
    /// After the letter's last line.
    Taken,
    Quit,
}

/// What happens there.
#[derive(Clone, Debug)]
pub enum Say {
    /// Instead of the usual answer.
    Line(&'static str),
    /// Nothing, until the client gives up.
    Silence,
    /// The line goes dead. A letter that came whole is kept.
    HangUp,
}

/// A letter as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    /// Head and body, with the dots undone.
    pub text: String,
    /// Name and password, where some were given.
    pub login: Option<(String, String)>,
    pub encrypted: bool,
}

impl Mail {
    /// A line of the head, unfolded; empty where there is none.
    pub fn header(&self, name: &str) -> String {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        let of = |line: &str| line.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).map(str::to_owned);
        head.split("\r\n").find_map(of).unwrap_or_default()
    }

    /// The first part of this type, decoded.
    pub fn part(&self, kind: &str) -> String {
        let Some(at) = self.text.find(&format!("Content-Type: {kind}")) else { return String::new() };
        let Some((head, rest)) = self.text[at..].split_once("\r\n\r\n") else { return String::new() };
        let body = rest.split("\r\n--").next().unwrap_or_default();
        let head = head.to_ascii_lowercase();
        match () {
            () if head.contains("quoted-printable") => unquoted(body),
            () if head.contains("base64") => {
                let bytes = STANDARD.decode(body.replace("\r\n", "")).unwrap_or_default();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            () => body.to_owned(),
        }
    }
}

fn unquoted(body: &str) -> String {
    let body = body.replace("=\r\n", "");
    let mut parts = body.split('=');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        bytes.extend(u8::from_str_radix(code, 16));
        bytes.extend(rest.bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Stops when dropped.
#[derive(Debug)]
pub struct MailServer {
    address: SocketAddr,
    security: Security,
    certificate: String,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
}

#[derive(Debug)]
struct Shared {
    script: Mutex<VecDeque<(Moment, Say)>>,
    mails: watch::Sender<Vec<Mail>>,
}

impl MailServer {
    /// Takes everything unless told otherwise.
    pub async fn start(security: Security) -> MailServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (acceptor, certificate) = acceptor();
        let shared = Arc::new(Shared { script: Mutex::default(), mails: watch::Sender::new(Vec::new()) });
        let (stop, stopped) = watch::channel(false);
        let (tasks, all) = (Tasks::new(), shared.clone());
        let each = tasks.clone();
        tasks.spawn("mail server", async move {
            let mut stopping = stopped.clone();
            loop {
                let socket = tokio::select! {
                    accepted = listener.accept() => match accepted {
                        Ok((socket, _)) => socket,
                        Err(_) => return,
                    },
                    _ = stopping.wait_for(|stop| *stop) => return,
                };
                let (shared, acceptor, mut stopping) = (all.clone(), acceptor.clone(), stopped.clone());
                each.spawn("mail", async move {
                    let talk = async {
                        // An error means that the client is gone, which is what some tests are about.
                        let _ = match security {
                            Security::Tls => match acceptor.accept(socket).await {
                                Ok(stream) => converse(Box::new(stream), &shared, None, true).await,
                                Err(_) => Ok(()),
                            },
                            Security::StartTls => converse(Box::new(socket), &shared, Some(acceptor), false).await,
                            Security::Plain => converse(Box::new(socket), &shared, None, false).await,
                        };
                    };
                    tokio::select! {
                        () = talk => {}
                        _ = stopping.wait_for(|stop| *stop) => {}
                    }
                });
            }
        });
        MailServer { address, security, certificate, shared, stop }
    }

    /// As `SMTP_URL` names it; `login` is `name:password@`, or empty.
    pub fn url(&self, login: &str) -> String {
        let port = self.address.port();
        match self.security {
            Security::Plain => format!("smtp://{login}127.0.0.1:{port}?tls=none"),
            Security::StartTls => format!("smtp://{login}localhost:{port}?tls=required"),
            Security::Tls => format!("smtps://{login}localhost:{port}"),
        }
    }

    /// What a client has to trust, in PEM form.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The next time that a conversation comes to this moment.
    pub fn next(&self, moment: Moment, say: Say) {
        self.shared.script.lock().unwrap_or_else(PoisonError::into_inner).push_back((moment, say));
    }

    /// All letters so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.mails.borrow().clone()
    }

    /// All letters, once there are at least `count`.
    pub async fn wait_for(&self, count: usize) -> Vec<Mail> {
        arrived(&self.shared.mails, count, "letters").await
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

fn acceptor() -> (TlsAcceptor, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate can be made");
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("the certificate fits its key");
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem())
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

struct Talk<'s> {
    stream: BufReader<Box<dyn Stream>>,
    shared: &'s Shared,
}

/// The client is gone, or is to think so of the server.
struct Gone;

impl From<std::io::Error> for Gone {
    fn from(_: std::io::Error) -> Gone {
        Gone
    }
}

impl Talk<'_> {
    async fn say(&mut self, line: &str) -> Result<(), Gone> {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await?;
        Ok(self.stream.get_mut().flush().await?)
    }

    /// What the test wants to happen here, or else the usual answer. True where it was the usual one.
    async fn at(&mut self, moment: Moment, usual: &str) -> Result<bool, Gone> {
        let planned = {
            let mut script = self.shared.script.lock().unwrap_or_else(PoisonError::into_inner);
            let at = script.iter().position(|(planned, _)| *planned == moment);
            at.and_then(|at| script.remove(at))
        };
        match planned {
            None => self.say(usual).await.map(|()| true),
            Some((_, Say::Line(line))) => self.say(line).await.map(|()| false),
            Some((_, Say::HangUp)) => Err(Gone),
            Some((_, Say::Silence)) => std::future::pending().await,
        }
    }

    async fn hear(&mut self) -> Result<String, Gone> {
        let mut line = Vec::new();
        let read = self.stream.read_until(b'\n', &mut line).await?;
        if read == 0 || read > LINE_BYTES_MAX {
            return Err(Gone);
        }
        Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    async fn letter(&mut self) -> Result<String, Gone> {
        let mut text = String::new();
        loop {
            let line = self.hear().await?;
            if line == "." {
                return Ok(text);
            }
            text.push_str(line.strip_prefix('.').unwrap_or(&line));
            text.push_str("\r\n");
        }
    }
}

async fn converse(
    stream: Box<dyn Stream>,
    shared: &Shared,
    mut tls: Option<TlsAcceptor>,
    encrypted: bool,
) -> Result<(), Gone> {
    let mut talk = Talk { stream: BufReader::new(stream), shared };
    let mut mail = Mail { encrypted, ..Mail::default() };
    talk.at(Moment::Greeting, "220 test.example ESMTP").await?;
    loop {
        let line = talk.hear().await?;
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let path = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        match word.as_str() {
            "EHLO" | "HELO" if tls.is_some() => talk.say("250-test.example\r\n250-8BITMIME\r\n250 STARTTLS").await?,
            "EHLO" | "HELO" => talk.say("250-test.example\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN").await?,
            "STARTTLS" => match tls.take() {
                None => talk.say("502 no").await?,
                Some(acceptor) => {
                    talk.say("220 go").await?;
                    let stream = acceptor.accept(talk.stream.into_inner()).await?;
                    talk = Talk { stream: BufReader::new(Box::new(stream)), shared };
                    mail.encrypted = true;
                }
            },
            "AUTH" => {
                let given = line.rsplit(' ').next().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
                let text = String::from_utf8_lossy(&given).into_owned();
                let mut parts = text.split('\0').skip(1).map(str::to_owned);
                mail.login = parts.next().zip(parts.next());
                talk.at(Moment::Auth, "235 welcome").await?;
            }
            "MAIL" => {
                mail.from = path();
                talk.at(Moment::From, "250 ok").await?;
            }
            "RCPT" => {
                mail.to.push(path());
                talk.at(Moment::To, "250 ok").await?;
            }
            "DATA" => {
                if talk.at(Moment::Data, "354 go on").await? {
                    mail.text = talk.letter().await?;
                    let told = talk.at(Moment::Taken, "250 taken as 4711").await;
                    if !matches!(told, Ok(false)) {
                        let login = mail.login.clone();
                        let next = Mail { encrypted: mail.encrypted, login, ..Mail::default() };
                        let whole = std::mem::replace(&mut mail, next);
                        shared.mails.send_modify(|all| all.push(whole));
                    }
                    told?;
                }
            }
            "QUIT" => {
                talk.at(Moment::Quit, "221 bye").await?;
                return Ok(());
            }
            "RSET" | "NOOP" => talk.say("250 ok").await?,
            _ => talk.say("500 what").await?,
        }
    }
}
