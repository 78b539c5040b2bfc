//! Chromium through ChromeDriver, as far as these tests need it: the WebDriver protocol is JSON over HTTP.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plantain_work::Clock;
use serde_json::{Value, json};
use url::Url;

use crate::bed::{self, PATIENCE};

mod tabs;

/// Longer than anything on a page moves, also on a busy machine.
const MOVES_MAX: Duration = Duration::from_secs(20);

const DRIVER: &str = "/usr/bin/chromedriver";

/// The key under which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Without these Chromium asks hosts of its maker at every start, and as root it doesn't start at all.
const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    Desktop,
    Phone,
}

/// One window. Closed when dropped.
pub struct Browser {
    driver: Child,
    session: Url,
    http: reqwest::Client,
    /// The profile, and beside it what is picked.
    folder: tempfile::TempDir,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test runner tells through the environment that a browser must be there"
)]
fn must_be_there() -> bool {
    std::env::var_os("PLANTAIN_TEST_BROWSER").is_some()
}

impl Browser {
    /// `None` where no browser is installed, said loudly; with `PLANTAIN_TEST_BROWSER` set that is a failure.
    pub async fn start(screen: Screen) -> Option<Browser> {
        if !Path::new(DRIVER).is_file() {
            assert!(!must_be_there(), "{DRIVER} is missing");
            eprintln!("SKIPPED: no {DRIVER}; `cargo xtask test` installs it");
            return None;
        }
        let mut driver =
            Command::new(DRIVER).arg("--port=0").stdout(Stdio::piped()).spawn().expect("chromedriver runs");
        let port = port(&mut driver);
        let folder = tempfile::tempdir().unwrap();
        let http = bed::http();
        let sessions = Url::parse(&format!("http://127.0.0.1:{port}/session")).unwrap();
        let data = format!("--user-data-dir={}", folder.path().join("profile").display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([data.as_str(), "--window-size=1440,1000"]).collect();
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            // axe needs many seconds of a busy machine for the longest page; 30 is what is given by default.
            "timeouts": { "script": PATIENCE.as_millis() as u64 },
        } } });
        let begun = ask(http.post(sessions.clone()).json(&wanted)).await;
        let id = begun["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {begun}")).to_owned();
        let session = Url::parse(&format!("{sessions}/{id}/")).unwrap();
        let browser = Browser { driver, session, http, folder };
        browser.fit(screen).await;
        Some(browser)
    }

    async fn fit(&self, screen: Screen) {
        match screen {
            Screen::Desktop => self.measure_out(1440, 1000, false).await,
            Screen::Phone => self.measure_out(390, 844, true).await,
        }
    }

    /// A phone of another width.
    pub async fn on_a_phone_of(&self, width: u64) {
        self.measure_out(width, 844, true).await;
    }

    async fn measure_out(&self, width: u64, height: u64, mobile: bool) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    pub async fn open(&self, url: &str) {
        self.post("url", json!({ "url": url })).await;
    }

    pub async fn reload(&self) {
        self.post("refresh", json!({})).await;
    }

    /// Runs a script and gives what it returns.
    pub async fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("execute/sync", json!({ "script": script, "args": arguments })).await
    }

    /// Waits until `script` returns true.
    pub async fn until(&self, what: &str, script: &str, patience: Duration) {
        if !self.comes(script, patience).await {
            let page = self.run("return location.href + ' says: ' + document.body.innerText", &[]).await;
            panic!("{what} did not come; {page}; the console: {:?}", self.complaints().await);
        }
    }

    /// Whether `script` returns true before patience ends.
    pub async fn comes(&self, script: &str, patience: Duration) -> bool {
        let clock = Clock::system();
        let waiting = async {
            while self.run(script, &[]).await != true {
                clock.sleep(Duration::from_millis(50)).await;
            }
        };
        clock.timeout(patience, waiting).await.is_some()
    }

    /// The different texts of an element until `done` returns true.
    pub async fn watch_text(&self, selector: &str, done: &str) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        let clock = Clock::system();
        let watching = async {
            while self.run(done, &[]).await != true {
                let text = self
                    .run("return document.querySelector(arguments[0])?.textContent.trim()", &[selector.into()])
                    .await;
                if let Some(text) = text.as_str().filter(|text| texts.last().is_none_or(|last| last != text)) {
                    texts.push(text.to_owned());
                }
                clock.sleep(Duration::from_millis(20)).await;
            }
        };
        clock.timeout(PATIENCE, watching).await;
        texts
    }

    /// As a person does it, who waits while the page still scrolls there or its rows glide to their places.
    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        let url = self.session.join(&format!("element/{element}/click")).unwrap();
        let clock = Clock::system();
        let clicking = async {
            loop {
                let sent = self.http.post(url.clone()).json(&json!({})).send().await;
                let (status, answer) = bed::answer(sent.expect("chromedriver answers")).await;
                if answer["value"]["error"] != "element click intercepted" {
                    break assert_eq!(status, 200, "{selector}: {answer:#}");
                }
                clock.sleep(Duration::from_millis(50)).await;
            }
        };
        assert!(clock.timeout(MOVES_MAX, clicking).await.is_some(), "{selector} stays covered");
    }

    pub async fn write(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.post(&format!("element/{element}/value"), json!({ "text": text })).await;
    }

    pub async fn pick_file(&self, selector: &str, file: &Path) {
        self.write(selector, file.to_str().unwrap()).await;
    }

    /// A file of its own, which is written first.
    pub async fn pick(&self, selector: &str, name: &str, bytes: &[u8]) {
        let file = self.folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        self.pick_file(selector, &file).await;
    }

    /// Puts a `mouse` or a `touch` down at the first place, moves it over the others and lifts it.
    pub async fn drag(&self, places: &[(i64, i64)], pointer: &str) {
        self.post("actions", json!({ "actions": [stroke("hand", places, pointer)] })).await;
    }

    /// Two fingers, each along its own places. As with people, the other one comes down when the first has moved a little.
    pub async fn pinch(&self, one: &[(i64, i64)], other: &[(i64, i64)]) {
        let mut fingers = [stroke("thumb", one, "touch"), stroke("finger", other, "touch")];
        if let Some(steps) = fingers[1]["actions"].as_array_mut() {
            let pause = json!({ "type": "pause", "duration": 20 });
            steps.splice(0..0, [pause.clone(), pause]);
        }
        self.post("actions", json!({ "actions": fingers })).await;
    }

    /// Two taps of a finger at one place, as quick as people do it.
    pub async fn double_tap(&self, (x, y): (i64, i64)) {
        let (down, up) = (json!({ "type": "pointerDown", "button": 0 }), json!({ "type": "pointerUp", "button": 0 }));
        let pause = json!({ "type": "pause", "duration": 40 });
        let place = json!({ "type": "pointerMove", "duration": 0, "x": x, "y": y });
        let steps = [place, down.clone(), up.clone(), pause, down, up];
        let finger =
            json!({ "type": "pointer", "id": "tip", "parameters": { "pointerType": "touch" }, "actions": steps });
        self.post("actions", json!({ "actions": [finger] })).await;
    }

    /// Turns the wheel over a place, up where `by` is below 0.
    pub async fn wheel(&self, (x, y): (i64, i64), by: i64) {
        let turn = json!({ "type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": by, "duration": 0 });
        self.post("actions", json!({ "actions": [{ "type": "wheel", "id": "wheel", "actions": [turn] }] })).await;
    }

    /// Keys that are pressed and let go one after the other, all while `held` is down where there is one.
    pub async fn press(&self, held: Option<&str>, keys: &[&str]) {
        let key = |kind: &str, value: &str| json!({ "type": kind, "value": value });
        let tap = |value: &&str| [key("keyDown", value), key("keyUp", value)];
        let taps = keys.iter().flat_map(tap);
        let down = held.map(|value| key("keyDown", value)).into_iter();
        let up = held.map(|value| key("keyUp", value)).into_iter();
        let steps: Vec<Value> = down.chain(taps).chain(up).collect();
        let board = json!({ "type": "key", "id": "board", "actions": steps });
        self.post("actions", json!({ "actions": [board] })).await;
    }

    /// An option of a select, by its value.
    pub async fn choose(&self, selector: &str, value: &str) {
        self.click(&format!("{selector} option[value={value}]")).await;
    }

    /// The card of a preset.
    pub async fn choose_preset(&self, id: &str) {
        self.click(&format!("[data-test=preset] input[value={id}]")).await;
    }

    pub async fn download_to(&self, folder: &Path) {
        self.devtools("Browser.setDownloadBehavior", json!({ "behavior": "allow", "downloadPath": folder })).await;
    }

    pub async fn screenshot(&self, file: &Path) {
        let picture = ask(self.http.get(self.session.join("screenshot").unwrap())).await;
        let bytes = STANDARD.decode(picture.as_str().expect("a screenshot")).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    /// Warnings and errors of the console since the last call.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.post("se/log", json!({ "type": "browser" })).await;
        let bad = |entry: &&Value| matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING"));
        entries.as_array().into_iter().flatten().filter(bad).map(|entry| entry["message"].to_string()).collect()
    }

    /// Host and port of every request since the last call.
    pub async fn requested_hosts(&self) -> BTreeSet<String> {
        let entries = self.post("se/log", json!({ "type": "performance" })).await;
        let url = |entry: &Value| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let sent = event["message"]["method"] == "Network.requestWillBeSent";
            let url = Url::parse(event["message"]["params"]["request"]["url"].as_str()?).ok()?;
            (sent && matches!(url.scheme(), "http" | "https" | "ws" | "wss")).then_some(url)
        };
        let host = |url: Url| format!("{}:{}", url.host_str().unwrap_or("?"), url.port_or_known_default().unwrap_or(0));
        entries.as_array().into_iter().flatten().filter_map(url).map(host).collect()
    }

    async fn element(&self, selector: &str) -> String {
        let found = self.post("element", json!({ "using": "css selector", "value": selector })).await;
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("{selector} is not on the page: {found}")).to_owned()
    }

    /// As a system set to dark colours shows it, or to light ones.
    pub async fn colors(&self, scheme: &str) {
        let scheme = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": [scheme] })).await;
    }

    /// A command of Chromium's own protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.post("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        ask(self.http.post(self.session.join(path).unwrap()).json(&body)).await
    }
}

async fn ask(request: reqwest::RequestBuilder) -> Value {
    let (status, answer) = bed::answer(request.send().await.expect("chromedriver answers")).await;
    assert_eq!(status, 200, "{answer:#}");
    answer["value"].clone()
}

fn stroke(id: &str, places: &[(i64, i64)], pointer: &str) -> Value {
    let move_to = |(x, y): &(i64, i64)| json!({ "type": "pointerMove", "duration": 20, "x": x, "y": y });
    let mut steps: Vec<Value> = places.iter().map(move_to).collect();
    steps.insert(1, json!({ "type": "pointerDown", "button": 0 }));
    steps.push(json!({ "type": "pointerUp", "button": 0 }));
    json!({ "type": "pointer", "id": id, "parameters": { "pointerType": pointer }, "actions": steps })
}

/// ChromeDriver says which port it took.
fn port(driver: &mut Child) -> u16 {
    let stdout = driver.stdout.take().expect("stdout is piped");
    let mut lines = BufReader::new(stdout).lines();
    let said = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.split("started successfully on port ").nth(1)?.trim_end_matches('.').parse().ok());
    said.expect("chromedriver says its port")
}

impl Drop for Browser {
    fn drop(&mut self) {
        // ChromeDriver ends its Chromium when it is told to shut down; killing it alone would leave that running.
        let port = self.session.port().unwrap_or(0);
        if let Ok(mut socket) = std::net::TcpStream::connect(("127.0.0.1", port)) {
            use std::io::{Read, Write};
            let path = self.session.path().trim_end_matches('/');
            let request = format!("DELETE {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
            let _ = socket.write_all(request.as_bytes());
            let _ = socket.set_read_timeout(Some(Duration::from_secs(5)));
            let _ = socket.read(&mut [0; 1024]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
