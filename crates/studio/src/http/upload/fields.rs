//! From the fields of a form, or a JSON body, to a wish. Pure.

use bytes::Bytes;
use serde::Deserialize;
use url::Url;
use utoipa::ToSchema;

use plantain_mail::address::MailAddress;
use plantain_wire::models::choice::ObjectChoice;
use plantain_wire::models::nano_banana::NUM_IMAGES_MAX;
use plantain_wire::models::staging::Staging;

use super::{choosing, pieces};
use crate::error::{PICTURES_MAX, StudioError};
use crate::http::error::ApiError;
use crate::http::upload::staging;
use crate::http::words::Words;
use crate::http::{hooks, letters};
use crate::job::key::Tier;
use crate::messages::hook::{self, Callback, HookSecret};
use crate::messages::letter::LetterTo;
use crate::messages::managing::HookRefused;
use crate::messages::whatsapp::wish::WhatsappWish;
use crate::photo::{NewJob, Photo};
use crate::view::facts::Scene;

/// What is made where nothing is said.
pub const USUAL_PRESET: &str = "amazon_main";
const USUAL_NUM_IMAGES: i64 = 3;

/// The fields that a form may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    Image,
    /// Another picture's address.
    ImageUrl,
    Prompt,
    Preset,
    NumImages,
    Identifier,
    /// Pieces that the first picture shows.
    Products,
    NotifyWhatsapp,
    Scene,
    Backdrop,
    Straighten,
    Normalize,
    /// The product's box: `x,y,width,height`.
    Box,
    /// A point on the product: `x,y`.
    Include,
    /// A point beside it.
    Exclude,
    /// `auto` or `all`.
    Keep,
    WebhookUrl,
    WebhookSecret,
    NotifyEmail,
}

impl Name {
    const ALL: [Name; 19] = [
        Name::Image,
        Name::ImageUrl,
        Name::Prompt,
        Name::Preset,
        Name::NumImages,
        Name::Identifier,
        Name::Products,
        Name::NotifyWhatsapp,
        Name::Scene,
        Name::Backdrop,
        Name::Straighten,
        Name::Normalize,
        Name::Box,
        Name::Include,
        Name::Exclude,
        Name::Keep,
        Name::WebhookUrl,
        Name::WebhookSecret,
        Name::NotifyEmail,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Name::Image => "image",
            Name::ImageUrl => "image_url",
            Name::Prompt => "prompt",
            Name::Preset => "preset",
            Name::NumImages => "num_images",
            Name::Identifier => "identifier",
            Name::Products => "products",
            Name::NotifyWhatsapp => "notifyWhatsapp",
            Name::Scene => "scene",
            Name::Backdrop => "backdrop",
            Name::Straighten => "straighten",
            Name::Normalize => "normalize",
            Name::Box => "box",
            Name::Include => "include",
            Name::Exclude => "exclude",
            Name::Keep => "keep",
            Name::WebhookUrl => "webhookUrl",
            Name::WebhookSecret => "webhookSecret",
            Name::NotifyEmail => "notifyEmail",
        }
    }

    /// A field that nobody knows is an error rather than a wish that is silently not heeded.
    pub fn parse(name: Option<&str>) -> Result<Name, ApiError> {
        Name::ALL.into_iter().find(|known| Some(known.as_str()) == name).ok_or_else(|| {
            let shown: String = name.unwrap_or("").chars().take(40).collect();
            ApiError::unprocessable(
                "unknown_field",
                format!("The form has a field \"{shown}\" that means nothing here."),
                "The fields are image (once for each photo), image_url (once for each address), prompt, preset, num_images, identifier, products, scene, backdrop, straighten, normalize, box, include, exclude, keep, webhookUrl, webhookSecret, notifyEmail and notifyWhatsapp.",
            )
        })
    }
}

/// The fields that have come so far.
#[derive(Debug, Default)]
pub struct Form {
    photos: Vec<Photo>,
    image_urls: Vec<String>,
    prompt: Option<String>,
    preset: Option<String>,
    num_images: Option<String>,
    identifier: Option<String>,
    products: Option<String>,
    notify_whatsapp: Option<String>,
    staging: staging::Words,
    choice: ObjectChoice,
    webhook_url: Option<String>,
    webhook_secret: Option<String>,
    notify_email: Option<String>,
}

impl Form {
    /// Refuses a photo beyond the last before its bytes are read.
    pub fn expect_photo(&self, most: usize) -> Result<(), ApiError> {
        if self.photos.len() < most {
            return Ok(());
        }
        Err(StudioError::TooManyPhotos { given: self.photos.len() + 1 }.into())
    }

    /// Photos that have come.
    pub fn photos(&self) -> usize {
        self.photos.len()
    }

    /// A browser sends an empty part without a name where no file was chosen; that is no photo.
    pub fn photo(&mut self, bytes: Bytes, file_name: Option<String>, content_type: Option<String>) {
        let file_name = file_name.filter(|name| !name.is_empty());
        if !bytes.is_empty() || file_name.is_some() {
            self.photos.push(Photo { bytes, file_name, content_type });
        }
    }

    pub fn text(&mut self, name: Name, bytes: &[u8]) -> Result<(), ApiError> {
        let text = std::str::from_utf8(bytes).map_err(|_| not_text(name))?.trim().to_owned();
        let field = match name {
            Name::Prompt => &mut self.prompt,
            Name::Preset => &mut self.preset,
            Name::NumImages => &mut self.num_images,
            Name::Identifier => &mut self.identifier,
            Name::Products => &mut self.products,
            Name::NotifyWhatsapp => &mut self.notify_whatsapp,
            Name::Scene => &mut self.staging.scene,
            Name::Backdrop => &mut self.staging.backdrop,
            Name::Straighten => &mut self.staging.straighten,
            Name::Normalize => &mut self.staging.normalize,
            Name::WebhookUrl => &mut self.webhook_url,
            Name::WebhookSecret => &mut self.webhook_secret,
            Name::NotifyEmail => &mut self.notify_email,
            Name::Box | Name::Include | Name::Exclude | Name::Keep => {
                return choosing::add(&mut self.choice, name, &text);
            }
            Name::ImageUrl => return self.address(text),
            Name::Image => return Ok(()),
        };
        if field.is_some() {
            return Err(repeated(name));
        }
        *field = Some(text);
        Ok(())
    }

    fn address(&mut self, text: String) -> Result<(), ApiError> {
        if text.is_empty() {
            return Ok(());
        }
        self.image_urls.push(text);
        let given = self.photos.len() + self.image_urls.len();
        if given > PICTURES_MAX { Err(StudioError::TooManyPhotos { given }.into()) } else { Ok(()) }
    }

    pub fn into_new_job(self) -> Result<NewJob, ApiError> {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let num_images = match filled(self.num_images) {
            Some(text) => text.parse::<i64>().map_err(|_| not_a_number(&text))?,
            None => USUAL_NUM_IMAGES,
        };
        Ok(NewJob {
            image_urls: addresses(&self.image_urls, self.photos.len())?,
            photos: self.photos,
            prompt: filled(self.prompt),
            preset: filled(self.preset).unwrap_or_else(|| USUAL_PRESET.to_owned()),
            num_images: count(num_images)?,
            identifier: filled(self.identifier),
            products: pieces::of_text(self.products.as_deref())?,
            whatsapp: whatsapp(filled(self.notify_whatsapp))?,
            staging: self.staging.read()?,
            endpoint: None,
            choice: self.choice,
            owner: None,
            tier: Tier::default(),
            allowance: None,
            callback: callback(filled(self.webhook_url), filled(self.webhook_secret))?,
            notify: letter(filled(self.notify_email))?,
        })
    }
}

/// Which hosts may be reached is asked later.
pub fn callback(url: Option<String>, secret: Option<String>) -> Result<Option<Callback>, ApiError> {
    let secret = secret.map(|text| HookSecret::given(&text).ok_or_else(|| hooks::refused(HookRefused::Secret)));
    let secret = secret.transpose()?;
    match url {
        Some(url) if hook::postable(&url).is_some() => Ok(Some(Callback { url, secret })),
        Some(_) => Err(hooks::refused(HookRefused::Address)),
        None if secret.is_some() => Err(secret_for_nobody()),
        None => Ok(None),
    }
}

fn secret_for_nobody() -> ApiError {
    ApiError::unprocessable(
        "webhook_url_unusable",
        "The secret has no address.",
        "Send webhookUrl with webhookSecret, or leave both out.",
    )
}

/// Whether a letter may be wished for, and in which language, is asked later.
pub fn letter(text: Option<String>) -> Result<Option<LetterTo>, ApiError> {
    let read = |text: String| MailAddress::parse(&text).map_err(|_| letters::unusable());
    let language = Words::english().lang.to_owned();
    Ok(text.map(read).transpose()?.map(|address| LetterTo { address, language }))
}

/// Whether any message goes that way is asked later.
pub fn whatsapp(number: Option<String>) -> Result<Option<WhatsappWish>, ApiError> {
    let given = number.filter(|text| !text.trim().is_empty());
    given.map(|text| WhatsappWish::parse(&text).map_err(|_| not_a_number_to_write_to())).transpose()
}

fn not_a_number_to_write_to() -> ApiError {
    ApiError::unprocessable(
        "whatsapp_number_unusable",
        "The WhatsApp number can't be used.",
        "Give it with its country code and without a 0 in front, such as +91 98765 43210.",
    )
}

/// The addresses, which follow so many photos.
fn addresses(texts: &[String], photos: usize) -> Result<Vec<Url>, ApiError> {
    let address = |(index, text): (usize, &String)| {
        Url::parse(text).map_err(|_| ApiError::from(StudioError::ImageUrl { number: photos + index + 1 }))
    };
    texts.iter().enumerate().map(address).collect()
}

fn count(given: i64) -> Result<u8, ApiError> {
    u8::try_from(given).map_err(|_| StudioError::NumImages { given, most: NUM_IMAGES_MAX }.into())
}

fn not_a_number(text: &str) -> ApiError {
    let shown: String = text.chars().take(40).collect();
    ApiError::unprocessable(
        "num_images_not_a_number",
        format!("\"{shown}\" is not a number of pictures."),
        format!("Give num_images as a whole number from 1 to {NUM_IMAGES_MAX}."),
    )
}

fn not_text(name: Name) -> ApiError {
    ApiError::bad_request(
        "not_utf8",
        format!("The field \"{}\" is not text in UTF-8.", name.as_str()),
        "Save the text as UTF-8 and send it again.",
    )
}

pub(super) fn repeated(name: Name) -> ApiError {
    ApiError::unprocessable(
        "repeated_field",
        format!("The field \"{}\" came more than once.", name.as_str()),
        "Only image, image_url, include and exclude may be repeated.",
    )
}

/// A wish by addresses of pictures. A key that is not listed is refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonWish {
    /// The product first; a second one is the backdrop. http or https, without a password.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 8, examples(json!(["https://pictures.example/mug.jpg"])))]
    image_urls: Vec<String>,
    /// What else matters, in words.
    #[serde(default)]
    #[schema(max_length = 4000, examples("on linen, soft light from the left"))]
    prompt: Option<String>,
    /// Whose rules the pictures meet; `GET /api/presets` lists them. Usually `amazon_main`.
    #[serde(default)]
    #[schema(examples("amazon_main"))]
    preset: Option<String>,
    /// How many pictures, usually 3.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 4, examples(3))]
    num_images: Option<i64>,
    /// The product's number, from which files are named.
    #[serde(default)]
    #[schema(max_length = 64, examples("B0TEST1234"))]
    identifier: Option<String>,
    /// How many pieces the picture shows, such as 2 for a pair; otherwise the check looks for one.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 99, examples(2))]
    products: Option<i64>,
    /// Told by WhatsApp once the pictures are ready: a number with its country code.
    #[serde(default, rename = "notifyWhatsapp")]
    #[schema(max_length = 40, examples("+91 98765 43210"))]
    notify_whatsapp: Option<String>,
    /// What the product is laid on, usually `auto`.
    #[serde(default)]
    #[schema(value_type = Option<Scene>)]
    scene: Option<String>,
    /// A colour, or two from top to bottom, written `#rrggbb` or `#rrggbb,#rrggbb`.
    #[serde(default)]
    #[schema(examples("#f4e9dd"))]
    backdrop: Option<String>,
    /// Set a leaning product upright.
    #[serde(default)]
    straighten: bool,
    /// Even out white balance and exposure.
    #[serde(default)]
    normalize: bool,
    /// Around the product: x, y, width, height in pixels of the photo held upright.
    #[serde(default, rename = "box")]
    #[schema(value_type = Option<Vec<u32>>, min_items = 4, max_items = 4, examples(json!([120, 80, 900, 700])))]
    area: Option<[u32; 4]>,
    /// Points on the product: x, y.
    #[serde(default)]
    #[schema(value_type = Vec<Vec<u32>>, examples(json!([[640, 480]])))]
    include: Vec<[u32; 2]>,
    /// Points beside the product: x, y.
    #[serde(default)]
    #[schema(value_type = Vec<Vec<u32>>, examples(json!([[20, 20]])))]
    exclude: Vec<[u32; 2]>,
    #[serde(default)]
    keep: Option<String>,
    /// Posted to once the job has ended. Its query stays as it is.
    #[serde(default, rename = "webhookUrl")]
    #[schema(max_length = 2048, examples("https://n8n.example/webhook-waiting/7?signature=5f1c"))]
    webhook_url: Option<String>,
    /// What that post is signed with; without it it is not.
    #[serde(default, rename = "webhookSecret")]
    #[schema(min_length = 16, max_length = 200)]
    webhook_secret: Option<String>,
    /// Gets a letter once the job has succeeded or failed, where the studio sends any.
    #[serde(default, rename = "notifyEmail")]
    #[schema(max_length = 254, examples("asha@shop.example"))]
    notify_email: Option<String>,
}

const JSON_HINT: &str =
    "Send {\"image_urls\": [\"https://…\"], \"prompt\": \"…\", \"preset\": \"amazon_main\", \"num_images\": 3}.";

/// A wish by addresses of pictures.
pub fn from_json(body: &[u8]) -> Result<NewJob, ApiError> {
    // A list would be taken as the fields in their order, which nobody means.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(ApiError::unprocessable("wrong_field", "The JSON is a list.", JSON_HINT));
    }
    let wish: JsonWish = serde_json::from_slice(body).map_err(|error| bad_json(body, &error))?;
    Ok(NewJob {
        photos: Vec::new(),
        image_urls: addresses(&wish.image_urls, 0)?,
        prompt: wish.prompt,
        preset: wish.preset.unwrap_or_else(|| USUAL_PRESET.to_owned()),
        num_images: count(wish.num_images.unwrap_or(USUAL_NUM_IMAGES))?,
        staging: Staging {
            straighten: wish.straighten,
            normalize: wish.normalize,
            ..staging::Words { scene: wish.scene, backdrop: wish.backdrop, ..Default::default() }.read()?
        },
        endpoint: None,
        choice: choosing::of_numbers(wish.area, &wish.include, &wish.exclude, wish.keep.as_deref())?,
        identifier: wish.identifier,
        products: pieces::of_number(wish.products)?,
        whatsapp: whatsapp(wish.notify_whatsapp)?,
        owner: None,
        tier: Tier::default(),
        allowance: None,
        callback: callback(wish.webhook_url, wish.webhook_secret)?,
        notify: letter(wish.notify_email)?,
    })
}

/// Whether the text is JSON at all is asked separately: a list that is too long for its field is told like broken syntax.
fn bad_json(body: &[u8], error: &serde_json::Error) -> ApiError {
    if error.is_data() || serde_json::from_slice::<serde_json::Value>(body).is_ok() {
        return ApiError::unprocessable("wrong_field", format!("The JSON does not fit: {error}."), JSON_HINT);
    }
    ApiError::bad_request("not_json", format!("The body is not JSON: {error}."), JSON_HINT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn form(fields: &[(&str, &[u8])]) -> Result<NewJob, &'static str> {
        let mut form = Form::default();
        for (name, bytes) in fields {
            let name = Name::parse(Some(name)).map_err(|error| error.code)?;
            form.text(name, bytes).map_err(|error| error.code)?;
        }
        form.into_new_job().map_err(|error| error.code)
    }

    #[test]
    fn fields_that_are_not_given_have_their_usual_values() {
        for fields in
            [&[][..], &[("prompt", b" " as &[u8]), ("preset", b""), ("num_images", b""), ("identifier", b" ")]]
        {
            let new = form(fields).unwrap();
            assert_eq!((new.preset.as_str(), new.num_images), (USUAL_PRESET, 3));
            assert_eq!((new.prompt, new.identifier), (None, None));
        }
    }

    #[test]
    fn wrong_fields_are_named() {
        for (fields, code) in [
            (&[("num_images", b"0" as &[u8])][..], None),
            (&[("num_images", b"99")], None),
            (&[("num_images", b"256")], Some("num_images_out_of_range")),
            (&[("num_images", b"4294967296")], Some("num_images_out_of_range")),
            (&[("num_images", b"-1")], Some("num_images_out_of_range")),
            (&[("num_images", b"99999999999999999999")], Some("num_images_not_a_number")),
            (&[("num_images", b"1.5")], Some("num_images_not_a_number")),
            (&[("num_images", b"three")], Some("num_images_not_a_number")),
            (&[("prompt", b"\xff\xfe")], Some("not_utf8")),
            (&[("prompt", b"a"), ("prompt", b"b")], Some("repeated_field")),
            (&[("preset", b"a"), ("preset", b"a")], Some("repeated_field")),
            (&[("num_image", b"3")], Some("unknown_field")),
            (&[("image_url", b"https://a.test/1.jpg"), ("image_url", b"https://a.test/2.jpg")], None),
            (&[("image_url", b" ")], None),
            (&[("image_url", b"no address")], Some("image_url_unusable")),
            (&[("image_url", b"https://a.test/1.jpg" as &[u8]); 9], Some("too_many_photos")),
            (&[("scene", b"reflection"), ("backdrop", b"#f4e9dd,#000000"), ("straighten", b"on")], None),
            (&[("scene", b""), ("backdrop", b" "), ("straighten", b""), ("normalize", b"0")], None),
            (&[("scene", b"beach")], Some("scene_unknown")),
            (&[("backdrop", b"beige")], Some("backdrop_not_a_color")),
            (&[("straighten", b"perhaps")], Some("not_yes_or_no")),
            (&[("scene", b"auto"), ("scene", b"auto")], Some("repeated_field")),
            (&[("box", b"1,2,3,4"), ("box", b"1,2,3,4")], Some("repeated_field")),
            (&[("box", b"1,2,NaN,4")], Some("box_malformed")),
            (&[("box", b"1,2,0,4")], Some("box_malformed")),
            (&[("keep", b"all"), ("keep", b"all")], Some("repeated_field")),
            (&[("keep", b"some")], Some("keep_unknown")),
            (&[("webhookUrl", b"https://a.example/7?b=%2F&a")], None),
            (&[("webhookUrl", b"")], None),
            (&[("notifyWhatsapp", b" +91 (98765) 43210 ")], None),
            (&[("notifyWhatsapp", b" ")], None),
            (&[("notifyWhatsapp", b"098765 43210")], Some("whatsapp_number_unusable")),
            (&[("notifyWhatsapp", b"919876543210"), ("notifyWhatsapp", b"")], Some("repeated_field")),
            (&[("webhookUrl", b"ftp://a.example/")], Some("webhook_url_unusable")),
            (&[("webhookSecret", b"sixteen-letters!")], Some("webhook_url_unusable")),
            (&[("webhookUrl", b"https://a.example/"), ("webhookSecret", b"short")], Some("webhook_secret_unusable")),
            (&[("include", b"-1,2")], Some("point_malformed")),
            (&[("exclude", b"1")], Some("point_malformed")),
            (&[("box", b""), ("include", b" ")], None),
        ] {
            assert_eq!(form(fields).err(), code, "{fields:?}");
        }
        assert_eq!(Name::parse(None).unwrap_err().code, "unknown_field");
    }

    #[test]
    fn a_secret_without_an_address_is_told_to_need_one() {
        let refused = callback(None, Some("sixteen-letters!".into())).unwrap_err();
        assert_eq!((refused.code, refused.message.as_str()), ("webhook_url_unusable", "The secret has no address."));
    }

    #[test]
    fn a_part_for_no_chosen_file_is_no_photo_and_an_empty_file_is_one() {
        let mut form = Form::default();
        form.photo(Bytes::new(), Some(String::new()), None);
        form.photo(Bytes::new(), None, None);
        assert!(form.photos.is_empty());
        form.photo(Bytes::new(), Some("empty.jpg".into()), None);
        assert_eq!(form.photos.len(), 1);
    }

    #[test]
    fn photos_beyond_the_last_are_refused_before_they_are_read() {
        let mut form = Form::default();
        form.photo(Bytes::from_static(b"x"), None, None);
        assert!(form.expect_photo(2).is_ok());
        assert_eq!(form.expect_photo(1).unwrap_err().code, "too_many_photos");
    }

    #[test]
    fn a_json_wish_is_read_and_a_wrong_one_named() {
        let new = from_json(br#"{"image_urls": ["https://a.test/x.jpg"], "num_images": 1, "preset": "ebay"}"#).unwrap();
        assert_eq!((new.image_urls.len(), new.num_images, new.preset.as_str()), (1, 1, "ebay"));
        for (body, code) in [
            (&b"{"[..], "not_json"),
            (b"", "not_json"),
            (b"[]", "wrong_field"),
            (b"{\"image_url\": []}", "wrong_field"),
            (b"{\"num_images\": \"3\"}", "wrong_field"),
            (b"{\"num_images\": 300}", "num_images_out_of_range"),
            (b"{\"num_images\": -1}", "num_images_out_of_range"),
            (b"{\"image_urls\": [\"no url\"]}", "image_url_unusable"),
            (b"{\"scene\": \"beach\"}", "scene_unknown"),
            (b"{\"backdrop\": \"#12345\"}", "backdrop_not_a_color"),
            (b"{\"straighten\": \"yes\"}", "wrong_field"),
            (b"{\"webhookUrl\": \"me\"}", "webhook_url_unusable"),
            (b"{\"notifyWhatsapp\": \"me\"}", "whatsapp_number_unusable"),
            (b"{\"prompt\": \"\xff\"}", "not_json"),
        ] {
            assert_eq!(from_json(body).unwrap_err().code, code, "{}", String::from_utf8_lossy(body));
        }
    }
}
