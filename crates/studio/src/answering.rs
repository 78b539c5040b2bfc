//! From any endpoint's answer to what the studio keeps of it: the files that the answer names.
//!
//! The answer itself is kept byte for byte. A file that can't be kept is linked, and that is told: the job succeeds all the same.

use std::collections::HashSet;

use bytes::Bytes;
use serde_json::Value;
use url::Url;

use crate::job::medium::{self, KeptMedium, Medium};
use crate::job::{Finished, Job, JobResult, Outcome};
use crate::saving::Unsaved;
use crate::service::Inner;

/// Files of one answer that are kept.
const MEDIA_MAX: usize = 16;

/// The largest file that is kept. They are fetched one after the other, so this bounds the memory of a job that is saved.
pub const MEDIUM_BYTES_MAX: usize = 64 * 1024 * 1024;

impl Inner {
    /// How a job ends whose asker knows the answer's shape.
    pub(crate) async fn answered(&self, job: &Job, result: &JobResult) -> Result<Outcome, Unsaved> {
        let output = match result.ended.output(job) {
            Ok(output) => output,
            Err(outcome) => return Ok(outcome),
        };
        let named = named(&output);
        let mut media = Vec::with_capacity(named.len().min(MEDIA_MAX));
        for (index, Named { at, url }) in named.iter().take(MEDIA_MAX).enumerate() {
            let (kept, note) = match self.fetch_medium(url).await {
                Ok(bytes) => (Some(self.keep_medium(job, index + 1, bytes).await?), None),
                Err(Unsaved::Later) if self.may_wait(job) => return Err(Unsaved::Later),
                Err(Unsaved::Later) => (None, Some("It could not be downloaded.".to_owned())),
                Err(Unsaved::Never(error)) => (None, Some(error.message)),
            };
            let url = if url.scheme() == "data" { String::new() } else { url.to_string() };
            media.push(Medium { at: at.clone(), url, kept, note });
        }
        let left = named.len().saturating_sub(MEDIA_MAX);
        let notices = (left > 0).then(|| format!("The answer names {left} more files, which are not kept here."));
        Ok(Outcome::Succeeded(Finished {
            pictures: Vec::new(),
            media,
            description: None,
            notices: notices.into_iter().collect(),
            cutout: None,
            tilt_degrees: None,
        }))
    }

    async fn keep_medium(&self, job: &Job, number: usize, bytes: Bytes) -> Result<KeptMedium, Unsaved> {
        let looked_at = bytes.clone();
        let sniffed = self.cpu.run(move || medium::sniff(&looked_at)).await;
        let (kind, content_type, ending, size) = sniffed.unwrap_or_else(|_| medium::unknown());
        let stem = job.spec.identifier.clone().unwrap_or_else(|| job.spec.endpoint.app().replace('/', "-"));
        Ok(KeptMedium {
            kind,
            content_type: content_type.to_owned(),
            file_name: format!("{stem}-{number}.{ending}"),
            bytes: bytes.len() as u64,
            size,
            blob: self.keep(bytes).await?,
        })
    }
}

/// A file that an answer names.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    at: String,
    url: Url,
}

/// Addresses under names like `url` and `audio_url`, and lists of them under names like `images`; each once, in order.
fn named(json: &[u8]) -> Vec<Named> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    if let Ok(value) = serde_json::from_slice::<Value>(json) {
        walk(&value, String::new(), false, &mut |at, url: Url| {
            if seen.insert(url.clone()) {
                found.push(Named { at, url });
            }
        });
    }
    found
}

/// Names of lists whose texts are addresses of files.
const LISTS: [&str; 5] = ["images", "videos", "audios", "files", "outputs"];

/// As deep as the parser allows, which is 128 levels.
fn walk(value: &Value, at: String, is_file: bool, found: &mut impl FnMut(String, Url)) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            let is_file =
                name == "url" || name.ends_with("_url") || name.ends_with("_urls") || LISTS.contains(&&**name);
            let name = name.replace('~', "~0").replace('/', "~1");
            walk(value, format!("{at}/{name}"), is_file, found);
        }),
        Value::Array(list) => {
            (0..).zip(list).for_each(|(index, value): (usize, _)| walk(value, format!("{at}/{index}"), is_file, found));
        }
        Value::String(text) if is_file => {
            if let Some(url) = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https" | "data")) {
                found(at, url);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_an_answer_are_found_wherever_they_stand() {
        let json = br#"{"video": {"url": "https://x.test/a.mp4", "content_type": "video/mp4"}, "seed": 17454220438242315174000,
            "images": ["https://x.test/1.png", {"url": "https://x.test/2.png"}, "not an address"],
            "audio_url": "data:audio/wav;base64,AAEC", "page": "https://x.test/page", "again": {"url": "https://x.test/a.mp4"},
            "a/b": {"url": "ftp://x.test/x"}, "nested": [{"mask_urls": ["https://x.test/m.png"]}]}"#;
        let all: Vec<(String, String)> =
            named(json).into_iter().map(|named| (named.at, named.url.to_string())).collect();
        let told = |at: &str| all.iter().find(|(place, _)| place == at).map(|(_, url)| url.as_str());
        for (at, url) in [
            ("/images/0", "https://x.test/1.png"),
            ("/images/1/url", "https://x.test/2.png"),
            ("/audio_url", "data:audio/wav;base64,AAEC"),
            ("/nested/0/mask_urls/0", "https://x.test/m.png"),
        ] {
            assert_eq!(told(at), Some(url), "{all:?}");
        }
        assert_eq!(all.len(), 5, "one address is one file: {all:?}");
        for other in ["", "null", "[]", "{", "\"https://x.test/a.png\"", "{\"url\": 7}"] {
            assert_eq!(named(other.as_bytes()), [], "{other}");
        }
    }
}
