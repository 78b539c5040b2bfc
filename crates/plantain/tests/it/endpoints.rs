//! Models that the operator configured, from `plantain.toml` to the result over HTTP.

use std::fs;

use bytes::Bytes;
use futures_util::StreamExt;
use plantain_client::{ApiKey, ClientError, Endpoints, Logs, QueueClient, ResultReply, SubmitOptions};
use plantain_testkit::Receiver;
use plantain_testkit::receiver::Answer;
use plantain_wire::endpoint::EndpointId;

use crate::bed::{Server, run};

const OUTPUT: &str = r#"{"images": [], "seed": 17454220438242315174}"#;

/// Submits, waits for the end and fetches the result.
async fn result(client: &QueueClient, endpoint: &str, input: &str) -> Result<ResultReply, ClientError> {
    let endpoint: EndpointId = endpoint.parse().unwrap();
    let input = Bytes::copy_from_slice(input.as_bytes());
    let id = client.submit(&endpoint, input, &SubmitOptions::default()).await?.request_id;
    let mut stream = client.stream(&endpoint, &id, Logs::Without);
    while let Some(status) = stream.next().await {
        status?;
    }
    client.result(&endpoint, &id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_of_ones_own_is_served_as_the_file_says() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let file = format!(
        "[endpoints.\"me/app\"]\nrunner = \"http\"\nurl = \"{}\"\n\n\
         [endpoints.\"fal-ai/flux/*\"]\nrunner = \"simulated\"\nduration = \"1ms\"\noutput = {{ images = [] }}\n\n\
         [endpoints.\"test/flaky\"]\nrunner = \"simulated\"\nduration = \"1ms\"\nfailures = [418]\n",
        receiver.url("/run/{path}").as_str().replace("%7B", "{").replace("%7D", "}")
    );
    fs::write(folder.path().join("plantain.toml"), file).unwrap();
    let said = run(folder.path(), &["doctor"]);
    assert!(said.stdout.contains("fal-ai/flux/* (simulated), me/app (http), test/flaky (simulated)"), "{said:?}");

    let server = Server::start(folder.path(), &[]);
    let key = ApiKey::new(server.secret("api-key").trim()).unwrap();
    let client = QueueClient::new(Endpoints::under(&server.queue), Some(key)).unwrap();
    receiver.answer(Answer::Body(200, "application/json", OUTPUT.into()));
    let input = r#"{"prompt":"a cup",  "seed":17454220438242315174}"#;
    let reply = result(&client, "me/app", input).await.unwrap();
    assert_eq!((reply.http_status, reply.body.as_ref()), (200, OUTPUT.as_bytes()));
    let received = receiver.received();
    assert_eq!((received[0].uri.path(), received[0].body.as_ref()), ("/run/", input.as_bytes()));

    let reply = result(&client, "fal-ai/flux/dev", r#"{"prompt":"a cup","num_images":9}"#).await.unwrap();
    let words = String::from_utf8_lossy(&reply.body).into_owned();
    assert!(reply.http_status == 422 && words.contains("less_than_equal"), "{words}");
    let reply = result(&client, "fal-ai/flux/dev", r#"{"prompt":"a cup"}"#).await.unwrap();
    assert_eq!(reply.body, r#"{"images":[]}"#);
    assert_eq!(result(&client, "test/flaky", "{}").await.unwrap().http_status, 418);
    let unknown = result(&client, "me/other", "{}").await;
    assert!(matches!(unknown, Err(ClientError::Rejected { status: 404, .. })), "{unknown:?}");
}

#[test]
fn a_slip_in_the_file_is_named_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = "[endpoints.\"me/app\"]\nrunner = \"http\"\nurl = \"http://127.0.0.1:5000/\"\nheader = {}\n";
    fs::write(folder.path().join("plantain.toml"), file).unwrap();
    let said = run(folder.path(), &["serve"]);
    assert_ne!(said.code, 0);
    assert!(said.stderr.contains("[endpoints.\"me/app\"] has no key `header`; did you mean `headers`?"), "{said:?}");
}
