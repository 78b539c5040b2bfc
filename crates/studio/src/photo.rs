//! What a seller hands in, and whether it can become a job.
//!
//! A photo is decoded to its last pixel before a job is accepted, so that nobody pays for a picture that can't be used. The
//! original bytes are kept and sent on; what was decoded is thrown away. Only HEIC, AVIF, TIFF and GIF, which most models or browsers
//! can't read, are kept and sent on as JPEG or PNG.

use bytes::Bytes;
use url::Url;

use plantain_media::common_form::{CommonForm, common_form};
use plantain_media::decode::{self, Limits, PictureError};
use plantain_media::preset::{Preset, Presets};
use plantain_wire::endpoint::EndpointId;
use plantain_wire::models::choice::{ObjectChoice, POINTS_MAX};
use plantain_wire::models::nano_banana::{NUM_IMAGES_MAX, TEXT_ENDPOINT};
use plantain_wire::models::staging::Staging;

use crate::error::{
    IDENTIFIER_CHARS_MAX, IMAGE_URL_BYTES_MAX, PICTURES_MAX, PRODUCTS_MAX, PROMPT_CHARS_MAX, StudioError,
};
use crate::job::Owner;
use crate::job::key::{Allowance, Tier};
use crate::messages::hook::Callback;
use crate::messages::letter::LetterTo;
use crate::messages::whatsapp::wish::WhatsappWish;

/// A wish for catalog pictures, not yet checked.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The product first; a second one is the backdrop.
    pub photos: Vec<Photo>,
    /// Further pictures by address, after the photos.
    pub image_urls: Vec<Url>,
    pub prompt: Option<String>,
    pub preset: String,
    pub num_images: u8,
    /// The product's number or stock-keeping unit.
    pub identifier: Option<String>,
    /// How many pieces the seller says the first picture shows.
    pub products: Option<u32>,
    /// Whom to tell by WhatsApp once its pictures are ready.
    pub whatsapp: Option<WhatsappWish>,
    /// What the product is laid on, as far as the preset leaves that open.
    pub staging: Staging,
    /// `None`: the studio's own choice.
    pub endpoint: Option<EndpointId>,
    /// Which thing in the first picture is the product.
    pub choice: ObjectChoice,
    /// Whose the job will be.
    pub owner: Option<Owner>,
    pub tier: Tier,
    /// What its owner may spend; `None`: no bound.
    pub allowance: Option<Allowance>,
    /// Who is told of its end.
    pub callback: Option<Callback>,
    /// The same by letter.
    pub notify: Option<LetterTo>,
}

impl NewJob {
    /// Pictures are to be made of words alone.
    pub fn is_of_words(&self) -> bool {
        let endpoint = self.endpoint.as_ref().is_some_and(|endpoint| endpoint.as_str() == TEXT_ENDPOINT);
        endpoint && self.photos.is_empty() && self.image_urls.is_empty()
    }
}

/// An upload, as it came.
#[derive(Clone, Debug)]
pub struct Photo {
    pub bytes: Bytes,
    pub file_name: Option<String>,
    /// What the sender claimed; the bytes decide.
    pub content_type: Option<String>,
}

/// What a full decode found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    pub content_type: &'static str,
    /// Upright, in pixels.
    pub width: u32,
    pub height: u32,
    /// Width and height as it came, held upright: more where a smaller copy takes its place.
    pub came: (u32, u32),
    pub notices: Vec<&'static str>,
    /// What takes the place of the upload.
    pub instead: Option<CommonForm>,
}

/// A wish whose every word was checked; the photos still have to be decoded.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    pub preset: &'a Preset,
    pub prompt: Option<String>,
    pub identifier: Option<String>,
}

/// Checks everything about a wish but its pixels.
pub fn check<'a>(new: &NewJob, presets: &'a Presets) -> Result<Wish<'a>, StudioError> {
    let pictures = new.photos.len() + new.image_urls.len();
    if pictures == 0 && !new.is_of_words() {
        return Err(StudioError::NoPhoto);
    }
    if pictures > PICTURES_MAX {
        return Err(StudioError::TooManyPhotos { given: pictures });
    }
    let preset = presets.get(&new.preset).map_err(StudioError::UnknownPreset)?;
    if new.num_images == 0 || new.num_images > NUM_IMAGES_MAX {
        return Err(StudioError::NumImages { given: new.num_images.into(), most: NUM_IMAGES_MAX });
    }
    if let Some(at) = new.image_urls.iter().position(|url| !is_usable(url)) {
        return Err(StudioError::ImageUrl { number: new.photos.len() + at + 1 });
    }
    if let Some(why) = new.staging.contradiction() {
        return Err(StudioError::Staging { why });
    }
    let prompt = words(new.prompt.as_deref());
    let chars = prompt.as_deref().map_or(0, |prompt| prompt.chars().count());
    if chars > PROMPT_CHARS_MAX {
        return Err(StudioError::PromptTooLong { chars });
    }
    let identifier = words(new.identifier.as_deref());
    if identifier.as_deref().is_some_and(|text| !is_identifier(text)) {
        return Err(StudioError::Identifier);
    }
    if new.choice.point_prompts.len() > POINTS_MAX {
        return Err(StudioError::TooManyPoints { given: new.choice.point_prompts.len() });
    }
    Ok(Wish { preset, prompt, identifier })
}

/// The text without its margins; an empty field counts as one that wasn't filled in.
fn words(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Files are named after it, so it holds what every marketplace takes in a name; spaces become hyphens there.
pub(crate) fn is_identifier(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-');
    let says_something = text.contains(|c: char| c.is_ascii_alphanumeric());
    text.chars().count() <= IDENTIFIER_CHARS_MAX && says_something && text.chars().all(plain)
}

/// How many pieces a picture shows, as somebody wrote it.
pub(crate) fn pieces(text: &str) -> Option<u32> {
    text.parse().ok().filter(|pieces| (1..=PRODUCTS_MAX).contains(pieces))
}

fn is_usable(url: &Url) -> bool {
    let plain = url.username().is_empty() && url.password().is_none();
    matches!(url.scheme(), "http" | "https") && plain && url.as_str().len() <= IMAGE_URL_BYTES_MAX
}

/// Looks at a photo to its last pixel. Takes up to [`decode::Limits`]' memory and belongs on `work::Cpu`.
pub fn admit(bytes: &[u8], limits: &Limits) -> Result<Admitted, PictureError> {
    if bytes.len() <= limits.max_bytes && !decode::probe(bytes)?.format.is_common() {
        return rewritten(bytes, limits);
    }
    let found = decode::examine(bytes, limits)?;
    Ok(Admitted {
        content_type: found.facts.format.content_type(),
        width: found.width,
        height: found.height,
        came: (found.width, found.height),
        notices: found.facts.notices().into_iter().map(|notice| notice.message()).collect(),
        instead: None,
    })
}

fn rewritten(bytes: &[u8], limits: &Limits) -> Result<Admitted, PictureError> {
    let decoded = decode::decode(bytes, limits)?;
    let form = common_form(&decoded, limits.max_bytes).map_err(|_| PictureError::FileTooLarge {
        bytes: bytes.len().max(limits.max_bytes + 1),
        limit: limits.max_bytes,
    })?;
    const SMALLER: &str =
        "With its transparency the photo is larger than a file may be, so a smaller copy of it was kept.";
    let smaller = form.width < decoded.picture.width();
    let notices = decoded.facts.notices().into_iter().map(|notice| notice.message());
    Ok(Admitted {
        content_type: form.content_type,
        width: form.width,
        height: form.height,
        came: (decoded.picture.width(), decoded.picture.height()),
        notices: notices.chain(smaller.then_some(SMALLER)).collect(),
        instead: Some(form),
    })
}

/// The name of an upload whose bytes were written anew.
pub fn renamed(name: &str, extension: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    format!("{}.{extension}", if stem.is_empty() { "photo" } else { stem })
}

/// What an upload is called that came without a name.
pub fn given_name(number: usize, content_type: &str) -> String {
    let extension = match content_type {
        "image/png" => "png",
        "image/webp" => "webp",
        _ => "jpg",
    };
    format!("photo-{number}.{extension}")
}

/// A file name without its folders and control characters, at most 100 characters: what may be shown and sent on.
pub fn tame_file_name(name: &str) -> Option<String> {
    /// Longer names help nobody and fill databases.
    const CHARS_MAX: usize = 100;
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let tame: String = last.chars().filter(|c| !c.is_control()).collect();
    let tame = tame.trim().trim_matches('.');
    let skipped = tame.chars().count().saturating_sub(CHARS_MAX);
    // The end is kept: it holds the extension.
    let kept: String = tame.chars().skip(skipped).collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use plantain_wire::models::staging::{Colors, SceneKind};

    use super::*;

    fn wish() -> NewJob {
        NewJob {
            photos: vec![Photo { bytes: Bytes::from_static(b"x"), file_name: None, content_type: None }],
            image_urls: Vec::new(),
            prompt: None,
            preset: "amazon_main".into(),
            num_images: 3,
            identifier: None,
            products: None,
            whatsapp: None,
            staging: Staging::default(),
            endpoint: None,
            choice: ObjectChoice::default(),
            owner: None,
            tier: Tier::Paid,
            allowance: None,
            callback: None,
            notify: None,
        }
    }

    #[track_caller]
    fn code_of(change: impl FnOnce(&mut NewJob)) -> &'static str {
        let mut new = wish();
        change(&mut new);
        check(&new, &Presets::builtin()).map_or_else(|error| error.code(), |_| "ok")
    }

    #[test]
    fn every_wrong_word_is_named() {
        let url = |text: &str| Url::parse(text).unwrap();
        assert_eq!(code_of(|_| {}), "ok");
        assert_eq!(code_of(|new| new.photos.clear()), "photo_missing");
        assert_eq!(code_of(|new| new.photos = vec![new.photos[0].clone(); 9]), "too_many_photos");
        assert_eq!(code_of(|new| new.preset = "amazon".into()), "unknown_preset");
        assert_eq!(code_of(|new| new.num_images = 0), "num_images_out_of_range");
        assert_eq!(code_of(|new| new.num_images = 99), "num_images_out_of_range");
        assert_eq!(code_of(|new| new.num_images = 4), "ok");
        let sand = Colors::parse("#f4e9dd");
        let staging = |scene| Staging { scene, backdrop: sand, ..Staging::default() };
        assert_eq!(code_of(|new| new.staging = staging(SceneKind::White)), "scene_contradicts_backdrop");
        assert_eq!(code_of(|new| new.staging = staging(SceneKind::Reflection)), "ok");
        assert_eq!(code_of(|new| new.prompt = Some("x".repeat(4_001))), "prompt_too_long");
        assert_eq!(code_of(|new| new.prompt = Some("  ".into())), "ok");
        assert_eq!(code_of(|new| new.identifier = Some("x".repeat(65))), "identifier_unusable");
        assert_eq!(code_of(|new| new.identifier = Some("a\nb".into())), "identifier_unusable");
        for bad in ["../../../x", "..", "a/b", "a\\b", "मग-1", "--", "B0TEST1234\0"] {
            assert_eq!(code_of(|new| new.identifier = Some(bad.into())), "identifier_unusable", "{bad:?}");
        }
        for good in ["SKU 12_b.c-d", "7", "978-3-16-148410-0"] {
            assert_eq!(code_of(|new| new.identifier = Some(good.into())), "ok", "{good}");
        }
        assert_eq!(code_of(|new| new.identifier = Some(" B0TEST1234 ".into())), "ok");
        for bad in ["ftp://a.test/x", "http://user:pass@a.test/", "data:image/png;base64,AA"] {
            assert_eq!(code_of(|new| new.image_urls.push(url(bad))), "image_url_unusable", "{bad}");
        }
        assert_eq!(code_of(|new| new.image_urls.push(url("https://a.test/x.jpg"))), "ok");
    }

    #[test]
    fn a_photo_that_is_kept_smaller_tells_its_size_as_it_came() {
        let tiff = noise_as_tiff(80, 400);
        let roomy = admit(&tiff, &Limits::default()).unwrap();
        assert_eq!((roomy.came, roomy.width, roomy.height), ((80, 400), 80, 400));
        let tight = Limits { max_bytes: tiff.len(), ..Limits::default() };
        let kept = admit(&tiff, &tight).unwrap();
        assert!(kept.came == (80, 400) && kept.width < 80 && kept.height < 400, "{kept:?}");
        assert!(kept.notices.iter().any(|notice| notice.contains("smaller copy")));
    }

    /// Pixels with transparency that no PNG writes in fewer bytes.
    fn noise_as_tiff(width: u16, height: u16) -> Vec<u8> {
        const PIXELS_AT: u32 = 200;
        let length = u32::from(width) * u32::from(height) * 4;
        // Tag, type (3: two bytes, 4: four) and value; eight bits for each of four samples, the last one transparency.
        let entries: [(u16, u16, u32, u32); 10] = [
            (256, 3, 1, width.into()),
            (257, 3, 1, height.into()),
            (258, 3, 4, PIXELS_AT - 8),
            (259, 3, 1, 1),
            (262, 3, 1, 2),
            (273, 4, 1, PIXELS_AT),
            (277, 3, 1, 4),
            (278, 3, 1, height.into()),
            (279, 4, 1, length),
            (338, 3, 1, 2),
        ];
        let mut bytes = b"II*\0\x08\0\0\0\x0a\0".to_vec();
        for (tag, kind, count, value) in entries {
            bytes.extend(tag.to_le_bytes().into_iter().chain(kind.to_le_bytes()));
            bytes.extend(count.to_le_bytes().into_iter().chain(value.to_le_bytes()));
        }
        bytes.resize(PIXELS_AT as usize - 8, 0);
        bytes.extend([8, 0, 8, 0, 8, 0, 8, 0]);
        let mut state = 7u32;
        bytes.extend((0..length).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }));
        bytes
    }

    #[test]
    fn what_was_written_anew_says_so_in_its_name() {
        for (name, new) in [
            ("IMG_4.HEIC", "IMG_4.jpg"),
            ("scan.of.a.cup.tif", "scan.of.a.cup.jpg"),
            ("cup", "cup.jpg"),
            (".tiff", "photo.jpg"),
        ] {
            assert_eq!(renamed(name, "jpg"), new);
        }
    }

    #[test]
    fn margins_are_no_words() {
        let new = NewJob { prompt: Some("  on linen ".into()), identifier: Some(" ".into()), ..wish() };
        let presets = Presets::builtin();
        let checked = check(&new, &presets).unwrap();
        assert_eq!((checked.prompt.as_deref(), checked.identifier), (Some("on linen"), None));
    }

    #[test]
    fn file_names_lose_folders_and_keep_extensions() {
        for (name, tame) in [
            ("mug.jpg", Some("mug.jpg")),
            ("C:\\photos\\mug.jpg", Some("mug.jpg")),
            ("../../etc/passwd", Some("passwd")),
            ("a\r\nb.png", Some("ab.png")),
            ("..", None),
            ("", None),
        ] {
            assert_eq!(tame_file_name(name).as_deref(), tame, "{name}");
        }
        let long = format!("{}.jpg", "x".repeat(500));
        let tame = tame_file_name(&long).unwrap();
        assert!(tame.chars().count() == 100 && tame.ends_with(".jpg"));
    }
}
