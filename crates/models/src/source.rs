//! Gets input pictures: from our own CDN, from a `data:` URI, or from the network within bounds.

use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use futures_util::future::try_join_all;
use plantain_outbound::send::FetchError;
use plantain_outbound::{Bounds, Outbound};
use plantain_wire::error::Detail;
use url::Url;

use crate::files::{Files, Found};
use crate::local::{Stopped, complaint};

/// How long one picture may take to arrive.
const DEADLINE: Duration = Duration::from_secs(30);

/// Where pictures come from. Cheap to clone.
#[derive(Clone)]
pub struct Source {
    pub files: Files,
    /// Judges each address, whoever gave it.
    pub outbound: Outbound,
    /// Of one picture.
    pub max_bytes: usize,
}

impl Source {
    /// All of them, in order; the first that can't be had ends the others.
    pub(crate) async fn fetch_all(&self, urls: &[String]) -> Result<Vec<Bytes>, Stopped> {
        try_join_all(urls.iter().enumerate().map(|(index, url)| self.fetch(index, url))).await
    }

    async fn fetch(&self, index: usize, text: &str) -> Result<Bytes, Stopped> {
        let limit = self.max_bytes;
        let text = text.trim();
        if let Some(data) = strip_scheme(text) {
            return Ok(from_data(data, index, limit)?);
        }
        let url = Url::parse(text).map_err(|_| vec![complaint::of_download(index, "it is no address")])?;
        match self.files.read(&url, limit as u64).await? {
            Found::Bytes(bytes) => Ok(bytes),
            Found::Missing => Err(vec![complaint::of_download(index, "there is no such file, or no longer")].into()),
            Found::TooLarge { start } => Err(vec![complaint::too_large(index, &start, limit)].into()),
            Found::Elsewhere => Ok(self.download(index, &url).await?),
        }
    }

    async fn download(&self, index: usize, url: &Url) -> Result<Bytes, Vec<Detail>> {
        let limit = self.max_bytes;
        match self.outbound.get(url, Bounds { max_bytes: limit, deadline: DEADLINE }).await {
            Ok(fetched) if (200..300).contains(&fetched.status) => Ok(fetched.body),
            Ok(fetched) if (300..400).contains(&fetched.status) => {
                Err(vec![complaint::of_download(index, "the server redirects, and redirects are not followed")])
            }
            Ok(fetched) => Err(vec![complaint::of_download(index, &format!("the server answered {}", fetched.status))]),
            Err(FetchError::TooLarge { start, .. }) => Err(vec![complaint::too_large(index, &start, limit)]),
            Err(error) => Err(vec![complaint::of_download(index, &error.to_string())]),
        }
    }
}

fn strip_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("data").then_some(rest)
}

/// What follows `data:`, which is `[type][;base64],data`. The declared type is not believed and therefore not read.
fn from_data(data: &str, index: usize, limit: usize) -> Result<Bytes, Vec<Detail>> {
    let unreadable = |why| vec![complaint::of_download(index, why)];
    let (head, data) = data.split_once(',').ok_or_else(|| unreadable("the data URI has no comma"))?;
    let encoded = head.rsplit(';').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("base64"));
    // Four characters carry three bytes, so this is known before anything is decoded.
    if data.len() / 4 > limit.div_ceil(3) {
        return Err(vec![complaint::too_large(index, &[], limit)]);
    }
    let bytes = percent_decoded(data);
    let bytes = if encoded { base64_decoded(&bytes) } else { Some(bytes) };
    let bytes = bytes.ok_or_else(|| unreadable("the data URI is not valid base64"))?;
    if bytes.len() > limit { Err(vec![complaint::too_large(index, &bytes, limit)]) } else { Ok(bytes.into()) }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    if !text.contains('%') {
        return text.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, hex.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

/// With or without padding and line breaks, in either alphabet: people paste what their tools give them.
fn base64_decoded(text: &[u8]) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let url_safe = text.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let alphabet = if url_safe { &URL_SAFE } else { &STANDARD };
    let plain: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    GeneralPurpose::new(alphabet, LENIENT).decode(plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(uri: &str, expected: Result<&[u8], &str>) {
        let found = from_data(strip_scheme(uri).expect(uri), 0, 9);
        let found = found.as_deref().map_err(|details| details[0].kind.as_ref());
        assert_eq!(found, expected, "{uri}");
    }

    #[test]
    fn data_uris_in_every_dress() {
        for uri in [
            "data:image/png;base64,aGVsbG8=",
            "data:;base64,aGVsbG8",
            "DATA:image/png;charset=x;BASE64,aGVs\nbG8=",
            "data:image/png;base64,aGVsbG8%3D",
            "data:,hello",
            "data:text/plain,h%65llo",
        ] {
            reads(uri, Ok(b"hello"));
        }
        reads("data:;base64,_-8=", Ok(b"\xff\xef"));
        reads("data:,50%", Ok(b"50%"));
        reads("data:;base64,", Ok(b""));
        reads("data:image/png", Err("file_download_error"));
        reads("data:;base64,a*b", Err("file_download_error"));
        reads("data:,0123456789", Err("file_too_large"));
        reads(&format!("data:;base64,{}", "A".repeat(100)), Err("file_too_large"));
    }

    #[test]
    fn other_addresses_are_no_data() {
        assert_eq!(strip_scheme("https://a.test/data:1"), None);
        assert_eq!(strip_scheme("mug.png"), None);
    }
}
