//! `plantain verify`: one captured webhook, step by step, and why it isn't believed. Asks nobody and changes nothing.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use plantain_inbox::receiver::hmac_value;
use plantain_inbox::step::Step;
use plantain_wire::diagnosis::{self, Finding};
use plantain_wire::hmac;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::jwks::{JWKS_BYTES_MAX, KeySet};
use plantain_wire::rejection::Rejection;
use plantain_wire::signature::{SignedHeaders, Verified};
use plantain_wire::webhook::WebhookBody;
use plantain_work::Clock;
use serde::Deserialize;
use serde_json::{Value, json};

use super::table::Table;
use super::{Context, Outcome, Output, stdout};
use crate::config::secret::Secret;
use crate::data::signing;

/// Larger captures are none.
const CAPTURE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Explain step by step whether a captured webhook can be believed.
///
/// FILE holds the request as it came: header lines, an empty line, the raw body; or one event of GET /api/inbox as JSON. The exit
/// code is 1 where it is not believed. Where FAL_WEBHOOK_SECRET is set and none of the four signed headers came, x-fal-signature is
/// checked, as a studio does. Whether the request is one of a studio's own, only that studio can tell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  plantain verify captured.http
  plantain verify captured.http --jwks jwks.json --at 1795176000
  curl -H \"Authorization: Bearer $TOKEN\" 'localhost:8787/api/inbox?limit=1' | jq '.events[0]' > event.json
  plantain verify event.json")]
pub struct Args {
    file: PathBuf,
    /// The published keys, as fetched from /.well-known/jwks.json [default: the keys of this data folder's queue].
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Check as if it were this time, in Unix seconds [default: when an event was received, else now].
    #[arg(long, value_name = "SECONDS")]
    at: Option<i64>,
    /// The account whose webhooks are believed [default: FAL_USER_ID, else any]; x-fal-signature names none.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let capture = Capture::read(&bounded(&args.file, CAPTURE_BYTES_MAX)?)?;
    let secret = context.config.fal.webhook_secret.as_ref().map(Secret::reveal).filter(|secret| !secret.is_empty());
    let judged = match (secret, hmac_value(&capture.pairs())) {
        (Some(secret), Some(value)) => judge_hmac(&capture, value, secret.as_bytes()),
        _ => {
            let keys = keys(args.jwks.as_deref(), context)?;
            let account = match &args.account {
                Some(id) => Some(UserId::parse(id)?),
                None => context.config.fal.user_id.clone(),
            };
            let now = args.at.or(capture.received_at).unwrap_or_else(|| Clock::system().now().as_second());
            judge(&capture, &keys, account.as_ref(), now)
        }
    };
    match context.output {
        Output::Text => stdout::print(text(&judged))?,
        Output::Json => stdout::line(as_json(&judged))?,
    }
    Ok(if judged.failed.is_none() { Outcome::Done } else { Outcome::Failed })
}

/// A device or a pipe says no size of its own.
fn bounded(file: &Path, bytes_max: u64) -> anyhow::Result<Vec<u8>> {
    let name = || file.display().to_string();
    let mut bytes = Vec::new();
    std::fs::File::open(file).and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes)).with_context(name)?;
    if bytes.len() as u64 > bytes_max {
        bail!("{} has more than {bytes_max} bytes, which is too many", name());
    }
    Ok(bytes)
}

fn keys(jwks: Option<&Path>, context: &Context) -> anyhow::Result<KeySet> {
    if let Some(file) = jwks {
        let document = bounded(file, JWKS_BYTES_MAX as u64)?;
        return KeySet::parse(&document).with_context(|| file.display().to_string());
    }
    let ring = match &context.config.access.signing {
        Some(given) => given.clone(),
        None => signing::read(&context.config.storage.data).context("name the keys with --jwks")?,
    };
    // All of them, also what is no longer published: the capture may be old.
    let all = ring.standings(Clock::system().now()).into_iter().map(|(key, _)| key).collect();
    Ok(KeySet::new(all)?)
}

/// A webhook as it came.
struct Capture {
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    /// What was kept is not all of it.
    truncated: bool,
    received_at: Option<i64>,
}

/// One event of `GET /api/inbox`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    received_at: Option<jiff::Timestamp>,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
    #[serde(default)]
    body_truncated: bool,
}

impl Capture {
    fn pairs(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
    }

    /// Why a signature doesn't hold, with what the second look found.
    fn words(&self, rejection: &Rejection, finding: Option<Finding>) -> String {
        let cut = self.truncated.then(|| "Only the beginning of the body was kept.".to_owned());
        let words = [Some(rejection.explain()), finding.map(|finding| finding.explain()), cut];
        words.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn read(bytes: &[u8]) -> anyhow::Result<Capture> {
        if let Ok(event) = serde_json::from_slice::<Event>(bytes) {
            let body = match (event.body, event.body_base64) {
                (Some(text), _) => text.into_bytes(),
                (None, Some(encoded)) => STANDARD.decode(encoded).context("bodyBase64")?,
                (None, None) => bail!("the event has neither body nor bodyBase64"),
            };
            let headers = event.headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
            let received_at = event.received_at.map(jiff::Timestamp::as_second);
            return Ok(Capture { headers, body, truncated: event.body_truncated, received_at });
        }
        let mut rest = bytes;
        let mut headers = Vec::new();
        loop {
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                bail!("no empty line between headers and body: neither a request nor an event of /api/inbox")
            };
            let (line, after) = (rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]), &rest[end + 1..]);
            rest = after;
            if line.is_empty() {
                return Ok(Capture { headers, body: rest.to_vec(), truncated: false, received_at: None });
            }
            // The first line of a request has no colon before its first space.
            if let Some(colon) = line.iter().position(|byte| *byte == b':')
                && !line[..colon].contains(&b' ')
            {
                let name = String::from_utf8_lossy(&line[..colon]).into_owned();
                headers.push((name, line[colon + 1..].trim_ascii().to_vec()));
            }
        }
    }
}

/// How far it came.
struct Judged {
    /// The step it failed at, the code and the words; `None` where it is believed.
    failed: Option<(Step, String, String)>,
    verified: Option<Verified>,
    /// By the shared secret, which vouches for the body alone.
    hmac: bool,
    /// What the body is about, if that could be read and was believed.
    request_id: Option<RequestId>,
    keys: usize,
    body_bytes: usize,
}

impl Judged {
    fn new(capture: &Capture) -> Judged {
        let body_bytes = capture.body.len();
        Judged { failed: None, verified: None, hmac: false, request_id: None, keys: 0, body_bytes }
    }

    fn refused(self, rejection: &Rejection, words: String) -> Judged {
        let step = Step::of_code(rejection.code()).unwrap_or(Step::Signature);
        Judged { failed: failed(step, rejection.code(), words), ..self }
    }

    fn reached(&self, step: Step) -> &'static str {
        match &self.failed {
            Some((failed, ..)) if *failed < step => "not reached",
            Some((failed, ..)) if *failed == step => "FAILED",
            _ if self.hmac && matches!(step, Step::Time | Step::Keys | Step::Account) => "not in it",
            _ => "passed",
        }
    }
}

/// What a capture can be judged by: a studio's own requests are not among it.
const STEPS: [Step; 6] = [Step::Headers, Step::Time, Step::Keys, Step::Signature, Step::Account, Step::Body];

fn judge(capture: &Capture, keys: &KeySet, account: Option<&UserId>, now: i64) -> Judged {
    let mut judged = Judged { keys: keys.len(), ..Judged::new(capture) };
    let verified = match plantain_wire::verify(capture.pairs(), &capture.body, keys, now) {
        Ok(verified) => verified,
        Err(rejection) => {
            let headers = SignedHeaders::read(capture.pairs()).ok();
            let finding = headers.and_then(|headers| diagnosis::look(&rejection, &headers, &capture.body, keys));
            return judged.refused(&rejection, capture.words(&rejection, finding));
        }
    };
    judged.failed = match WebhookBody::parse(&capture.body) {
        _ if account.is_some_and(|account| *account != verified.user_id) => {
            let words = format!("It was signed for the account {}, which is another one.", verified.user_id);
            failed(Step::Account, "other_account", words)
        }
        Err(error) => failed(Step::Body, "webhook_malformed", format!("{error}.")),
        Ok(body) if body.request_id != verified.request_id => {
            failed(Step::Body, "request_ids_differ", "Headers and body are about different requests.".to_owned())
        }
        Ok(_) => None,
    };
    judged.request_id = Some(verified.request_id.clone());
    judged.verified = Some(verified);
    judged
}

/// The shared secret says nothing of time, account and request.
fn judge_hmac(capture: &Capture, value: Result<&str, Rejection>, secret: &[u8]) -> Judged {
    let mut judged = Judged { hmac: true, ..Judged::new(capture) };
    let proven = value.as_ref().map_err(Clone::clone).and_then(|value| hmac::verify(secret, value, &capture.body));
    if let Err(rejection) = proven {
        let finding = value.ok().and_then(|value| diagnosis::look_hmac(&rejection, secret, value, &capture.body));
        return judged.refused(&rejection, capture.words(&rejection, finding));
    }
    match WebhookBody::parse(&capture.body) {
        Err(error) => judged.failed = failed(Step::Body, "webhook_malformed", format!("{error}.")),
        Ok(body) => judged.request_id = Some(body.request_id),
    }
    judged
}

fn failed(step: Step, code: &str, words: String) -> Option<(Step, String, String)> {
    Some((step, code.to_owned(), words))
}

fn text(judged: &Judged) -> String {
    let mut table = Table::new(["step", "", "what was found"]).at_most(90);
    for step in STEPS {
        let words = match (&judged.failed, &judged.verified, step) {
            (Some((failed, _, words)), ..) if *failed == step => words.clone(),
            (_, _, Step::Keys) if !judged.hmac => format!("{} known", judged.keys),
            (None, _, Step::Signature) if judged.hmac => "by the secret FAL_WEBHOOK_SECRET".to_owned(),
            (_, Some(verified), Step::Signature) => format!("by {}", verified.key.x()),
            (_, Some(verified), Step::Account) => verified.user_id.to_string(),
            (_, Some(verified), Step::Time) => format!("signed at {}", verified.timestamp_unix),
            (None, _, Step::Body) => {
                let about = judged.request_id.as_ref().map(|id| format!(" about {id}"));
                format!("{} bytes{}", judged.body_bytes, about.unwrap_or_default())
            }
            _ => String::new(),
        };
        table.row([step.as_str().to_owned(), judged.reached(step).to_owned(), words]);
    }
    table.render()
}

fn as_json(judged: &Judged) -> Value {
    let steps = STEPS.map(|step| json!({ "step": step.as_str(), "state": judged.reached(step) }));
    json!({
        "believed": judged.failed.is_none(),
        "code": judged.failed.as_ref().map(|(_, code, _)| code),
        "explanation": judged.failed.as_ref().map(|(_, _, words)| words),
        "steps": steps,
        "requestId": judged.request_id.as_ref().map(RequestId::as_str),
        "userId": judged.verified.as_ref().map(|verified| verified.user_id.as_str()),
    })
}

#[cfg(test)]
mod tests {
    use plantain_wire::signature::{SigningKey, sign_webhook};

    use super::*;

    const NOW: i64 = 1_795_176_000;
    const BODY: &str = r#"{"request_id": "r", "status": "OK", "payload": {}}"#;

    fn key() -> SigningKey {
        SigningKey::from_seed([1; 32])
    }

    fn captured(body: &str) -> Vec<u8> {
        let (request, user) = (RequestId::parse("r").unwrap(), UserId::parse("us").unwrap());
        let signed = sign_webhook(&key(), &request, &user, NOW, BODY.as_bytes());
        let lines: Vec<String> = signed.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("POST /api/fal/webhook?jobId=a:b HTTP/1.1\r\n{}\r\n{body}", lines.concat()).into_bytes()
    }

    fn verdict(bytes: &[u8], account: Option<&str>, now: i64) -> Judged {
        let keys = KeySet::new(vec![key().verifying_key()]).unwrap();
        let account = account.map(|id| UserId::parse(id).unwrap());
        judge(&Capture::read(bytes).unwrap(), &keys, account.as_ref(), now)
    }

    #[test]
    fn what_never_ends_is_not_read_to_its_end() {
        let error = bounded(Path::new("/dev/zero"), 1_000).unwrap_err().to_string();
        assert!(error.contains("/dev/zero has more than 1000 bytes"), "{error}");
        assert_eq!(bounded(Path::new("/dev/null"), 0).unwrap(), b"");
    }

    #[test]
    fn each_capture_is_explained_to_the_step_that_failed() {
        let good = verdict(&captured(BODY), Some("us"), NOW);
        assert!(good.failed.is_none() && !text(&good).contains("FAILED") && as_json(&good)["believed"] == true);
        let compact = BODY.replace(": ", ":").replace(", ", ",");
        for (bytes, account, now, step, words) in [
            (captured(&compact), None, NOW, "signature", "as Python writes it"),
            (captured(BODY), None, NOW + 412, "time", "nothing but the time is wrong"),
            (captured(BODY), Some("them"), NOW, "account", "signed for the account us"),
            (b"x-fal-signature: 00\n\n{}".to_vec(), None, NOW, "headers", "HMAC"),
        ] {
            let judged = verdict(&bytes, account, now);
            let (failed, _, said) = judged.failed.clone().expect("it fails");
            assert_eq!(failed.as_str(), step, "{said}");
            assert!(said.contains(words), "{said}");
            assert_eq!(as_json(&judged)["steps"][5]["state"], "not reached");
        }
    }

    #[test]
    fn the_hmac_form_is_judged_by_the_secret_alone() {
        let value = hmac::sign(b"whsec_test", BODY.as_bytes());
        let captured = |value: &str, body: &str| format!("X-Fal-Signature: {value}\r\n\r\n{body}").into_bytes();
        let judged = |bytes: &[u8]| {
            let capture = Capture::read(bytes).unwrap();
            judge_hmac(&capture, hmac_value(&capture.pairs()).expect("it came alone"), b"whsec_test")
        };
        for value in [value.clone(), format!("sha256={value}")] {
            let good = judged(&captured(&value, BODY));
            assert!(good.failed.is_none() && text(&good).contains("not in it"), "{}", text(&good));
            assert_eq!(as_json(&good)["requestId"], "r");
        }
        let compact = BODY.replace(": ", ":").replace(", ", ",");
        let twice = format!("x-fal-signature: {value}\r\nX-Fal-Signature: {value}\r\n\r\n{BODY}").into_bytes();
        for (bytes, step, code) in [
            (captured(&value, &compact), "signature", "hmac_mismatch"),
            (captured("00", BODY), "headers", "hmac_length"),
            (twice, "headers", "header_repeated"),
            (captured(&hmac::sign(b"whsec_test", b"{"), "{"), "body", "webhook_malformed"),
        ] {
            let (failed, said, words) = judged(&bytes).failed.expect("it fails");
            assert_eq!((failed.as_str(), said.as_str()), (step, code), "{words}");
        }
        let (_, _, words) = judged(&captured(&value, &compact)).failed.unwrap();
        assert!(words.contains("as Python writes it"), "{words}");
    }

    #[test]
    fn an_event_of_the_inbox_is_read_at_the_time_it_came() {
        let event = json!({
            "receivedAt": "2026-11-20T12:00:00Z", "state": "rejected", "code": "x", "bodyTruncated": true,
            "headers": [["x-fal-signature", "00"]], "bodyBase64": "/w==",
        });
        let capture = Capture::read(event.to_string().as_bytes()).unwrap();
        assert_eq!((capture.body, capture.received_at, capture.truncated), (vec![0xff], Some(NOW), true));
        assert_eq!(capture.headers, [("x-fal-signature".to_owned(), b"00".to_vec())]);
        for bad in ["", "{}", "no end", "a: b\nc: d"] {
            assert!(Capture::read(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
