//! The multipart form that hands a photo in.

use plantain_wire::models::choice::ObjectChoice;
use plantain_wire::models::staging::{SceneKind, Staging};
use plantain_work::random;

use super::Notify;

/// What is asked for one photo.
#[derive(Clone, Debug)]
pub struct Wish {
    pub photo: Vec<u8>,
    pub file_name: String,
    pub preset: String,
    pub prompt: Option<String>,
    pub num_images: u8,
    pub identifier: Option<String>,
    /// Pieces that the photo shows.
    pub products: Option<u32>,
    pub staging: Staging,
    /// A picture to lay the product on.
    pub backdrop: Option<Vec<u8>>,
    pub choice: ObjectChoice,
    pub notify: Notify,
}

impl Wish {
    /// The content type with its boundary, and the body.
    pub(super) fn encode(&self) -> (String, Vec<u8>) {
        // 128 random bits do not occur in a photo.
        let boundary = hex::encode(random::bytes::<16>());
        let mut body = Vec::with_capacity(self.photo.len() + 2048);
        let count = self.num_images.to_string();
        let products = self.products.map(|pieces| pieces.to_string());
        let staging = &self.staging;
        let scene = (staging.scene != SceneKind::Auto).then(|| staging.scene.as_str());
        let colors = staging.backdrop.map(|colors| colors.to_string());
        let fields = [
            ("preset", Some(self.preset.as_str())),
            ("num_images", Some(count.as_str())),
            ("prompt", self.prompt.as_deref()),
            ("identifier", self.identifier.as_deref()),
            ("products", products.as_deref()),
            ("scene", scene),
            ("backdrop", colors.as_deref()),
            ("straighten", staging.straighten.then_some("true")),
            ("normalize", staging.normalize.then_some("true")),
        ];
        let chosen = self.chosen();
        let chosen = chosen.iter().map(|(name, value)| (*name, Some(value.as_str())));
        for (name, value) in fields.into_iter().chain(chosen).chain(self.notify.fields()) {
            let Some(value) = value else { continue };
            let head = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
            body.extend([head.as_bytes(), value.as_bytes(), b"\r\n"].concat());
        }
        let photo = (self.file_name.as_str(), &self.photo);
        for (name, bytes) in
            [Some(photo), self.backdrop.as_ref().map(|bytes| ("backdrop", bytes))].into_iter().flatten()
        {
            let name = quoted(name);
            let head = format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"image\"; filename=\"{name}\"\r\n\
                 content-type: application/octet-stream\r\n\r\n"
            );
            body.extend(head.as_bytes());
            body.extend(bytes);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{boundary}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={boundary}"), body)
    }
}

impl Wish {
    /// The choice as the studio's fields.
    fn chosen(&self) -> Vec<(&'static str, String)> {
        let area = self.choice.box_prompts.iter().map(|area| {
            let (width, height) = (area.x_max - area.x_min, area.y_max - area.y_min);
            ("box", format!("{},{},{width},{height}", area.x_min, area.y_min))
        });
        let points = self.choice.point_prompts.iter().map(|point| {
            let name = if point.label == 0 { "exclude" } else { "include" };
            (name, format!("{},{}", point.x, point.y))
        });
        let keep = (!self.choice.keep.is_auto()).then(|| ("keep", self.choice.keep.as_str().to_owned()));
        area.chain(points).chain(keep).collect()
    }
}

/// As browsers do it: what would end the header or the quotes is percent-encoded.
pub(super) fn quoted(name: &str) -> String {
    name.chars().fold(String::new(), |mut quoted, c| {
        match c {
            '"' => quoted.push_str("%22"),
            '\r' => quoted.push_str("%0D"),
            '\n' => quoted.push_str("%0A"),
            c => quoted.push(c),
        }
        quoted
    })
}

#[cfg(test)]
mod tests {
    use plantain_wire::models::choice::{Keep, PointPrompt};

    use super::*;

    #[test]
    fn the_form_holds_every_field_and_the_photo_byte_for_byte() {
        let wish = Wish {
            photo: b"\xff\xd8--\r\n\x00".to_vec(),
            file_name: "my \"best\"\r\nmug.jpg".into(),
            preset: "ebay".into(),
            prompt: None,
            num_images: 3,
            identifier: Some("SKU-1".into()),
            products: Some(2),
            staging: Staging { scene: SceneKind::Reflection, straighten: true, ..Staging::default() },
            backdrop: Some(b"a wall".to_vec()),
            choice: ObjectChoice {
                box_prompts: vec!["1,2,30,40".parse().unwrap()],
                point_prompts: vec![PointPrompt { x: 5, y: 6, label: 1 }, PointPrompt { x: 7, y: 8, label: 0 }],
                keep: Keep::All,
            },
            notify: Notify { email: Some("asha@shop.example".into()), whatsapp: None },
        };
        let (kind, body) = wish.encode();
        let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
        let text = String::from_utf8_lossy(&body);
        assert!(
            text.contains("name=\"products\"\r\n\r\n2\r\n")
                && text.contains("name=\"preset\"\r\n\r\nebay\r\n")
                && text.contains("name=\"identifier\"\r\n\r\nSKU-1\r\n")
        );
        let told = ("notifyEmail", "asha@shop.example");
        for (name, value) in [("box", "1,2,30,40"), ("include", "5,6"), ("exclude", "7,8"), ("keep", "all"), told] {
            assert!(text.contains(&format!("name=\"{name}\"\r\n\r\n{value}\r\n")), "{name}");
        }
        assert!(text.contains("filename=\"my %22best%22%0D%0Amug.jpg\"") && !text.contains("name=\"prompt\""));
        assert!(text.contains("name=\"scene\"\r\n\r\nreflection\r\n") && !text.contains("name=\"normalize\""));
        let photo = [&b"\r\n\r\n\xff\xd8--\r\n\x00\r\n--"[..], boundary.as_bytes(), b"\r\n"].concat();
        let backdrop = [&b"\r\n\r\na wall\r\n--"[..], boundary.as_bytes(), b"--\r\n"].concat();
        assert!(body.windows(photo.len()).any(|part| part == photo) && body.ends_with(&backdrop));
    }
}
