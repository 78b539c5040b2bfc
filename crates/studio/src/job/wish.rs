//! One wish, however often it is sent: the key that its sender gives it, and a digest of what it asks for.
//!
//! A key and the job or batch that its wish became are kept in one commit, so that a wish is never half done: whoever sends it again
//! is answered with what it became, or makes it.

use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};

use plantain_wire::endpoint::EndpointId;

use crate::bulk::batch::BatchId;
use crate::bulk::receiving::NewBatch;
use crate::job::{JobId, Visitor};
use crate::messages::hook::Callback;
use crate::messages::letter::LetterTo;
use crate::messages::whatsapp::wish::WhatsappWish;
use crate::photo::{NewJob, Photo};

/// Characters of a key.
pub const KEY_CHARS_MAX: usize = 255;

/// How long a wish is known by its key: longer than any program goes on trying.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Names one wish of one sender.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WishKey {
    /// Keys of different senders have nothing to do with each other.
    pub whose: String,
    pub word: String,
}

impl WishKey {
    /// `None` for anything but 1 to [`KEY_CHARS_MAX`] printable ASCII characters.
    pub fn parse(visitor: &Visitor, word: &[u8]) -> Option<WishKey> {
        let word = std::str::from_utf8(word).ok()?.trim();
        let fits = (1..=KEY_CHARS_MAX).contains(&word.len()) && word.bytes().all(|b| (b' '..=b'~').contains(&b));
        let whose = match visitor {
            Visitor::Operator => "operator",
            Visitor::Seller(owner) => owner.as_str(),
            Visitor::Anybody => "anybody",
        };
        fits.then(|| WishKey { whose: whose.to_owned(), word: word.to_owned() })
    }
}

/// A wish that has a key, and the digest of what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wished {
    pub key: WishKey,
    pub digest: String,
}

/// What a wish has become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    Job(JobId),
    Batch(BatchId),
}

/// What became of a wish with this key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Became {
    pub made: Made,
    /// Of what that wish asked for.
    pub digest: String,
}

/// What keeping a job for a wish led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once {
    Kept,
    /// The wish has a job already, and the new one was not kept.
    Before(Became),
    /// The allowance has no room for it; so many millionths of a US dollar are spent.
    Spent(u64),
}

/// The digest of a wish for pictures. Reads every photo, so it belongs on `work::Cpu`.
pub fn of_new(new: &NewJob) -> String {
    // Without `..`, so that whatever is new in a wish tells it from others.
    let NewJob {
        photos,
        image_urls,
        prompt,
        preset,
        num_images,
        identifier,
        products,
        whatsapp,
        staging,
        endpoint,
        choice,
        owner: _,
        tier: _,
        allowance: _,
        callback,
        notify,
    } = new;
    let photo = |Photo { bytes, file_name, content_type }: &Photo| {
        json!([hex::encode(Sha256::digest(bytes)), file_name, content_type])
    };
    let photos: Vec<_> = photos.iter().map(photo).collect();
    let endpoint = endpoint.as_ref().map(ToString::to_string);
    let mut wish =
        json!(["generate", photos, image_urls, prompt, preset, num_images, identifier, staging, endpoint, choice]);
    // Wishes without one keep the digests that they had in versions without callbacks.
    if let (Some(callback), Some(wish)) = (callback, wish.as_array_mut()) {
        wish.push(json!([callback.url, callback.secret]));
    }
    if let (Some(products), Some(wish)) = (products, wish.as_array_mut()) {
        wish.push(json!({"products": products}));
    }
    if let (Some(whatsapp), Some(wish)) = (whatsapp, wish.as_array_mut()) {
        wish.push(json!({"whatsapp": whatsapp.digits()}));
    }
    with_letter(digest(&wish), notify.as_ref())
}

/// Wishes without a letter keep the digests that they had in versions without letters.
pub fn with_letter(wish: String, notify: Option<&LetterTo>) -> String {
    match notify {
        Some(to) => digest(&json!([wish, to.address.to_string()])),
        None => wish,
    }
}

/// The digest of a wish to make a job again.
pub fn of_again(id: &JobId, straighten: Option<bool>, normalize: Option<bool>) -> String {
    digest(&json!(["again", id, straighten, normalize]))
}

/// The digest of a wish for another preset's pictures of a job whose cut-out has been changed so often.
pub fn of_preset(id: &JobId, preset: &str, revision: u64) -> String {
    digest(&json!(["preset", id, preset, revision]))
}

/// The digest of a wish for a batch. Its archive was hashed while it came, so that two gigabytes are not read for it.
pub fn of_batch(new: &NewBatch) -> String {
    // Without `..`, so that whatever is new in a wish tells it from others.
    let NewBatch {
        archive,
        table,
        file_name,
        preset,
        prompt,
        num_images,
        products,
        whatsapp,
        owner: _,
        tier: _,
        notify,
    } = new;
    let archive = archive.key().as_str().to_owned();
    let table = table.as_ref().map(|list| hex::encode(Sha256::digest(list)));
    let whatsapp = whatsapp.as_ref().map(WhatsappWish::digits);
    let mut wish = json!(["batch", archive, table, file_name, preset, prompt, num_images, whatsapp]);
    // Wishes without keep the digests that they had in versions where a batch declared no pieces.
    if let (Some(products), Some(wish)) = (products, wish.as_array_mut()) {
        wish.push(json!({"products": products}));
    }
    with_letter(digest(&wish), notify.as_ref())
}

/// The digest of a request for any endpoint.
pub fn of_input(
    endpoint: &EndpointId,
    input: &str,
    identifier: Option<&str>,
    callback: Option<&Callback>,
    whatsapp: Option<&WhatsappWish>,
) -> String {
    let callback = callback.map(|callback| json!([callback.url, callback.secret]));
    match whatsapp {
        None => digest(&json!(["ask", endpoint.as_str(), input, identifier, callback])),
        Some(wish) => digest(&json!(["ask", endpoint.as_str(), input, identifier, callback, wish.digits()])),
    }
}

fn digest(wish: &serde_json::Value) -> String {
    hex::encode(Sha256::digest(wish.to_string()))
}

#[cfg(test)]
mod tests {
    use plantain_mail::address::MailAddress;

    use super::*;
    use crate::job::Owner;
    use crate::job::key::Tier;

    #[test]
    fn a_key_is_printable_and_its_senders_own() {
        let long = "k".repeat(256);
        for (word, is) in [
            ("k", true),
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", true),
            (" two words ", true),
            (&long[1..], true),
            ("", false),
            ("  ", false),
            (&long, false),
            ("clé", false),
            ("a\u{7f}", false),
            ("a\tb", false),
        ] {
            assert_eq!(WishKey::parse(&Visitor::Anybody, word.as_bytes()).is_some(), is, "{word:?}");
        }
        let visitors = [Visitor::Operator, Visitor::Anybody, Visitor::Seller(Owner::session("a"))];
        let keys = visitors.map(|visitor| WishKey::parse(&visitor, b"k").unwrap());
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    }

    #[test]
    fn another_wish_has_another_digest() {
        let photo = |bytes: &'static [u8]| Photo { bytes: bytes.into(), file_name: None, content_type: None };
        let new = NewJob {
            photos: vec![photo(b"a")],
            image_urls: Vec::new(),
            prompt: None,
            preset: "ebay".into(),
            num_images: 3,
            identifier: None,
            products: None,
            whatsapp: None,
            staging: Default::default(),
            endpoint: None,
            choice: Default::default(),
            owner: None,
            tier: Tier::Paid,
            allowance: None,
            callback: None,
            notify: None,
        };
        let notify = |text| LetterTo { address: MailAddress::parse(text).unwrap(), language: "en".into() };
        let same = NewJob { owner: Some(Owner::session("a")), ..new.clone() };
        assert_eq!(of_new(&new), of_new(&same));
        for other in [
            NewJob { photos: vec![photo(b"b")], ..new.clone() },
            NewJob { photos: vec![photo(b"a"), photo(b"a")], ..new.clone() },
            NewJob { prompt: Some("on linen".into()), ..new.clone() },
            NewJob { preset: "amazon_main".into(), ..new.clone() },
            NewJob { num_images: 2, ..new.clone() },
            NewJob { whatsapp: WhatsappWish::parse("919876543210").ok(), ..new.clone() },
            NewJob { callback: Some(Callback { url: "https://a.example/".into(), secret: None }), ..new.clone() },
            NewJob { notify: Some(notify("asha@shop.example")), ..new.clone() },
        ] {
            assert_ne!(of_new(&new), of_new(&other), "{other:?}");
        }
    }
}
