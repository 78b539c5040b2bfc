//! Hands the pictures out: on the CDN, or as `data:` URIs where the caller asked for that.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::try_join_all;
use plantain_media::compose::Recipe;
use plantain_media::picture::PhotoFrame;
use plantain_wire::models::Image;
use serde::Serialize;

use super::Stopped;
use crate::files::Files;

/// A finished picture in memory.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Painted {
    /// What the scene is called.
    pub variant: &'static str,
    pub recipe: Recipe,
    pub file_name: String,
    pub content_type: &'static str,
    pub bytes: Bytes,
    pub mask_name: String,
    /// A grey PNG as large as the picture.
    pub mask: Bytes,
    pub width: u32,
    pub height: u32,
}

const MASK_TYPE: &str = "image/png";

/// fal's picture with our three extensions.
#[derive(Serialize)]
struct LocalImage {
    #[serde(flatten)]
    image: Image,
    /// Which pixels are product, on the same canvas: white is product.
    mask: Image,
    variant: &'static str,
    /// What the product was laid on, so that it can be laid there again.
    scene: Recipe,
}

/// The cut-out that all pictures are made of.
#[derive(Serialize)]
struct WholeCutout {
    /// A grey PNG as large as the photo held upright.
    matte: Image,
    /// Degrees by which it was set upright.
    #[serde(skip_serializing_if = "Option::is_none")]
    straightened: Option<f32>,
}

#[derive(Serialize)]
struct Output {
    images: Vec<LocalImage>,
    description: String,
    product: InPhoto,
    /// Degrees that the product leans in the photo, clockwise above 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    tilt_degrees: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cutout: Option<WholeCutout>,
}

/// The product as the photo shows it.
#[derive(Serialize)]
struct InPhoto {
    width: u32,
    height: u32,
    photo_frame: PhotoFrame,
}

/// What is told beside the pictures.
pub(super) struct Said {
    pub description: String,
    /// Width and height of the product in the photo, in pixels.
    pub product: (u32, u32),
    /// How the photo's frame stands to it.
    pub photo_frame: PhotoFrame,
    /// Degrees that it leans there, where that can be told.
    pub tilt: Option<f32>,
    /// The matte on the whole photo, where it is wanted.
    pub matte: Option<Bytes>,
    pub photo: (u32, u32),
    pub straightened: Option<f32>,
}

/// The output's JSON. Every address in it can be read when this returns.
pub(super) async fn hand_out(
    files: &Files,
    pictures: Vec<Painted>,
    said: Said,
    as_data: bool,
) -> Result<String, Stopped> {
    let images = try_join_all(pictures.into_iter().map(|picture| hand_out_one(files, picture, as_data))).await?;
    let cutout = hand_out_cutout(files, &said).await?;
    let Said { description, product: (width, height), photo_frame, tilt, .. } = said;
    let tilt_degrees = tilt.map(|tilt| f64::from((tilt * 10.0).round()) / 10.0);
    let product = InPhoto { width, height, photo_frame };
    let output = Output { images, description, product, tilt_degrees, cutout };
    Ok(serde_json::to_string(&output).expect("strings and numbers always serialise"))
}

async fn hand_out_cutout(files: &Files, said: &Said) -> Result<Option<WholeCutout>, Stopped> {
    const NAME: &str = "cutout-matte.png";
    let Some(bytes) = said.matte.clone() else { return Ok(None) };
    let size = bytes.len() as u64;
    let url = files.write(NAME, MASK_TYPE, bytes).await?;
    let matte = Image {
        url: url.into(),
        content_type: Some(MASK_TYPE.to_owned()),
        file_name: Some(NAME.to_owned()),
        file_size: Some(size),
        width: Some(said.photo.0),
        height: Some(said.photo.1),
    };
    Ok(Some(WholeCutout { matte, straightened: said.straightened }))
}

async fn hand_out_one(files: &Files, picture: Painted, as_data: bool) -> Result<LocalImage, Stopped> {
    let Painted { variant, recipe, file_name, content_type, bytes, mask_name, mask, width, height, .. } = picture;
    let image = |url, content_type: &str, file_name, file_size| Image {
        url,
        content_type: Some(content_type.to_owned()),
        file_name: Some(file_name),
        file_size: Some(file_size),
        width: Some(width),
        height: Some(height),
    };
    let (size, mask_size) = (bytes.len() as u64, mask.len() as u64);
    let (url, mask_url) = match as_data {
        true => (data_uri(content_type, &bytes), data_uri(MASK_TYPE, &mask)),
        false => {
            let (url, mask_url) = tokio::try_join!(
                files.write(&file_name, content_type, bytes),
                files.write(&mask_name, MASK_TYPE, mask)
            )?;
            (url.into(), mask_url.into())
        }
    };
    let mask = image(mask_url, MASK_TYPE, mask_name, mask_size);
    Ok(LocalImage { image: image(url, content_type, file_name, size), mask, variant, scene: recipe })
}

fn data_uri(content_type: &str, bytes: &[u8]) -> String {
    format!("data:{content_type};base64,{}", STANDARD.encode(bytes))
}
