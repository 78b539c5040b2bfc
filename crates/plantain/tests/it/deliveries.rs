//! What was given up, by the command line beside a running queue; and keys whose webhooks are signed in other forms.

use plantain_testkit::Receiver;
use plantain_testkit::receiver::Answer;
use plantain_wire::{hmac, standard};

use crate::bed::{self, Said, Server, run};

/// A request that ends at once and goes to this receiver, submitted with `key`.
async fn submit(server: &Server, key: &str, receiver: &Receiver) {
    let path = format!("queue/plantain/simulated?fal_webhook={}", receiver.url("/hook"));
    let request = bed::http().post(server.queue.join(&path).unwrap()).header("authorization", format!("Key {key}"));
    let (status, said) = bed::answer(request.body(r#"{"duration_ms": 1}"#).send().await.unwrap()).await;
    assert_eq!(status, 200, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_listed_shown_and_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let (server, receiver) = (Server::start(folder.path(), &[]), Receiver::start().await);
    let ask = |arguments: &[&str]| -> Said {
        let server = ["--server", server.queue.as_str(), "--json"];
        run(folder.path(), &[&["deliveries"], arguments, &server].concat())
    };
    for _ in 0..3 {
        receiver.answer(Answer::Body(410, "text/plain", "gone\u{1b}[2J".into()));
        submit(&server, &server.secret("api-key"), &receiver).await;
    }
    receiver.wait_for(3).await;
    bed::until("three dead letters", async || {
        ask(&["list", "--state", "dead"]).json()["deliveries"].as_array().unwrap().len() == 3
    })
    .await;
    let host = format!("127.0.0.1:{}", receiver.url("/").port().unwrap());
    let listed = ask(&["list", "--state", "dead", "--host", &host, "--limit", "2"]).json();
    assert_eq!(listed["deliveries"].as_array().unwrap().len(), 2);
    let id = listed["deliveries"][0]["id"].as_str().unwrap().to_owned();
    let shown = ask(&["show", &id]).json();
    assert_eq!((&shown["attempts"][0]["httpStatus"], &shown["attempts"][0]["fault"]), (&410.into(), &"theirs".into()));
    let text = run(folder.path(), &["deliveries", "show", &id, "--server", server.queue.as_str()]);
    assert!(text.code == 0 && text.stdout.contains("410 (theirs)") && !text.stdout.contains('\u{1b}'), "{text:?}");

    assert_eq!(ask(&["redeliver", &id]).json()["redelivered"], 1);
    receiver.wait_for(4).await;
    assert_eq!(ask(&["redeliver", "--host", "other.example:443"]).json()["redelivered"], 0);
    assert_eq!(ask(&["redeliver", "--host", &host, "--to", "2020-01-01T00:00:00Z"]).json()["redelivered"], 0);
    assert_eq!(ask(&["redeliver", "--host", &host]).json()["redelivered"], 2);
    receiver.wait_for(6).await;
    let unknown = ask(&["show", "nobody"]);
    assert!(unknown.code == 1 && unknown.stderr.contains("no such delivery"), "{unknown:?}");
    for usage in [&["redeliver"][..], &["list", "--state", "lost"], &["redeliver", &id, "--all"]] {
        assert_eq!(ask(usage).code, 2, "{usage:?}");
    }
    for (arguments, words) in
        [(&["show", ""][..], "is no id"), (&["redeliver", "--host", "127.0.0.1"], "with its port")]
    {
        let said = ask(arguments);
        assert!(said.code == 1 && said.stderr.contains(words), "{said:?}");
    }
    let hosts = ask(&["hosts"]);
    assert!(hosts.code == 0 && hosts.json()["hosts"].is_array(), "{hosts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_webhooks_are_signed_in_other_forms() {
    let folder = tempfile::tempdir().unwrap();
    let (server, receiver) = (Server::start(folder.path(), &[]), Receiver::start().await);
    let keys = |arguments: &[&str]| -> Said {
        run(folder.path(), &[&["keys"], arguments, &["--server", server.queue.as_str(), "--json"]].concat())
    };
    let made =
        keys(&["create", "legacy", "--hmac", "sha256", "--hmac-secret", "whsec_test", "--words", "completed"]).json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    submit(&server, key, &receiver).await;
    let first = receiver.wait_for(1).await.remove(0);
    let signature = first.headers["x-fal-signature"].to_str().unwrap();
    assert!(signature.starts_with("sha256=") && hmac::verify(b"whsec_test", signature, &first.body).is_ok());
    assert!(first.body.ends_with(br#""status": "COMPLETED"}"#), "{:?}", first.body);
    assert!(first.headers.contains_key("x-fal-webhook-signature") && !first.headers.contains_key("webhook-id"));

    let changed = keys(&["set", id, "--hmac", "off", "--words", "official", "--standard", "on"]).json();
    let secret = standard::key(changed["webhookSecrets"]["standard"].as_str().unwrap()).unwrap();
    submit(&server, key, &receiver).await;
    let second = receiver.wait_for(2).await.remove(1);
    let header = |name: &str| second.headers[name].to_str().unwrap();
    let expected =
        standard::sign(&secret, header("webhook-id"), header("webhook-timestamp").parse().unwrap(), &second.body);
    assert_eq!(header("webhook-signature"), expected);
    assert_eq!(header("webhook-id"), header("x-fal-webhook-delivery-id"));
    assert!(second.body.ends_with(br#""status": "OK"}"#) && !second.headers.contains_key("x-fal-signature"));
    let listed = run(folder.path(), &["keys", "list", "--server", server.queue.as_str()]);
    assert!(listed.stdout.contains("standard") && !listed.stdout.contains("whsec_"), "{listed:?}");

    let file = folder.path().join("secret.txt");
    std::fs::write(&file, "whsec_of_a_file\n").unwrap();
    let set = keys(&["set", id, "--hmac", "hex", "--hmac-secret-file", file.to_str().unwrap()]).json();
    assert_eq!(set["webhookSecrets"]["hmac"], "whsec_of_a_file");
    let nothing = keys(&["set", id]);
    assert!(nothing.code == 2 && nothing.stderr.contains("--words"), "{nothing:?}");
    let both = keys(&["set", id, "--hmac", "off", "--hmac-secret", "whsec_test"]);
    assert!(both.code == 1 && both.stderr.contains("leave the new secret out"), "{both:?}");
    assert_eq!(keys(&["revoke", id]).code, 0);
    let revoked = keys(&["set", id, "--standard", "on"]);
    assert!(revoked.code == 1 && revoked.stderr.contains("This key is revoked"), "{revoked:?}");
    let studio = run(folder.path(), &["keys", "list", "--server", server.studio.as_str()]);
    assert!(studio.code == 1 && studio.stderr.contains("is a studio, not a queue"), "{studio:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_in_the_environment_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let (proxy, receiver) = (Receiver::start().await, Receiver::start().await);
    let named = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| format!("{name}={}", proxy.url("/")));
    let under: Vec<&str> = std::iter::once("/usr/bin/env").chain(named.iter().map(String::as_str)).collect();
    let server = Server::start_under(folder.path(), &under);
    submit(&server, &server.secret("api-key"), &receiver).await;
    assert_eq!(receiver.wait_for(1).await[0].uri.path(), "/hook");
    assert!(proxy.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_listed_and_only_whoever_has_signed_in_gets_a_tier() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let accounts = |arguments: &[&str]| {
        run(folder.path(), &[&["accounts"], arguments, &["--server", server.studio.as_str()]].concat())
    };
    let none = accounts(&["list"]);
    assert!(none.code == 0 && none.stdout.contains("address"), "{none:?}");
    assert_eq!(accounts(&["list", "--tier", "paid", "--json"]).json(), serde_json::json!({"accounts": []}));
    let unknown = accounts(&["tier", "asha@shop.example", "paid"]);
    assert!(unknown.code == 1 && unknown.stderr.contains("signs in once by a link"), "{unknown:?}");
    for wrong in [&["tier", "asha@shop.example", "gold"][..], &["tier", "asha@shop.example"], &["list", "--tier", "x"]]
    {
        assert_eq!(accounts(wrong).code, 2, "{wrong:?}");
    }
    assert_eq!(accounts(&["tier", "asha", "paid"]).code, 1, "no address");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_the_studio_are_made_used_listed_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let studio = server.studio.as_str();
    let keys =
        |arguments: &[&str]| run(folder.path(), &[&["keys", "studio"], arguments, &["--server", studio]].concat());
    let made = keys(&["create", "n8n", "--tier", "paid", "--budget", "2.5", "--rate", "1"]);
    assert!(made.code == 0 && made.stdout.starts_with("plantain_"), "{made:?}");
    let secret = made.stdout.trim();
    let mug = bed::example("mug.jpg");
    let generate =
        || run(folder.path(), &["generate", mug.to_str().unwrap(), "--top", "1", "--server", studio, "--key", secret]);
    let first = generate();
    assert_eq!(first.code, 0, "{first:?}");
    let second = generate();
    assert!(second.code == 1 && second.stderr.contains("1 times a minute"), "{second:?}");
    let listed = keys(&["list"]);
    for part in ["n8n", "paid", "$2.500", "$0.000"] {
        assert!(listed.stdout.contains(part) && !listed.stdout.contains(secret), "{part}: {listed:?}");
    }
    let id = keys(&["list", "--json"]).json()["keys"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(keys(&["revoke", &id]).code, 0);
    let refused = generate();
    assert!(refused.code == 1 && !refused.stderr.contains(secret), "{refused:?}");
    assert!(keys(&["list"]).stdout.contains("revoked"));
    for wrong in
        [&["create", "a", "--budget", "-1"][..], &["create", "a", "--rate", "0"], &["create", "a", "--tier", "gold"]]
    {
        assert_eq!(keys(wrong).code, 2, "{wrong:?}");
    }
    assert!(keys(&["revoke", "../x"]).stderr.contains("is no id"));
    let queue = run(folder.path(), &["keys", "studio", "list", "--server", server.queue.as_str()]);
    assert!(queue.code == 1 && queue.stderr.contains("studio"), "{queue:?}");
}
