//! The roles as processes of their own: one takes requests in and sends webhooks, another executes models, and they share a
//! Postgres and nothing else.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use plantain_testkit::receiver::Receiver;
use plantain_work::random;
use serde_json::Value;

use crate::bed::{self, plantain, run};

/// The address of a server on which schemas may be made and dropped.
const SERVER: &str = "PLANTAIN_TEST_POSTGRES";

/// An empty schema, dropped with the value.
struct Schema {
    server: String,
    name: String,
}

impl Schema {
    /// `None`, and a line that can't be overlooked, where no server is configured.
    #[expect(clippy::disallowed_methods, reason = "tests are told by the environment where their server is")]
    fn new() -> Option<Schema> {
        let Ok(server) = std::env::var(SERVER) else {
            eprintln!("SKIPPED: no Postgres. `cargo xtask test` starts one, or set {SERVER}=postgres://…");
            return None;
        };
        let name = format!("test_{:016x}", u64::from_le_bytes(random::bytes()));
        let schema = Schema { server, name };
        schema.sql(&format!("CREATE SCHEMA {}", schema.name));
        Some(schema)
    }

    fn sql(&self, sql: &str) {
        let done = Command::new("psql").args(["--quiet", &self.server, "--command", sql]).status();
        assert!(done.is_ok_and(|status| status.success()), "{sql}");
    }

    fn setting(&self) -> String {
        let join = if self.server.contains('?') { '&' } else { '?' };
        format!("QUEUE_DATABASE_URL={}{join}options=-c%20search_path%3D{}", self.server, self.name)
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        self.sql(&format!("DROP SCHEMA {} CASCADE", self.name));
    }
}

/// A part of the system in a process of its own. Killed when dropped.
struct Part(Child);

impl Part {
    /// Ready when it returns, with what it said then.
    fn start(folder: &Path, role: &str, settings: &[&str]) -> (Part, Value) {
        let mut command = plantain(folder);
        command.args(["serve", "--json", "--role", role, "--gateway-listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        for setting in settings {
            command.args(["--set", setting]);
        }
        let mut child = command.spawn().expect("the binary runs");
        let stdout = child.stdout.take().expect("stdout is piped");
        let part = Part(child);
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("it says when it is ready");
        (part, serde_json::from_str(&line).expect("it started"))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn one_process_takes_requests_in_and_another_runs_them() {
    let Some(schema) = Schema::new() else { return };
    let (queue_folder, runner_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let database = schema.setting();
    let none = [database.as_str(), "QUEUE_CONCURRENCY=0", "PLANTAIN_KEYS=shop:secret"];
    let (_queue, queue) = Part::start(queue_folder.path(), "queue", &none);
    let queue = queue["queue"].as_str().expect("an address").trim_end_matches('/').to_owned();
    let (receiver, http) = (Receiver::start().await, bed::http());
    let hook = receiver.url("/hook");
    let submit = format!("{queue}/plantain/simulated?fal_webhook={hook}");
    let asked = http.post(submit).header("authorization", "Key shop:secret").body(r#"{"duration_ms":1,"output":7}"#);
    let (status, said) = bed::answer(asked.send().await.unwrap()).await;
    assert_eq!(status, 200, "{said}");
    let public = format!("GATEWAY_PUBLIC_URL={queue}");
    let (_runner, runner) = Part::start(runner_folder.path(), "runner", &[&database, &public]);
    let delivered = receiver.wait_for(1).await;
    let delivered: Value = serde_json::from_slice(&delivered[0].body).unwrap();
    assert_eq!((&delivered["request_id"], &delivered["payload"]), (&said["request_id"], &Value::from(7)));
    // The runner lives and takes nothing in itself.
    let runner = runner["runner"].as_str().expect("an address").trim_end_matches('/').to_owned();
    for (path, expected) in [("readyz", 200), ("healthz", 200), ("plantain/simulated", 404)] {
        assert_eq!(http.get(format!("{runner}/{path}")).send().await.unwrap().status(), expected, "{path}");
    }
}

#[test]
fn a_role_that_can_not_be_is_refused_with_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (&["--role", "runner"][..], "set QUEUE_DATABASE_URL=postgres://"),
        (&["--role", "runner", "--set", "QUEUE_DATABASE_URL=postgres://nobody/q"], "set GATEWAY_PUBLIC_URL"),
        (&["--role", "queue", "--set", "QUEUE_CONCURRENCY=0"], "QUEUE_CONCURRENCY=0 is for --role queue"),
        (&["--set", "QUEUE_CONCURRENCY=0"], "QUEUE_CONCURRENCY=0 is for --role queue"),
        (&["--set", "WEBHOOK_ALERT_URL=http://10.0.0.1/x"], "WEBHOOK_ALERT_URL would never be posted to"),
        (&["--set", "WEBHOOK_ALERT_URL=http://1.1.1.1:25/x"], "WEBHOOK_ALERT_URL would never be posted to"),
    ] {
        let said = run(folder.path(), &[&["serve"], arguments].concat());
        assert!(said.code != 0 && said.stderr.contains(words), "{said:?}");
    }
}

#[tokio::test]
async fn a_studio_starts_whatever_is_set_for_models_that_run_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        ["QUEUE_CONCURRENCY=0", "STUDIO_LISTEN=127.0.0.1:0", "FAL_KEY=shop:secret", "FAL_QUEUE_URL=http://127.0.0.1:9"];
    let (_studio, said) = Part::start(folder.path(), "studio", &settings);
    let studio = said["studio"].as_str().expect("an address").trim_end_matches('/').to_owned();
    assert_eq!(bed::http().get(format!("{studio}/healthz")).send().await.unwrap().status(), 200);
}
