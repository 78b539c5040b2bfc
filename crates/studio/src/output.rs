//! What an image model returns, as far as the studio uses it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use url::Url;

use plantain_media::compose::Recipe;
use plantain_media::picture::PhotoFrame;

use crate::job::JobError;
use crate::saving::unreadable;

/// Pictures of one answer that are looked at: more than any model makes at once.
const IMAGES_MAX: usize = 8;

/// Characters of a model's words that are kept.
const DESCRIPTION_CHARS_MAX: usize = 2_000;

/// A model's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelOutput {
    pub images: Vec<ModelImage>,
    pub description: Option<String>,
    /// The product as the photo shows it, where the model says so. An extension of the local model.
    pub product: Option<InPhoto>,
    /// The cut-out that the pictures were made of. An extension of the local model.
    pub cutout: Option<ModelCutout>,
    /// Degrees that the product leans in the photo, clockwise above 0. An extension of the local model, too.
    pub tilt_degrees: Option<f64>,
}

/// A product as a photo shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InPhoto {
    /// Width and height in pixels.
    pub size: (u32, u32),
    pub frame: PhotoFrame,
}

/// The product's matte on the photo, and how the product was turned before it was laid out.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelCutout {
    /// A grey PNG as large as the photo held upright.
    pub matte: Url,
    /// Degrees by which it was set upright.
    pub straightened: Option<f32>,
}

/// One picture. The rest are extensions of the local model: the exact product mask, what the scene is called, and the scene.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelImage {
    pub url: Url,
    pub mask: Option<Url>,
    pub variant: Option<String>,
    pub scene: Option<Recipe>,
}

#[derive(Deserialize)]
struct Read {
    images: Vec<ReadImage>,
    description: Option<String>,
    product: Option<serde_json::Value>,
    cutout: Option<serde_json::Value>,
    tilt_degrees: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct ReadCutout {
    matte: ReadMask,
    straightened: Option<f32>,
}

#[derive(Deserialize)]
struct ReadImage {
    url: Url,
    mask: Option<ReadMask>,
    variant: Option<String>,
    scene: Option<serde_json::Value>,
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
            mask: image.mask.map(ReadMask::url),
            variant: image.variant.map(|text| bounded(&text, 100)),
            // What other models call a scene is none of ours.
            scene: image.scene.and_then(|scene| serde_json::from_value(scene).ok()),
        };
        let description =
            read.description.map(|text| bounded(&text, DESCRIPTION_CHARS_MAX)).filter(|text| !text.is_empty());
        let product = read.product.as_ref().and_then(in_photo);
        let cutout = read.cutout.and_then(|cutout| serde_json::from_value::<ReadCutout>(cutout).ok());
        let cutout = cutout.map(|read| ModelCutout { matte: read.matte.url(), straightened: read.straightened });
        let tilt_degrees = read.tilt_degrees.and_then(|value| value.as_f64()).filter(|tilt| tilt.abs() <= 180.0);
        let images = read.images.into_iter().take(IMAGES_MAX).map(image).collect();
        Ok(ModelOutput { images, description, product, cutout, tilt_degrees })
    }
}

impl ReadMask {
    fn url(self) -> Url {
        match self {
            ReadMask::Address(url) | ReadMask::File { url } => url,
        }
    }
}

/// `None` for whatever other models call a product.
fn in_photo(value: &serde_json::Value) -> Option<InPhoto> {
    let side =
        |name: &str| value.get(name)?.as_u64().and_then(|side| u32::try_from(side).ok()).filter(|side| *side > 0);
    let size = (side("width")?, side("height")?);
    // Engines of an older version don't say it.
    let frame = value.get("photo_frame").and_then(|frame| PhotoFrame::deserialize(frame).ok()).unwrap_or_default();
    Some(InPhoto { size, frame })
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
            {"url":"data:image/png;base64,AAEC"}],"description":" done ","tilt_degrees":-2.5,"seed":17454220438242315174000}"#;
        let output = ModelOutput::parse(json).unwrap();
        assert_eq!(output.images.len(), 3);
        assert_eq!(output.images[0].mask.as_ref().unwrap().path(), "/1m.png");
        assert_eq!(output.images[1].mask.as_ref().unwrap().path(), "/2m.png");
        assert_eq!(
            (output.images[0].variant.as_deref(), output.description.as_deref()),
            (Some("Pure white"), Some("done"))
        );
        assert_eq!(output.tilt_degrees, Some(-2.5));
        let other = ModelOutput::parse(br#"{"images":[],"tilt_degrees":"a lot"}"#).unwrap();
        assert_eq!(other.tilt_degrees, None, "what other models call a tilt is no reason to fail");
        assert_eq!(inline(&output.images[2].url), Some(Ok(vec![0, 1, 2])));
        assert_eq!(inline(&output.images[1].url), None);
    }

    #[test]
    fn what_a_model_says_of_the_product_is_read_where_it_can_be() {
        let size = (30, 40);
        for (product, read) in [
            (r#"{"width":30,"height":40}"#, Some(PhotoFrame::Clear)),
            (r#"{"width":30,"height":40,"photo_frame":"cuts"}"#, Some(PhotoFrame::Cuts)),
            (r#"{"width":30,"height":40,"photo_frame":"gilded"}"#, Some(PhotoFrame::Clear)),
            (r#"{"width":0,"height":40,"photo_frame":"cuts"}"#, None),
            (r#""a mug""#, None),
        ] {
            let output = ModelOutput::parse(format!(r#"{{"images":[],"product":{product}}}"#).as_bytes()).unwrap();
            assert_eq!(output.product, read.map(|frame| InPhoto { size, frame }), "{product}");
        }
    }

    #[test]
    fn a_cut_out_and_its_scenes_are_read_and_what_others_call_so_is_left() {
        let scene = serde_json::to_value(Recipe::of(&plantain_media::compose::Scene::default())).unwrap();
        let json = serde_json::json!({
            "images": [{"url": "https://x.test/1.png", "scene": scene}, {"url": "https://x.test/2.png", "scene": "beach"}],
            "cutout": {"matte": {"url": "https://x.test/m.png"}, "straightened": 1.5},
        });
        let output = ModelOutput::parse(json.to_string().as_bytes()).unwrap();
        let cutout = output.cutout.unwrap();
        assert_eq!((cutout.matte.path(), cutout.straightened), ("/m.png", Some(1.5)));
        assert_eq!(output.images.iter().map(|image| image.scene.is_some()).collect::<Vec<_>>(), [true, false]);
        let other = br#"{"images":[{"url":"https://x.test/1.png"}],"cutout":"yes"}"#;
        assert_eq!(ModelOutput::parse(other).unwrap().cutout, None);
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
