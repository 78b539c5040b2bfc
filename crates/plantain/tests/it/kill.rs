//! kill -9 at any moment, restart: every job that was accepted still ends with its three pictures, made once.

use std::fs;
use std::time::Duration;

use plantain_testkit::photo;
use plantain_work::Clock;
use serde_json::Value;
use url::Url;

use crate::bed::{self, Part, Server, run};

/// When the server is killed, seen from the newest job.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Right after the studio said 202.
    Accepted,
    /// The studio shows this stage, and then so many milliseconds more.
    Stage(&'static str, u64),
    /// The queue has the answer; its webhook is on the way or not yet.
    Answered,
}

const MOMENTS: [Moment; 8] = [
    Moment::Accepted,
    Moment::Stage("queued", 0),
    Moment::Stage("generating", 0),
    Moment::Stage("generating", 400),
    Moment::Answered,
    Moment::Stage("saving", 0),
    Moment::Stage("saving", 60),
    Moment::Stage("done", 0),
];

async fn wait_for(moment: Moment, server: &Server, http: &reqwest::Client, id: &str) {
    match moment {
        Moment::Accepted => {}
        Moment::Stage(stage, millis) => {
            let order = ["uploading", "waiting_for_queue", "queued", "generating", "saving", "done"];
            let rank = |name: &str| order.iter().position(|known| *known == name).expect("a known stage");
            bed::until(stage, async || {
                let job = bed::job(http, &server.studio, id).await;
                rank(job["stage"].as_str().unwrap_or("uploading")) >= rank(stage)
            })
            .await;
            Clock::system().sleep(Duration::from_millis(millis)).await;
        }
        Moment::Answered => {
            let request = bed::job(http, &server.studio, id).await["requestId"].as_str().unwrap_or("?").to_owned();
            let status = server.queue.join(&format!("/queue/fal-ai/nano-banana/requests/{request}/status")).unwrap();
            let key = format!("Key {}", server.secret("api-key"));
            bed::until("the queue's answer", async || {
                let asked = http.get(status.clone()).header("authorization", &key).send().await.unwrap();
                bed::answer(asked).await.1["status"] == "COMPLETED"
            })
            .await;
        }
    }
}

async fn submit(http: &reqwest::Client, studio: &Url) -> (String, Value) {
    let photo = photo::jpeg();
    let parts = [Part::File("image", "jar.jpg", &photo), Part::Text("preset", "amazon_main")];
    let (status, begun) = bed::post(http, studio, &parts).await;
    assert_eq!(status, 202, "{begun}");
    (begun["jobId"].as_str().unwrap().to_owned(), begun["requestId"].clone())
}

#[tokio::test]
async fn every_accepted_job_ends_with_its_three_pictures_whenever_the_server_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["WEBHOOK_SCHEDULE=200ms,1s,2s,4s,8s"]);
    let mut jobs = Vec::new();
    for moment in MOMENTS {
        let http = bed::http();
        let (id, request) = submit(&http, &server.studio).await;
        wait_for(moment, &server, &http, &id).await;
        server.kill();
        server.restart();
        jobs.push((moment, id, request));
    }
    let http = bed::http();
    for (moment, id, request) in &jobs {
        bed::until("the end of a job", async || bed::job(&http, &server.studio, id).await["stage"] == "done").await;
        let job = bed::job(&http, &server.studio, id).await;
        assert_eq!(job["status"], "SUCCEEDED", "killed at {moment:?}: {job:#}");
        assert_eq!(&job["requestId"], request, "killed at {moment:?}: the job was submitted again");
        assert_whole(&http, &server.studio, &job).await;
    }
}

/// Leases last ten seconds; a process that finds its folder unlocked knows that their holder is gone.
#[tokio::test]
async fn what_was_under_way_goes_on_right_after_the_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    let key = format!("Key {}", server.secret("api-key"));
    let submit = server.queue.join("/queue/plantain/simulated").unwrap();
    let asked = bed::http().post(submit).header("authorization", &key).body(r#"{"duration_ms": 600000}"#);
    let id = bed::answer(asked.send().await.unwrap()).await.1["request_id"].as_str().unwrap().to_owned();
    let status = server.queue.join(&format!("/queue/plantain/simulated/requests/{id}/status?logs=1")).unwrap();
    // Each attempt says once that it begins. A client of its own, since connections die with the server.
    let attempts = async || {
        let asked = bed::http().get(status.clone()).header("authorization", &key).send().await.unwrap();
        bed::answer(asked).await.1["logs"].as_array().map_or(0, Vec::len)
    };
    bed::until("the first attempt", async || attempts().await == 1).await;
    server.kill();
    server.restart();
    let again = async {
        while attempts().await < 2 {
            Clock::system().sleep(Duration::from_millis(5)).await;
        }
    };
    let soon = Clock::system().timeout(Duration::from_secs(4), again).await;
    assert!(soon.is_some(), "the request waits for the lease of a dead process");
}

async fn assert_whole(http: &reqwest::Client, studio: &Url, job: &Value) {
    let images = job["images"].as_array().unwrap();
    assert_eq!(images.len(), 3, "{job:#}");
    for image in images {
        assert_eq!(image["passed"], true, "{image:#}");
        let url = studio.join(image["url"].as_str().unwrap()).unwrap();
        let picture = http.get(url).send().await.unwrap().bytes().await.unwrap();
        assert_eq!(picture.len() as u64, image["bytes"].as_u64().unwrap());
        assert!(picture.starts_with(b"\xff\xd8\xff") && picture.ends_with(b"\xff\xd9"), "a whole JPEG");
    }
}

/// The command itself sits the outage out.
#[tokio::test]
async fn generate_against_a_server_survives_the_servers_death() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["WEBHOOK_SCHEDULE=200ms,1s,2s,4s,8s"]);
    fs::write(folder.path().join("jar.jpg"), photo::jpeg()).unwrap();
    let (place, studio) = (folder.path().to_owned(), server.studio.to_string());
    let command = std::thread::spawn(move || run(&place, &["generate", "jar.jpg", "--server", &studio, "--json"]));
    let http = bed::http();
    bed::until("a job that runs", async || {
        let url = server.studio.join("/api/jobs").unwrap();
        let page = bed::answer(http.get(url).send().await.unwrap()).await.1;
        page["jobs"][0]["stage"] == "generating"
    })
    .await;
    server.kill();
    server.restart();
    let said = command.join().unwrap();
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.json()[0]["files"].as_array().unwrap().len(), 3);
}
