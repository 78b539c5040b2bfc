//! Every setting once: its name, its default and what it means. The reference page is written from this table.

use plantain_media::slip::{edit_distance, is_near};
use plantain_models::local::MEGAPIXELS_MAX;

/// One setting. In the environment it has this name, in `plantain.toml` the same in lower case.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub name: &'static str,
    /// In words, as a person reads it.
    pub default: &'static str,
    pub meaning: &'static str,
    pub privacy: Privacy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    Open,
    /// Never printed.
    Secret,
}

impl Setting {
    /// How it is called in `plantain.toml`.
    pub fn key(&self) -> String {
        self.name.to_ascii_lowercase()
    }
}

const fn open(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { name, default, meaning, privacy: Privacy::Open }
}

const fn secret(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { name, default, meaning, privacy: Privacy::Secret }
}

/// All settings, in the order in which the reference page shows them.
pub const SETTINGS: &[Setting] = &[
    open(
        "PLANTAIN_DATA",
        "./plantain-data",
        "Folder of databases, pictures and keys. Made on first start, readable by its owner alone.",
    ),
    open(
        "PLANTAIN_PRESETS",
        "none",
        "A JSON file of further marketplace presets; one with a known id takes its place.",
    ),
    open(
        "PLANTAIN_ONNXRUNTIME",
        "none: the built-in runtime",
        "Path of `libonnxruntime.so.1.x.y`, which finds products a little faster. Only for a program built with `--features onnxruntime`.",
    ),
    open(
        "PLANTAIN_MODEL",
        "the built-in network",
        "An ONNX file of the U2-Net family that finds products instead of the built-in one: it maps a picture of 3 x 320 x 320 to a matte of 320 x 320, as `u2net.onnx` and `silueta.onnx` do. Larger ones find more and take longer. Only together with its checksum.",
    ),
    open(
        "PLANTAIN_MODEL_SHA256",
        "none",
        "SHA-256 of that file, 64 hexadecimal digits, as `sha256sum` prints it. Another file in its place is never loaded.",
    ),
    open("STUDIO_LISTEN", "127.0.0.1:8787", "Address and port of the studio: page, API and webhook receiver."),
    open(
        "STUDIO_CORS_ORIGINS",
        "none",
        "Sites whose pages may call the studio's API from a browser: origins such as `https://shop.example` with commas between, or `*` for every site. Cookies don't count for them, so they do what a program without a token may, and with the token what the operator may.",
    ),
    open(
        "RATE_LIMIT_MAKE",
        "60 where others reach the studio, else none",
        "How many calls that make pictures (generate, again, a batch as one) a seller, a key or a stranger's address may send in a minute, unless the key has a number of its own: all at once or evenly. All sellers at one address may send ten times as many. Who sends more is told when to come back (429, `Retry-After`). The operator is not counted. `none` for no limit. Each process counts by itself.",
    ),
    open(
        "RATE_LIMIT_API",
        "1200 where others reach the studio, else none",
        "The same for all calls of the API together, pictures and events included; webhooks and pages are not counted.",
    ),
    open(
        "TRUSTED_PROXIES",
        "none",
        "Addresses or CIDRs, with commas between, of reverse proxies before the studio: only what they write into `X-Forwarded-For` is believed. Without it everybody who comes through a proxy counts as one address.",
    ),
    open(
        "PHOTO_MB_MAX",
        "12",
        "How many megabytes a photo may have, 1 to 64: uploaded, in a batch, or fetched from an address by the engine; alike for all roles. Endpoints that are served by `gemini` take at most 12, whatever it says. Pixels are bounded apart from it (50 megapixels). Uploads under way may take 256 MB of memory together, or as much as eight such photos where that is more.",
    ),
    secret(
        "STUDIO_HOOK_URL",
        "none",
        "An address that is told of the end of each job and batch and of each chosen picture, whoever made it. It may be a private one.",
    ),
    secret(
        "STUDIO_HOOK_SECRET",
        "none",
        "What those messages are signed with: 16 to 200 visible characters, or `whsec_…`. Without it they are not signed.",
    ),
    open("GATEWAY_LISTEN", "127.0.0.1:8788", "Address and port of the queue, which speaks fal's protocol."),
    open(
        "GATEWAY_TLS",
        "0, unless one of the next three is set",
        "Whether the queue also listens with TLS, under fal's own host names. `serve --tls` sets it.",
    ),
    open(
        "GATEWAY_TLS_LISTEN",
        "127.0.0.1:8443",
        "Address and port of that listener; unmodified programs look at port 443.",
    ),
    open(
        "GATEWAY_TLS_CERT",
        "made here, by an authority kept in the data folder",
        "A certificate chain of your own, in PEM form.",
    ),
    open("GATEWAY_TLS_KEY", "made here", "The file of that certificate's key, in PEM form."),
    open(
        "GATEWAY_KEYLESS",
        "1 while everything listens on loopback, no GATEWAY_PUBLIC_URL is set and PLANTAIN_OPEN is not 0; else 0",
        "Whether calls by way of `/api/fal/proxy` may come without a key: from this machine and its own pages, or, where others reach the address, from everybody who can.",
    ),
    open("PUBLIC_BASE_URL", "the studio's own address", "Where webhooks and browsers reach the studio."),
    open("NEXT_PUBLIC_BASE_URL", "none", "Another name of PUBLIC_BASE_URL, which wins over it."),
    open("GATEWAY_PUBLIC_URL", "from each request", "Base of the addresses that the queue hands out."),
    secret("FAL_KEY", "none", "When set, the studio uses fal.ai instead of the embedded queue."),
    secret("GEMINI_API_KEY", "none", "Google's key, for endpoints that are served by `gemini`."),
    open("FAL_QUEUE_URL", "the embedded queue, or fal's host with FAL_KEY", "Where requests are submitted."),
    open("FAL_RUN_URL", "the embedded queue, or fal's host with FAL_KEY", "Where synchronous runs go."),
    open("FAL_REST_URL", "the embedded queue, or fal's host with FAL_KEY", "Where uploads are announced."),
    open("FAL_CDN_URL", "the embedded queue, or fal's host with FAL_KEY", "Where results are downloaded from."),
    open("FAL_JWKS_URL", "beside FAL_REST_URL", "Where the keys that sign webhooks are published."),
    open(
        "FAL_IDEMPOTENT",
        "0",
        "`1` where the queue of FAL_QUEUE_URL honours `Idempotency-Key`, as Plantain's does: a submit whose answer was lost is then repeated under its key. fal.ai knows no such key, so there it is never repeated: it might be billed twice. Such a queue must keep ended requests for more than a day (`QUEUE_RESULT_RETENTION`), as long as a submit may be repeated.",
    ),
    open(
        "FAL_USER_ID",
        "the embedded queue's account; else the first verified webhook of our own request decides",
        "The only account whose webhooks are believed.",
    ),
    secret("FAL_WEBHOOK_SECRET", "none", "Also send, and accept, the HMAC form `x-fal-signature`."),
    secret(
        "PLANTAIN_SIGNING_KEYS",
        "one made on first start, kept in the data folder",
        "Ed25519 seeds (64 hex digits) with commas between: the first signs webhooks, all are published. Give the same ones to every process on one database.",
    ),
    secret(
        "PLANTAIN_KEYS",
        "none",
        "API keys for the queue, `id:secret[:tier]` with commas between; the tier is `free` or `paid`.",
    ),
    secret(
        "PLANTAIN_KEY",
        "none",
        "A key of a studio's API (`plantain keys studio create`), with which commands call the studio that `--server` names; `--key` wins over it.",
    ),
    secret(
        "PLANTAIN_ADMIN_TOKEN",
        "made on first start, kept in the data folder",
        "Opens what only the operator may see.",
    ),
    open(
        "PLANTAIN_OPEN",
        "1 while the studio listens on loopback, else 0",
        "Whether visitors without a token may generate. Where others reach the studio, each browser sees its own jobs; on loopback alone everything is shown to whoever asks. Changing PLANTAIN_ADMIN_TOKEN makes browsers strangers to their former jobs.",
    ),
    secret(
        "DATABASE_URL",
        "SQLite in the data folder",
        "postgres://… for the studio's jobs, when replicas are wanted.",
    ),
    secret(
        "QUEUE_DATABASE_URL",
        "SQLite in the data folder",
        "postgres://… for the queue's requests, when replicas are wanted.",
    ),
    open(
        "BLOB_URL",
        "the data folder",
        "s3://bucket/prefix: uploads, outputs and pictures go into a bucket of any server that speaks S3.",
    ),
    open("AWS_ENDPOINT_URL", "AWS", "Address of a server that is not AWS; the bucket is then part of the path."),
    open("AWS_REGION", "us-east-1", "Region of the bucket."),
    open("AWS_DEFAULT_REGION", "none", "Another name of AWS_REGION, which wins over it."),
    secret("AWS_ACCESS_KEY_ID", "the machine's role", "Opens the bucket, with AWS_SECRET_ACCESS_KEY."),
    secret("AWS_SECRET_ACCESS_KEY", "the machine's role", "Opens the bucket, with AWS_ACCESS_KEY_ID."),
    secret("AWS_SESSION_TOKEN", "none", "Belongs to keys that were lent for a while."),
    open(
        "WEBHOOK_ALLOW_PRIVATE",
        "loopback while everything listens on loopback, else none",
        "Private address ranges that outgoing requests may reach: CIDRs with commas between, `loopback` or `none`. `plantain doctor --explain-url` shows what that means for an address.",
    ),
    open(
        "WEBHOOK_SCHEDULE",
        "standard",
        "When a failed delivery is tried again: `standard` (10 times over 2 h), `fal` (31 times) or delays such as `1s,2s,4s`.",
    ),
    open(
        "WEBHOOK_TIMEOUT",
        "15s",
        "How long the first attempt of a delivery may take; later ones may take up to 120 s.",
    ),
    open(
        "QUEUE_CONCURRENCY",
        "the number of processor cores",
        "How many requests this process runs at once; `0` for `--role queue` whose models run elsewhere (`--role runner`).",
    ),
    secret(
        "WEBHOOK_ALERT_URL",
        "none",
        "Is posted to, once each, when a receiver's host has got nothing for 15 minutes and when it is back. Addresses that webhooks may not reach are refused here too.",
    ),
    open(
        "QUEUE_KEY_CONCURRENCY",
        "10",
        "How many of them one API key may have, unless the key has a number of its own.",
    ),
    open(
        "QUEUE_KEY_PER_MINUTE",
        "no limit",
        "How many calls that make work one API key may send in a minute, unless the key has a number of its own.",
    ),
    open(
        "QUEUE_RESULT_RETENTION",
        "30d",
        "How long requests that have ended can be asked for, as in `12h` or `30d`, at least an hour. Then they are deleted.",
    ),
    open(
        "STOP_TIMEOUT",
        "20s",
        "How long running work may go on after the server was told to stop, up to 120 s. The rest is handed back, at no cost.",
    ),
    secret(
        "SMTP_URL",
        "none: no letters are sent, and sellers have no accounts",
        "The mail server: `smtps://user:password@host` (port 465), or `smtp://user:password@host` (port 587; STARTTLS is demanded, and `?tls=none` leaves it out). Name and password are percent-encoded. MAIL_FROM belongs to it.",
    ),
    open(
        "SMTP_CA",
        "none",
        "A file of certificates in PEM form that the mail server may have besides the public ones.",
    ),
    open("MAIL_FROM", "none", "Who letters come from: an address, or `Photo studio <photos@shop.example>`."),
    open(
        "NOTIFY_EMAIL",
        "everybody",
        "Whose jobs and batches may name an address (`notifyEmail`) that gets a letter when they are done: `everybody`; `known` for the operator, keys and sellers with an account; or `nobody`. Whom nobody knows can have 30 letters sent into one mailbox within an hour, 60 from one browser or address of the network, 600 in all; theirs hold neither pictures nor file names. Each process counts by itself.",
    ),
    secret(
        "WHATSAPP_TOKEN",
        "none: nothing goes by WhatsApp",
        "Opens WhatsApp's Cloud API: a system user's token with whatsapp_business_messaging. The next three belong to it.",
    ),
    open("WHATSAPP_PHONE_NUMBER_ID", "none", "Who messages come from: the digits that Meta shows beside the number."),
    secret("WHATSAPP_APP_SECRET", "none", "The app's secret, which proves what Meta posts to `/api/whatsapp/webhook`."),
    secret(
        "WHATSAPP_VERIFY_TOKEN",
        "none",
        "Any text of your own, which is entered at Meta where the webhook is set up.",
    ),
    open(
        "WHATSAPP_TEMPLATE",
        "pictures_ready",
        "The approved template for a job's pictures, in English and Hindi, as docs/whatsapp.md has it.",
    ),
    open("WHATSAPP_BATCH_TEMPLATE", "batch_ready", "The same for a batch that is through."),
    open(
        "WHATSAPP_GRAPH_URL",
        "https://graph.facebook.com/v25.0",
        "Another version of the API, or a server that stands in for it.",
    ),
    open("LOG_FORMAT", "text", "`text`, or `json` for one object a line."),
    open("RUST_LOG", "info", "What is logged, as in `plantain=debug,warn`."),
];

/// The setting called `name`, exactly.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The setting that somebody who wrote `typed` most probably meant.
pub fn nearest(typed: &str) -> Option<&'static Setting> {
    let typed = typed.to_ascii_uppercase().replace(['-', '.', ' '], "_");
    let distance = |setting: &&Setting| edit_distance(&typed, setting.name);
    SETTINGS.iter().min_by_key(distance).filter(|near| is_near(&typed, near.name))
}

/// The reference page, `docs/configuration.md`.
pub fn reference() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         Every setting can be given as `--set NAME=VALUE`, as an environment variable, or in `plantain.toml` (the name in\n\
         lower case) in the folder where `plantain` is started; `--config FILE` names another file. A flag wins over the\n\
         environment, and the environment over the file. A key that nobody knows is an error that names the nearest one.\n\
         `plantain doctor` shows what is in force, without secrets.\n\n\
         | name | default | meaning |\n|---|---|---|\n",
    );
    for setting in SETTINGS {
        let note = if setting.privacy == Privacy::Secret { " Secret: never printed." } else { "" };
        page.push_str(&format!("| `{}` | {} | {}{note} |\n", setting.name, setting.default, setting.meaning));
    }
    page.push_str(
        "\nAn example `plantain.toml`:\n\n```toml\n\
         plantain_data = \"/var/lib/plantain\"\n\
         studio_listen = \"0.0.0.0:8787\"\n\
         public_base_url = \"https://studio.example.com\"\n\
         webhook_schedule = \"fal\"\n\
         queue_concurrency = 2\n```\n",
    );
    page.push_str(&format!(
        "\n## Memory\n\n\
         Photos are what takes memory, so it is bounded by their pixels and not by the number of requests. The local engine\n\
         decodes and works on at most {MEGAPIXELS_MAX} megapixels at once, whatever `QUEUE_CONCURRENCY` says: several ordinary photos side by\n\
         side, one of the largest (50 megapixels) alone. The studio looks at one incoming photo at a time beside them. A\n\
         pixel takes 17 bytes at worst while it is decoded (a progressive CMYK JPEG), 3 to 8 in an ordinary file.\n\n\
         Of files, uploads under way hold at most 256 MB together, or eight photos of `PHOTO_MB_MAX` where that is more (512 MB at\n\
         its largest); whoever finds no room is told to come again. A photo that is larger is read no further than that bound.\n\n\
         Where cut-outs are corrected, photos of up to 50 megapixels together stay decoded between strokes, at most five bytes\n\
         a pixel: 250 MB. Older ones leave before another one is decoded there, one at a time. Up to two jobs at once have\n\
         their pictures made anew; beside that memory each takes its matte, its cut-out (no larger than products are worked on)\n\
         and the three scenes, and its backdrop picture where there is one.\n"
    ));
    page.push_str(&super::endpoints::reference());
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_setting_and_nonsense_finds_none() {
        for (typed, meant) in [
            ("studio_listn", Some("STUDIO_LISTEN")),
            ("Studio-Listen", Some("STUDIO_LISTEN")),
            ("FALKEY", Some("FAL_KEY")),
            ("webhooks_schedule", Some("WEBHOOK_SCHEDULE")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed).map(|s| s.name), meant, "{typed}");
        }
    }

    #[test]
    fn names_are_unique_and_written_as_environment_variables() {
        for (at, setting) in SETTINGS.iter().enumerate() {
            assert!(
                setting.name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'),
                "{}",
                setting.name
            );
            assert!(SETTINGS[..at].iter().all(|other| other.name != setting.name), "{} is there twice", setting.name);
            assert!(!setting.default.is_empty() && setting.meaning.ends_with('.'), "{}", setting.name);
        }
    }

    #[test]
    fn the_reference_page_in_the_repository_is_the_one_written_from_this_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(page == reference(), "docs/configuration.md is out of date: run `cargo xtask docs`");
    }
}
