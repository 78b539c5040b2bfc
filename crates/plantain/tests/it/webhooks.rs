//! What a running studio believes, and what it refuses.

use plantain_testkit::photo;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::signature::{SignedHeaders, SigningKey, sign_webhook};
use plantain_work::Clock;
use serde_json::{Value, json};

use crate::bed::{self, Part, Server};

/// The queue's own key and account, as somebody has them who broke into it.
struct Sender {
    key: SigningKey,
    user: UserId,
}

impl Sender {
    fn of(server: &Server) -> Sender {
        let seed = hex::decode(server.secret("signing-key")).unwrap().try_into().unwrap();
        Sender { key: SigningKey::from_seed(seed), user: UserId::parse(&server.secret("user-id")).unwrap() }
    }

    fn sign(&self, request: &str, age_seconds: i64, body: &[u8]) -> SignedHeaders {
        let at = Clock::system().now().as_second() - age_seconds;
        sign_webhook(&self.key, &RequestId::parse(request).unwrap(), &self.user, at, body)
    }
}

async fn deliver(server: &Server, query: &str, headers: Option<&SignedHeaders>, body: Vec<u8>) -> (u16, Value) {
    let mut request = bed::http().post(server.studio.join(&format!("/api/fal/webhook{query}")).unwrap());
    for (name, value) in headers.iter().flat_map(|headers| headers.iter()) {
        request = request.header(name, value);
    }
    bed::answer(request.body(body).send().await.unwrap()).await
}

fn body(request: &str) -> Vec<u8> {
    let payload = json!({ "images": [], "description": "forged" });
    json!({ "request_id": request, "gateway_request_id": request, "status": "OK", "payload": payload })
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn a_studio_believes_its_own_queue_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let photo = photo::jpeg();
    let http = bed::http();
    let (_, begun) = bed::post(&http, &server.studio, &[Part::File("image", "jar.jpg", &photo)]).await;
    let (id, request) = (begun["jobId"].as_str().unwrap(), begun["requestId"].as_str().unwrap());
    bed::until("the job's end", async || bed::job(&http, &server.studio, id).await["stage"] == "done").await;
    let before = bed::job(&http, &server.studio, id).await;
    assert_eq!(before["status"], "SUCCEEDED", "{before:#}");

    let sender = Sender::of(&server);
    let stranger = Sender { key: SigningKey::from_seed([9; 32]), user: sender.user.clone() };
    let neighbour = Sender { key: SigningKey::from_seed(seed(&server)), user: UserId::parse("user_other").unwrap() };
    let good = body(request);
    let other = body("019d9e0b-6eb0-7920-827a-868d042ec76e");
    for (what, headers, body, expected) in [
        ("no signature", None, good.clone(), 401),
        ("garbage", None, b"\xff\x00garbage".to_vec(), 401),
        ("forged", Some(stranger.sign(request, 0, &good)), good.clone(), 401),
        ("stale", Some(sender.sign(request, 600, &good)), good.clone(), 401),
        ("from the future", Some(sender.sign(request, -600, &good)), good.clone(), 401),
        ("body changed", Some(sender.sign(request, 0, &good)), body("x"), 401),
        ("another account", Some(neighbour.sign(request, 0, &good)), good.clone(), 401),
        ("unknown request", Some(sender.sign("019d9e0b-6eb0-7920-827a-868d042ec76e", 0, &other)), other.clone(), 404),
        ("signed garbage", Some(sender.sign(request, 0, b"not json")), b"not json".to_vec(), 400),
        ("too large", None, vec![b'x'; 9 << 20], 413),
        ("late repetition", Some(sender.sign(request, 0, &good)), good.clone(), 200),
        ("and again", Some(sender.sign(request, 0, &good)), good.clone(), 200),
    ] {
        let (status, answer) = deliver(&server, "", headers.as_ref(), body).await;
        assert_eq!(status, expected, "{what}: {answer}");
        assert!(expected == 200 || answer["error"]["code"].is_string(), "{what}: {answer}");
    }
    let guessed = format!("?jobId={id}&token=guessed");
    let (status, answer) = deliver(&server, &guessed, Some(&sender.sign(request, 0, &good)), good.clone()).await;
    assert_eq!(status, 401, "a guessed token proves that the address is not ours: {answer}");
    assert_eq!(bed::job(&http, &server.studio, id).await, before, "nothing of it changed the job");
}

fn seed(server: &Server) -> [u8; 32] {
    hex::decode(server.secret("signing-key")).unwrap().try_into().unwrap()
}
