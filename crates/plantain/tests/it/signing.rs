//! Rotation of the keys that webhooks are signed with, by the command line beside a running queue.

use serde_json::Value;

use crate::bed::{self, Server, run};

async fn published(server: &Server) -> Vec<String> {
    let url = server.queue.join("/.well-known/jwks.json").unwrap();
    let (_, document) = bed::answer(bed::http().get(url).send().await.unwrap()).await;
    let keys = document["keys"].as_array().unwrap().iter().map(|key| key["x"].as_str().unwrap().to_owned());
    keys.filter(|x| !x.ends_with('=')).collect()
}

fn states(said: &Value) -> Vec<&str> {
    said["keys"].as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn keys_are_rotated_beside_a_running_queue_and_where_none_runs() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), &["signing", "rotate"]);
    assert!(said.code == 1 && said.stderr.contains("the first `plantain serve` makes one"), "{said:?}");
    let mut server = Server::start(folder.path(), &[]);
    let first = published(&server).await;
    assert_eq!(first.len(), 1);

    let said = run(folder.path(), &["signing", "rotate", "--json"]);
    assert_eq!(states(&said.json()), ["SIGNING", "WAITING"], "{said:?}");
    bed::until("the next key's publication", async || published(&server).await.len() == 2).await;
    assert_eq!(published(&server).await[0], first[0], "which does not sign yet");
    let said = run(folder.path(), &["signing", "rotate"]);
    assert!(said.code == 1 && said.stderr.contains("a rotation is under way"), "{said:?}");

    let said = run(folder.path(), &["signing", "rotate", "--now", "--json"]);
    assert_eq!(states(&said.json()), ["RETIRED", "SIGNING"], "{said:?}");
    bed::until("the next key's turn", async || published(&server).await[0] != first[0]).await;
    let second = published(&server).await;
    assert_eq!((second.len(), &second[1]), (2, &first[0]), "what the old one signed goes on verifying");

    server.kill();
    let said = run(folder.path(), &["signing", "rotate", "--withdraw", "--json"]);
    assert_eq!(states(&said.json()), ["SIGNING"], "{said:?}");
    server.restart();
    let third = published(&server).await;
    assert!(third.len() == 1 && !second.contains(&third[0]), "{third:?}");
    let said = run(folder.path(), &["signing", "list"]);
    assert!(said.code == 0 && said.stdout.contains(&third[0]) && said.stdout.contains("signs since"), "{said:?}");
    assert!(!said.stdout.contains(server.secret("signing-key").split(' ').next().unwrap()), "no secret is shown");
}

#[tokio::test]
async fn given_keys_sign_and_are_published_and_the_command_line_leaves_them_alone() {
    let folder = tempfile::tempdir().unwrap();
    let given = format!("PLANTAIN_SIGNING_KEYS={},{}", "01".repeat(32), "02".repeat(32));
    let server = Server::start(folder.path(), &[&given]);
    let shown = published(&server).await;
    let said = run(folder.path(), &["signing", "list", "--json", "--set", &given]);
    assert_eq!(
        (states(&said.json()), said.json()["keys"][0]["x"].as_str()),
        (vec!["SIGNING", "RETIRED"], Some(&*shown[0]))
    );
    let said = run(folder.path(), &["signing", "rotate", "--set", &given]);
    assert!(said.code == 1 && said.stderr.contains("PLANTAIN_SIGNING_KEYS"), "{said:?}");
    assert!(!said.stderr.contains("0101"), "{said:?}");
}
