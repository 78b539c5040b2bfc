//! `plantain doctor --explain-url`: what would become of a request to an address that a user gave, and by which rule.

use plantain_outbound::Policy;
use plantain_outbound::address::Special;
use plantain_outbound::explain::{Explanation, Judged, Outcome as Fate, explain};
use plantain_outbound::policy::{Refusal, Rule};
use serde_json::{Value, json};

use super::table::Table;
use super::{Context, Outcome, Output, stdout};
use crate::system::policy;

const SETTING: &str = "WEBHOOK_ALLOW_PRIVATE";

/// Failed where the request would not be made.
pub async fn run(address: &str, context: &Context) -> anyhow::Result<Outcome> {
    let network = &context.config.network;
    let policy = policy(&context.config, [network.gateway_listen, network.studio_listen]);
    let said = explain(&policy, address).await;
    let allowed = match context.sources.get(SETTING) {
        Some(written) => format!("{SETTING} is `{}`, {}", written.text.trim(), written.origin),
        None => format!("{SETTING} is not set, so that {} is allowed", usual(&policy)),
    };
    match context.output {
        Output::Text => stdout::print(text(&said, &allowed))?,
        Output::Json => stdout::line(as_json(&said, &allowed))?,
    }
    Ok(if said.outcome == Fate::Requested { Outcome::Done } else { Outcome::Failed })
}

/// Without a setting, loopback is allowed while nobody else can ask for it.
fn usual(policy: &Policy) -> &'static str {
    match policy.rule(std::net::Ipv4Addr::LOCALHOST.into()) {
        Rule::Network(_) => "of private addresses only loopback",
        _ => "no private address",
    }
}

fn text(said: &Explanation, allowed: &str) -> String {
    let mut table = Table::new(["what", "how it is"]);
    if let Some(url) = &said.url {
        table.row(["read as", url.as_str()]);
    }
    for note in &said.notes {
        table.row(["note".to_owned(), note.to_string()]);
    }
    for address in &said.addresses {
        table.row(["address".to_owned(), judgement(address)]);
    }
    if let Some(port) = said.url.as_ref().and_then(|url| url.port_or_known_default()) {
        table.row(["port".to_owned(), port_in_words(said, port)]);
    }
    table.row(["redirects", "never followed; a webhook that is answered with one is given up"]);
    table.row(["proxies", "never used, whatever the environment says"]);
    table.row(["private", allowed]);
    table.row(["outcome", &outcome(&said.outcome)]);
    if let Some(todo) = todo(&said.outcome) {
        table.row(["to do", &todo]);
    }
    table.render()
}

fn as_json(said: &Explanation, allowed: &str) -> Value {
    let address = |judged: &Judged| {
        json!({
            "ip": judged.ip,
            "allowed": !matches!(judged.rule, Rule::Special(_)),
            "rule": rule(judged.rule),
            "inside": judged.inside.map(|(form, ip)| json!({ "form": form.to_string(), "ip": ip })),
        })
    };
    json!({
        "url": said.url.as_ref().map(|url| url.as_str()),
        "notes": said.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "addresses": said.addresses.iter().map(address).collect::<Vec<_>>(),
        "port": said.url.as_ref().and_then(|url| url.port_or_known_default()),
        "redirectsFollowed": false,
        "proxiesUsed": false,
        "private": allowed,
        "requested": said.outcome == Fate::Requested,
        "outcome": outcome(&said.outcome),
        "todo": todo(&said.outcome),
    })
}

fn judgement(judged: &Judged) -> String {
    let inside = judged.inside.map(|(form, ip)| format!(", which is {ip} in {form} form")).unwrap_or_default();
    let verdict = if matches!(judged.rule, Rule::Special(_)) { "refused" } else { "allowed" };
    format!("{}{inside}: {verdict}, {}", judged.ip, rule(judged.rule))
}

fn rule(rule: Rule) -> String {
    match rule {
        Rule::Public => "on the public internet".to_owned(),
        Rule::Network(network) => format!("in {network}, which {SETTING} allows"),
        Rule::Own => "this very system".to_owned(),
        Rule::Configured => "a configured server".to_owned(),
        Rule::Special(kind) => kind.to_string(),
    }
}

fn port_in_words(said: &Explanation, port: u16) -> String {
    match said.outcome {
        Fate::Refused(Refusal::Port(_)) => format!("{port}, which is not reached: it belongs to another protocol"),
        _ => port.to_string(),
    }
}

fn outcome(fate: &Fate) -> String {
    match fate {
        Fate::Requested => "would be requested, at the allowed addresses only".to_owned(),
        Fate::Refused(refusal) => format!("refused: {refusal}; a webhook to it is given up at once"),
        Fate::Unreadable(error, _) => format!("no address: {error}"),
        Fate::NameUnknown => "the name can't be resolved; a webhook to it is tried again".to_owned(),
        Fate::NameUnanswered => "the name's servers don't answer; a webhook to it is tried again".to_owned(),
    }
}

fn todo(fate: &Fate) -> Option<String> {
    match fate {
        Fate::Refused(Refusal::Address { kind: Special::CloudMetadata, .. }) => {
            Some("leave it refused: it hands out credentials of this machine".to_owned())
        }
        Fate::Refused(Refusal::Address { ip, .. }) => Some(format!(
            "if it is a receiver of yours, add {} to {SETTING}; what is written there takes the default's place",
            ip.to_canonical()
        )),
        Fate::Refused(Refusal::Port(_)) => Some("serve it at another port".to_owned()),
        Fate::Refused(Refusal::Credentials) => Some("leave the part before the @ out".to_owned()),
        Fate::Unreadable(_, hint) => hint.map(str::to_owned),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn both(policy: &Policy, address: &str) -> (String, Value) {
        let said = explain(policy, address).await;
        (text(&said, "as a test has it"), as_json(&said, "as a test has it"))
    }

    #[tokio::test]
    async fn what_is_refused_is_explained_with_what_to_do() {
        let public = Policy::public();
        for (address, expected) in [
            ("http://0x7f.1:8080/", &["`0x7f.1` and means 127.0.0.1", "refused, loopback", "add 127.0.0.1 to"][..]),
            ("http://[::ffff:10.0.0.1]/", &["which is 10.0.0.1 in IPv4-mapped form", "private", "add 10.0.0.1 to"]),
            ("http://[64:ff9b::a9fe:a9fe]/", &["169.254.169.254 in NAT64 form", "leave it refused"]),
            ("http://1.1.1.1:25/", &["on the public internet", "25, which is not reached", "another port"]),
            ("http://me:hunter2@1.1.1.1/", &["before the @"]),
            ("shop.test", &["begin it with https://"]),
        ] {
            let (text, json) = both(&public, address).await;
            for part in expected {
                assert!(text.contains(part), "{part} is not in {text}");
            }
            assert_eq!(json["requested"], false);
            assert!(!text.contains("hunter2") && !json.to_string().contains("hunter2"));
            assert!(text.contains("never followed") && json["redirectsFollowed"] == false);
        }
    }

    #[tokio::test]
    async fn what_is_allowed_names_the_rule() {
        let (text, json) = both(&Policy::loopback(), "http://127.0.0.1:9000/hook").await;
        assert!(text.contains("allowed, in 127.0.0.0/8, which WEBHOOK_ALLOW_PRIVATE allows"), "{text}");
        assert!(json["requested"] == true && json["addresses"][0]["allowed"] == true && json["port"] == 9000, "{json}");
        let own = Policy::public().and_own("127.0.0.1:8788".parse().unwrap());
        assert!(both(&own, "http://127.0.0.1:8788/").await.0.contains("this very system"));
    }
}
