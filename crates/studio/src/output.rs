//! What an image model returns, as far as the studio uses it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use url::Url;

use crate::job::JobError;
use crate::saving::unreadable;

/// Pictures of one answer that are looked at: more than any model makes at once.
const IMAGES_MAX: usize = 8;

/// Characters of a model's words that are kept.
const DESCRIPTION_CHARS_MAX: usize = 2_000;

/// A model's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOutput {
    pub images: Vec<ModelImage>,
    pub description: Option<String>,
    /// Width and height in pixels that the product has in the photo, where the model says so. An extension of the local
    /// model.
    pub product: Option<(u32, u32)>,
}

/// One picture. `mask` and `variant` are extensions of the local model: the exact product mask, and what the scene is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelImage {
    pub url: Url,
    pub mask: Option<Url>,
    pub variant: Option<String>,
}

#[derive(Deserialize)]
struct Read {
    images: Vec<ReadImage>,
    description: Option<String>,
    product: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct ReadImage {
    url: Url,
    mask: Option<ReadMask>,
    variant: Option<String>,
}

/// Written as an address or as a file object, like every other file on the wire.
#[derive(Deserialize)]
#[serde(untagged)]
enum ReadMask {
    Address(Url),
    File { url: Url },
}

impl ModelOutput {
    /// Reads any image model's output; whatever else is in it is ignored.
    pub fn parse(json: &[u8]) -> Result<ModelOutput, JobError> {
        let read: Read =
            serde_json::from_slice(json).map_err(|_| unreadable("the answer lists none that can be read"))?;
        let image = |image: ReadImage| ModelImage {
            url: image.url,
            mask: image.mask.map(|mask| match mask {
                ReadMask::Address(url) | ReadMask::File { url } => url,
            }),
            variant: image.variant.map(|text| bounded(&text, 100)),
        };
        let description =
            read.description.map(|text| bounded(&text, DESCRIPTION_CHARS_MAX)).filter(|text| !text.is_empty());
        let product = read.product.as_ref().and_then(size);
        Ok(ModelOutput { images: read.images.into_iter().take(IMAGES_MAX).map(image).collect(), description, product })
    }
}

/// `None` for whatever other models call a product.
fn size(value: &serde_json::Value) -> Option<(u32, u32)> {
    let side =
        |name: &str| value.get(name)?.as_u64().and_then(|side| u32::try_from(side).ok()).filter(|side| *side > 0);
    Some((side("width")?, side("height")?))
}

fn bounded(text: &str, chars_max: usize) -> String {
    text.trim().chars().take(chars_max).collect()
}

/// The bytes of a `data:` URI; `None` for other addresses.
pub fn inline(url: &Url) -> Option<Result<Vec<u8>, JobError>> {
    if url.scheme() != "data" {
        return None;
    }
    let decoded = url.path().split_once(',').and_then(|(head, data)| {
        let data = head.ends_with(";base64").then_some(data)?;
        STANDARD.decode(data).ok()
    });
    Some(decoded.ok_or_else(|| unreadable("one is written in a way that can't be read")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_read_with_its_extensions() {
        let json = br#"{"images":[
            {"url":"https://x.test/1.png","mask":{"url":"https://x.test/1m.png"},"variant":"Pure white","width":1},
            {"url":"https://x.test/2.png","mask":"https://x.test/2m.png"},
            {"url":"data:image/png;base64,AAEC"}],"description":" done ","seed":17454220438242315174000}"#;
        let output = ModelOutput::parse(json).unwrap();
        assert_eq!(output.images.len(), 3);
        assert_eq!(output.images[0].mask.as_ref().unwrap().path(), "/1m.png");
        assert_eq!(output.images[1].mask.as_ref().unwrap().path(), "/2m.png");
        assert_eq!(
            (output.images[0].variant.as_deref(), output.description.as_deref()),
            (Some("Pure white"), Some("done"))
        );
        assert_eq!(inline(&output.images[2].url), Some(Ok(vec![0, 1, 2])));
        assert_eq!(inline(&output.images[1].url), None);
    }

    #[test]
    fn an_output_without_pictures_is_told_from_garbage() {
        assert_eq!(ModelOutput::parse(b"{\"images\":[]}").unwrap().images, []);
        for bad in ["", "null", "{}", "{\"images\":{}}", "{\"images\":[{}]}", "{\"images\":[{\"url\":\"no\"}]}"] {
            assert_eq!(ModelOutput::parse(bad.as_bytes()).unwrap_err().code, "result_unreadable", "{bad}");
        }
        for bad in ["data:image/png,raw", "data:", "data:;base64,***"] {
            assert!(matches!(inline(&bad.parse().unwrap()), Some(Err(_))), "{bad}");
        }
    }
}
