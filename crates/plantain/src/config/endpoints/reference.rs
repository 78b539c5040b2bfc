//! The section on endpoints of the reference page.

use super::runners::{COMMON, RUNNERS, keys_of};

/// What each key means, with the runners that take it read from the table of keys.
const MEANINGS: [(&str, &str); 24] = [
    ("runner", "Who runs the model: `local`, `http`, `gemini`, `fal` or `simulated`."),
    ("request_timeout", "How long one attempt may take, such as `\"10m\"`; `100ms` to `24h`."),
    (
        "skip_retry",
        "After which failures no further attempt is made: a list of `server_error`, `timeout`, `connection_error`.",
    ),
    ("price", "US dollars for a billable unit, such as `0.039`; the studio takes it for the price of a picture."),
    (
        "http.url",
        "Where inputs are posted. `{path}` in it stands for what follows the application in the endpoint id, `{endpoint}` for the whole id. A private address is allowed here.",
    ),
    (
        "http.style",
        "`fal` (the default): the bare input, the bare output. `cog`: a Cog container's predictions; an address alone means its `/predictions`.",
    ),
    ("http.headers", "Headers to send, such as `{ Authorization = \"env:COG_TOKEN\" }`."),
    (
        "http.stream_url",
        "Where partial outputs are asked for as server-sent events; without it the endpoint has no `/stream`.",
    ),
    ("http.answer_max", "The largest answer; `\"64MB\"` by default."),
    (
        "schema",
        "`check` (the default) refuses inputs that break the published schema of a model that Plantain knows by name; `ignore` passes them on.",
    ),
    ("gemini.url", "Google's host, or a proxy of it."),
    ("gemini.model", "The model's name; `\"gemini-2.5-flash-image\"` by default."),
    ("gemini.key", "`\"env:NAME\"`; `GEMINI_API_KEY` by default."),
    ("fal.url", "The queue; `\"https://queue.fal.run\"` by default. Any fal-compatible queue will do."),
    (
        "fal.key",
        "`\"env:NAME\"`; `FAL_KEY` by default. Where `FAL_KEY` is set the studio, too, uses fal.ai directly; a variable of another name keeps it on this queue.",
    ),
    ("fal.endpoint", "The endpoint's id over there, where it differs."),
    (
        "fal.idempotent",
        "`true` where that queue honours `Idempotency-Key`, as Plantain does. Without it a submit whose answer was lost is never repeated, since it might be billed twice.",
    ),
    ("simulated.duration", "How long a run takes; `\"1s\"` by default."),
    ("simulated.logs", "How many log lines a run writes."),
    ("simulated.partials", "How many partial outputs it hands out on its way."),
    ("simulated.output", "The output: a table, or the name of a JSON file beside this one."),
    ("simulated.failure_rate", "Which part of the runs fails, 0 to 1; all, where `failures` is given alone."),
    (
        "simulated.failures",
        "How they fail: a list of error types and status codes, such as `[\"runner_disconnected\", 422]`.",
    ),
    (
        "simulated.seed",
        "Another whole number draws other runs to fail. The first attempt of a request always meets the same fate, later ones draw again.",
    ),
];

/// Markdown.
pub fn reference() -> String {
    let mut page = String::from(
        "\n## Endpoints\n\n\
         What serves a model is written in `plantain.toml` alone, a table for each endpoint id. An id may end in `*` and then stands\n\
         for all that begin alike; an exact id comes before the longest beginning. What is written here comes before what is\n\
         built in: `fal-ai/nano-banana/edit` and `fal-ai/nano-banana` by the local engine, `plantain/simulated` by a simulated\n\
         model. A text `env:NAME` in `headers` or `key` is replaced by that environment variable, so that no secret stands in\n\
         the file.\n\n\
         ```toml\n\
         [endpoints.\"my-org/upscaler\"]\n\
         runner = \"http\"\n\
         url = \"http://127.0.0.1:5000/\"\n\
         style = \"cog\"\n\
         headers = { Authorization = \"env:COG_TOKEN\" }\n\
         request_timeout = \"10m\"\n\n\
         [endpoints.\"fal-ai/nano-banana\"]\n\
         runner = \"gemini\"\n\n\
         [endpoints.\"fal-ai/*\"]\n\
         runner = \"fal\"\n\
         key = \"env:FAL_RUNNER_KEY\"\n\n\
         [endpoints.\"test/flaky\"]\n\
         runner = \"simulated\"\n\
         duration = \"3s\"\n\
         failure_rate = 0.2\n\
         failures = [\"runner_disconnected\", 422]\n\
         ```\n\n\
         | runner | key | meaning |\n|---|---|---|\n",
    );
    for (key, meaning) in MEANINGS {
        let (owners, key) = match key.split_once('.') {
            Some((runner, key)) => (format!("`{runner}`"), key),
            None => (owners(key), key),
        };
        page.push_str(&format!("| {owners} | `{key}` | {meaning} |\n"));
    }
    page.push_str(
        "\nA server behind `http` may answer with fal's headers: `X-Fal-Needs-Retry` (`1` or `0`: whether a 5xx or 429 is tried\n\
         again), `X-Fal-Billable-Units`, and any other `x-fal-` header, which callers see; a header `x-plantain-log` is a line of\n\
         the request's log. It hears of a cancelled request by its connection being closed.\n",
    );
    page
}

fn owners(key: &str) -> String {
    if COMMON.contains(&key) {
        return "all".to_owned();
    }
    let owners = RUNNERS.iter().map(|(runner, _)| *runner).filter(|runner| keys_of(runner).contains(&key));
    owners.map(|runner| format!("`{runner}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_meaning_and_every_meaning_a_key() {
        for (runner, keys) in RUNNERS {
            for key in keys.iter().chain(&COMMON) {
                let full = format!("{runner}.{key}");
                assert!(MEANINGS.iter().any(|(known, _)| known == key || *known == full), "{full}");
            }
        }
        for (key, meaning) in MEANINGS {
            let taken = match key.split_once('.') {
                Some((runner, key)) => keys_of(runner).contains(&key),
                None => !owners(key).is_empty(),
            };
            assert!(taken && meaning.ends_with('.'), "{key}");
        }
    }
}
