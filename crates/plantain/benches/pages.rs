//! The studio's pages and API while 100,000 jobs are stored: latency at a steady rate, and memory for thousands of event streams.
//!
//! `pages FOLDER` starts itself as `pages serve FOLDER`, a studio over SQLite with jobs of many sellers, and asks it from outside as
//! their browsers do. `cargo xtask bench pages` runs it. Nothing here waits for a model: pages are what is measured.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use plantain::system::accept::{Door, accept};
use plantain_blobs::Blobs;
use plantain_client::{Endpoints, QueueClient};
use plantain_inbox::jwks::JwksCache;
use plantain_inbox::receiver::{Account, Receiver};
use plantain_media::preset::Presets;
use plantain_outbound::{Outbound, Policy};
use plantain_store::studio::{StudioStores, open_studio};
use plantain_studio::config::StudioConfig;
use plantain_studio::http::guard::AdminToken;
use plantain_studio::http::{HttpConfig, router};
use plantain_studio::job::{
    CallbackToken, Finished, FinishedPicture, Job, JobId, JobSpec, Outcome, Owner, Phase, RawJson, Source,
};
use plantain_studio::messages::Outgoing;
use plantain_studio::service::{Studio, StudioParts};
use plantain_wire::models::nano_banana::{AspectRatio, EDIT_ENDPOINT};
use plantain_work::{Clock, Cpu, Shutdown, Tasks};
use reqwest::Client;
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const JOBS: usize = 100_000;
const SELLERS: usize = 100;

/// Jobs that are being made at once.
const MAKERS: usize = 128;

/// How the pages are asked: so many a second, for so long.
const A_SECOND: u32 = 200;
const SECONDS: u32 = 20;

/// What a page may take at the 99th of a hundred, in milliseconds.
const LIMIT_MS: f64 = 20.0;

/// The operator's.
const TOKEN: &str = "bench";

const STREAMS: usize = 2_000;
const STREAMS_LIMIT_MB: f64 = 100.0;

/// How long they are left open, in which nothing happens.
const STREAMS_WATCHED: Duration = Duration::from_secs(5);

/// Rules of a picture's report, as many as a main picture has.
const RULES: usize = 22;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", folder] => runtime.block_on(serve(Path::new(folder))),
        [folder] => runtime.block_on(measure(Path::new(folder))),
        _ => eprintln!("usage: pages FOLDER"),
    }
}

async fn serve(folder: &Path) {
    let (tasks, shutdown, clock) = (Tasks::new(), Shutdown::new(), Clock::system());
    let stores = open_studio(folder.join("studio.db").to_str().expect("a path")).await.expect("a database");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = Url::parse(&format!("http://{}/", listener.local_addr().expect("an address"))).expect("a URL");
    let outbound = Outbound::new(Policy::loopback()).expect("a client");
    let cache = JwksCache::new(Vec::new(), outbound.clone(), clock.clone());
    let studio = Studio::new(StudioParts {
        store: stores.jobs.clone(),
        receiver: Receiver::new(cache, Account::Unknown, None, stores.inbox.clone(), clock.clone()),
        client: QueueClient::new(Endpoints::under(&url), None).expect("a client"),
        outbound: outbound.clone(),
        blobs: Blobs::folder(folder.join("blobs")).await.expect("a folder"),
        segmenter: Arc::new(|| unreachable!("nothing is finished here")),
        presets: Arc::new(Presets::builtin()),
        cpu: Cpu::new(1),
        clock: clock.clone(),
        config: StudioConfig::embedded(url.clone()),
        messages: Outgoing::new(outbound, AdminToken::new(TOKEN).link_key()),
    });
    let config = HttpConfig::local(AdminToken::new(TOKEN), shutdown.clone(), Cpu::new(1));
    // As others reach it: each seller has jobs of their own.
    let router = router(studio, HttpConfig { loopback: false, ..config });
    tasks.spawn("studio", accept(listener, Door::Plain, router, tasks.clone(), shutdown.clone(), clock.clone()));
    let sellers = sellers(&url).await;
    let lines = fill(&stores, &sellers, &clock).await;
    println!("{url}");
    lines.iter().for_each(|line| println!("{line}"));
    println!();
    std::io::stdout().flush().expect("somebody listens");
    let _ = tokio::task::block_in_place(|| std::io::stdin().read_to_end(&mut Vec::new()));
    shutdown.abort();
    tasks.wait().await;
}

fn browser() -> Client {
    let builder = plantain_outbound::transport::builder().expect("a client");
    builder.timeout(Duration::from_secs(30)).build().expect("a client")
}

/// The cookies of so many browsers that open the first page.
async fn sellers(url: &Url) -> Vec<String> {
    let http = browser();
    let asked = futures_util::stream::iter(0..SELLERS).then(|_| async {
        let answer = http.get(url.clone()).send().await.expect("it answers");
        let line = answer.headers()["set-cookie"].to_str().expect("text").to_owned();
        line.split(';').next().unwrap_or_default().to_owned()
    });
    asked.collect().await
}

/// Stores the jobs, and gives for each seller the cookie, a job that has ended and one that runs.
async fn fill(stores: &StudioStores, sellers: &[String], clock: &Clock) -> Vec<String> {
    let insert = |job: Job| async move {
        stores.jobs.insert(&job).await.expect("stored");
        job.id
    };
    let owner = |at: usize| {
        let secret = sellers[at % SELLERS].split_once('=').and_then(|(_, cookie)| cookie.split_once('.'));
        Owner::session(secret.expect("a signed cookie").0)
    };
    let made = futures_util::stream::iter(0..JOBS).map(|at| insert(ended(at, clock).owned_by(Some(owner(at)))));
    let ended: Vec<JobId> = made.buffered(MAKERS).collect().await;
    let made = futures_util::stream::iter(0..SELLERS).map(|at| insert(running(clock).owned_by(Some(owner(at)))));
    let running: Vec<JobId> = made.buffered(MAKERS).collect().await;
    let line = |at: usize| format!("{} {} {}", sellers[at], ended[JOBS - SELLERS + at], running[at]);
    (0..SELLERS).map(line).collect()
}

fn running(clock: &Clock) -> Job {
    let now = clock.now();
    let source = Source {
        blob: "0".repeat(64),
        file_name: Some("mug.jpg".into()),
        content_type: "image/jpeg".into(),
        bytes: 2_400_000,
        width: 4_000,
        height: 3_000,
        notices: Vec::new(),
    };
    let spec = JobSpec {
        preset: "amazon_main".into(),
        user_prompt: Some("on linen, soft light from the left".into()),
        prompt: "A product photo for a marketplace's main picture. Within these rules: on linen, soft light".into(),
        aspect_ratio: AspectRatio::R1x1,
        endpoint: EDIT_ENDPOINT.parse().expect("an endpoint"),
        num_images: 3,
        identifier: None,
        products: None,
        whatsapp: None,
        sources: vec![source],
        image_urls: Vec::new(),
        choice: Default::default(),
        notices: Vec::new(),
        staging: Default::default(),
        making: Default::default(),
        callback: None,
        notify: None,
        in_batch: false,
    };
    let job = Job::new(JobId::new(now), CallbackToken::random(), spec, now);
    Job { phase: Phase::Follow, submit_started_at: Some(now), running_at: Some(now), ..job }
}

fn ended(at: usize, clock: &Clock) -> Job {
    let job = running(clock);
    let rule = |n: usize| {
        json!({
            "rule": format!("rule_{n}"), "title": format!("Rule number {n}"), "outcome": "pass", "severity": "error",
            "required": "at least 85 % of the frame", "measured": "88.0 % of the frame", "fix": "",
            "source": "Amazon Seller Central, product image requirements, read 2026-10-30",
        })
    };
    let report = RawJson::of(&json!({ "passed": true, "results": (0..RULES).map(rule).collect::<Vec<_>>() }));
    let picture = |n: usize| FinishedPicture {
        blob: format!("{:064x}", at * 10 + n),
        raw_blob: format!("{:064x}", at * 10 + n + 4),
        raw_content_type: "image/png".into(),
        diff_blob: None,
        matte_blob: None,
        file_name: format!("SKU-{at}.PT0{n}.jpg"),
        content_type: "image/jpeg".into(),
        bytes: 412_000,
        width: 2_000,
        height: 2_000,
        bytes_beside: 1_400_000,
        variant: Some("Pure white".into()),
        passed: true,
        quality: Some(91),
        repairs: RawJson::of(&["margins", "background"]),
        report: report.clone(),
    };
    let finished = Finished {
        pictures: (1..=3).map(picture).collect(),
        media: Vec::new(),
        description: Some("The product was cut out of your photo and laid on 3 scenes.".into()),
        notices: Vec::new(),
        cutout: None,
        tilt_degrees: None,
    };
    let spec = JobSpec { identifier: Some(format!("SKU-{at}")), ..job.spec.clone() };
    Job {
        spec,
        phase: Phase::Done,
        result_at: Some(job.created_at),
        finished_at: Some(job.created_at),
        outcome: Some(Outcome::Succeeded(finished)),
        ..job
    }
}

/// A browser with its cookie, one of its jobs that has ended, and one that runs.
#[derive(Clone)]
struct Seller {
    cookie: String,
    ended: String,
    running: String,
}

/// What browsers ask for, by name; the operator's see all jobs.
const ROUTES: [(&str, &str); 8] = [
    ("first page", ""),
    ("page of a job", "jobs/{ended}"),
    ("a job", "api/jobs/{ended}"),
    ("list of 50", "api/jobs"),
    ("jobs by ids", "api/jobs?ids={ended},{running}"),
    ("history", "history"),
    ("search", "history?q=sku-7&status=SUCCEEDED"),
    ("history of all jobs", "history"),
];

/// The operator looks for what one of all jobs has, the slowest question of all.
const RARE: (&str, &str) = ("one among all jobs", "history?q=sku-77777");

async fn measure(folder: &Path) {
    let (mut server, url, sellers) = start(folder);
    let pid = server.id();
    println!("{JOBS} jobs of {SELLERS} sellers on SQLite, {A_SECOND} requests a second for {SECONDS} s, from outside");
    let http = browser();
    // What is read for the first time comes from the disk; a studio runs for weeks.
    ask_all(&http, &url, &sellers, A_SECOND, 3).await;
    let cpu = cpu_micros(pid);
    let times = ask_all(&http, &url, &sellers, A_SECOND, SECONDS).await;
    let busy = (cpu_micros(pid) - cpu) as f64 / 1e6 / f64::from(SECONDS);
    for (at, (name, _)) in ROUTES.iter().enumerate() {
        let own: Vec<f64> = times.iter().filter(|(route, _)| *route == at).map(|(_, ms)| *ms).collect();
        println!("  {name:20} p50 {:6.2} ms  p99 {:6.2} ms", share(&own, 0.5), share(&own, 0.99));
    }
    let all: Vec<f64> = times.iter().map(|(_, ms)| *ms).collect();
    let p99 = share(&all, 0.99);
    println!(
        "  {:20} p50 {:6.2} ms  p99 {p99:6.2} ms, {:.2} of {LIMIT_MS} ms; {busy:.2} cores",
        "all",
        share(&all, 0.5),
        p99 / LIMIT_MS
    );
    let found = rare(&http, &url).await;
    println!(
        "  {:20} p50 {:6.2} ms  p99 {:6.2} ms, one after the other",
        RARE.0,
        share(&found, 0.5),
        share(&found, 0.99)
    );
    streams(&http, &url, &sellers, pid).await;
    drop(server.stdin.take());
    let _ = server.wait();
}

fn start(folder: &Path) -> (Child, Url, Vec<Seller>) {
    let mut server = Command::new(std::env::current_exe().expect("this program"))
        .arg("serve")
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(server.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let url = lines.next().and_then(|line| line.parse().ok()).expect("an address");
    let seller = |line: String| {
        let mut words = line.split(' ').map(str::to_owned);
        Some(Seller { cookie: words.next()?, ended: words.next()?, running: words.next()? })
    };
    let sellers = lines.take_while(|line| !line.is_empty()).filter_map(seller).collect();
    (server, url, sellers)
}

/// Asks at a steady rate, whether or not answers have come; the route and the milliseconds of each.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
async fn ask_all(http: &Client, url: &Url, sellers: &[Seller], rate: u32, seconds: u32) -> Vec<(usize, f64)> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    let mut asked = Vec::new();
    for at in 0..(rate * seconds) as usize {
        ticks.tick().await;
        let due = Instant::now();
        let (route, seller) = (at % ROUTES.len(), &sellers[at % sellers.len()]);
        let path = ROUTES[route].1.replace("{ended}", &seller.ended).replace("{running}", &seller.running);
        let request = http.get(url.join(&path).expect("a path")).header("cookie", &seller.cookie);
        let request = match ROUTES[route].0.ends_with("all jobs") {
            true => request.bearer_auth(TOKEN),
            false => request,
        };
        let request = request.header("accept", "text/html").header("accept-encoding", "gzip");
        asked.push(tokio::spawn(async move {
            let answer = request.send().await.expect("it answers");
            assert_eq!(answer.status(), 200, "{}", answer.url());
            let _ = answer.bytes().await.expect("whole");
            (route, due.elapsed().as_secs_f64() * 1000.0)
        }));
    }
    futures_util::future::join_all(asked).await.into_iter().map(|time| time.expect("no panic")).collect()
}

/// Milliseconds of a search that looks at every job.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
async fn rare(http: &Client, url: &Url) -> Vec<f64> {
    let asked = futures_util::stream::iter(0..SECONDS).then(|_| async {
        let begun = Instant::now();
        let answer = http.get(url.join(RARE.1).expect("a path")).bearer_auth(TOKEN).send().await.expect("it answers");
        assert_eq!(answer.status(), 200);
        let _ = answer.bytes().await.expect("whole");
        begun.elapsed().as_secs_f64() * 1000.0
    });
    asked.collect().await
}

/// Opens event streams of running jobs, and tells what they cost the server.
async fn streams(http: &Client, url: &Url, sellers: &[Seller], pid: u32) {
    let before = resident_mb(pid);
    let mut open = Vec::with_capacity(STREAMS);
    for at in 0..STREAMS {
        let seller = &sellers[at % sellers.len()];
        let path = format!("api/jobs/{}/events", seller.running);
        let request = http.get(url.join(&path).expect("a path")).header("cookie", &seller.cookie);
        let mut stream = request.timeout(Duration::from_secs(120)).send().await.expect("it answers").bytes_stream();
        stream.next().await.expect("the job as it is").expect("whole");
        open.push(stream);
    }
    let more = resident_mb(pid) - before;
    let cpu = cpu_micros(pid);
    Clock::system().sleep(STREAMS_WATCHED).await;
    let busy = (cpu_micros(pid) - cpu) as f64 / STREAMS_WATCHED.as_micros() as f64;
    println!(
        "  {STREAMS} event streams: {more:.1} MB, {:.2} of {STREAMS_LIMIT_MB} MB; {busy:.2} cores",
        more / STREAMS_LIMIT_MB
    );
}

fn share(times: &[f64], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(((sorted.len().max(1) - 1) as f64 * share) as usize).copied().unwrap_or_default()
}

fn cpu_micros(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("the process lives");
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks * 10_000
}

fn resident_mb(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: Option<f64> = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok());
    kilobytes.unwrap_or_default() / 1024.0
}
