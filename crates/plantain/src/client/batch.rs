//! Batches over the studio's API: handing an archive in while it is read, following it, taking the pictures home.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use plantain_studio::bulk::batch::ItemState;
use plantain_studio::bulk::view::{BatchView, ItemPage};
use plantain_work::random;
use reqwest::{Body, Method, Response};

use super::{ANSWER_TIME_MAX, ApiError, IDEMPOTENCY_KEY, Notify, StudioClient, form};

/// For an upload of two gigabytes over a slow line, and for the studio to look at all of it.
const UPLOAD_TIME_MAX: Duration = Duration::from_secs(2 * 60 * 60);

/// Items that are asked for at once.
const ITEMS_A_PAGE: usize = 500;

/// What is asked for many photos, beside the archive.
#[derive(Clone, Debug, Default)]
pub struct BulkWish {
    pub file_name: String,
    pub preset: String,
    pub prompt: Option<String>,
    pub num_images: u8,
    /// Pieces that each photo shows, where the list says nothing else.
    pub products: Option<u32>,
    /// The list of product numbers.
    pub list: Option<Vec<u8>>,
    pub notify: Notify,
}

impl BulkWish {
    /// What comes before the archive's bytes: every word, so that a refusal comes before the upload.
    fn head(&self, boundary: &str) -> Vec<u8> {
        let mut head = Vec::new();
        let count = self.num_images.to_string();
        let products = self.products.map(|pieces| pieces.to_string());
        let words = [
            ("preset", Some(self.preset.as_str())),
            ("num_images", Some(&count)),
            ("prompt", self.prompt.as_deref()),
            ("products", products.as_deref()),
        ];
        for (name, value) in words.into_iter().chain(self.notify.fields()) {
            let Some(value) = value else { continue };
            head.extend(
                format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
            );
        }
        let file = |name: &str, file_name: &str| {
            let file_name = form::quoted(file_name);
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\r\n")
        };
        if let Some(list) = &self.list {
            head.extend(file("csv", "list.csv").bytes());
            head.extend(list);
            head.extend(b"\r\n");
        }
        head.extend(file("zip", &self.file_name).bytes());
        head
    }

    /// The form: its words, then the archive.
    fn around<S>(&self, boundary: &str, archive: S) -> impl Stream<Item = io::Result<Bytes>> + Send + use<S>
    where
        S: Stream<Item = io::Result<Bytes>> + Send,
    {
        let whole = |bytes: Vec<u8>| stream::iter([Ok(Bytes::from(bytes))]);
        let tail = format!("\r\n--{boundary}--\r\n").into_bytes();
        whole(self.head(boundary)).chain(archive).chain(whole(tail))
    }
}

/// Keeps why the archive can't be read: for the connection, its end is one like any other.
fn noting<S>(archive: S, unreadable: Arc<Mutex<Option<io::Error>>>) -> impl Stream<Item = io::Result<Bytes>> + Send
where
    S: Stream<Item = io::Result<Bytes>> + Send,
{
    archive.map(move |piece| {
        piece.map_err(|error| {
            let kind = error.kind();
            *unreadable.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            io::Error::from(kind)
        })
    })
}

impl StudioClient {
    /// Hands an archive in, piece by piece. When this returns `Ok` the studio has every photo for good.
    ///
    /// `archive` begins to read it, and is called again where the connection breaks.
    pub async fn begin_batch<S>(&self, wish: &BulkWish, archive: impl Fn() -> S) -> Result<BatchView, ApiError>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        // 128 random bits do not occur in an archive.
        let boundary = hex::encode(random::bytes::<16>());
        self.once(async |key| {
            let unreadable = Arc::new(Mutex::new(None));
            let archive = noting(archive(), Arc::clone(&unreadable));
            let request = self
                .request(Method::POST, "/api/batches")
                .header("content-type", format!("multipart/form-data; boundary={boundary}"))
                .header(IDEMPOTENCY_KEY, key)
                .body(Body::wrap_stream(wish.around(&boundary, archive)))
                .timeout(UPLOAD_TIME_MAX);
            let sent = self.send(request).await;
            let unreadable = unreadable.lock().unwrap_or_else(PoisonError::into_inner).take();
            match unreadable {
                Some(error) => Err(ApiError::Unreadable(error)),
                None => self.json(sent?).await,
            }
        })
        .await
    }

    pub async fn batch(&self, id: &str) -> Result<BatchView, ApiError> {
        let request = self.request(Method::GET, &format!("/api/batches/{id}")).query(&[("limit", "1")]);
        let response = self.send(request.timeout(ANSWER_TIME_MAX)).await?;
        self.json(response).await
    }

    /// What waits is given up, and jobs are asked to end.
    pub async fn cancel_batch(&self, id: &str) -> Result<BatchView, ApiError> {
        let request = self.request(Method::DELETE, &format!("/api/batches/{id}")).timeout(ANSWER_TIME_MAX);
        let response = self.send(request).await?;
        self.json(response).await
    }

    /// A page of items in a state, after the one with this number.
    pub async fn items(&self, id: &str, state: ItemState, after: u32) -> Result<ItemPage, ApiError> {
        let query = [("status", state.as_str()), ("limit", &ITEMS_A_PAGE.to_string()), ("cursor", &after.to_string())];
        self.patiently(async || {
            let request = self.request(Method::GET, &format!("/api/batches/{id}")).query(&query);
            self.json(self.send(request.timeout(ANSWER_TIME_MAX)).await?).await
        })
        .await
    }

    /// As [`StudioClient::follow`], for a batch. One that is paused is waited for.
    pub async fn follow_batch(&self, id: &str, tell: impl FnMut(&BatchView)) -> Result<BatchView, ApiError> {
        self.followed(&format!("/api/batches/{id}/events"), |batch: &BatchView| batch.status.is_over(), tell).await
    }

    /// All pictures so far and the report, as a ZIP that is made while it is read.
    pub async fn batch_zip(&self, id: &str) -> Result<Response, ApiError> {
        self.send(self.request(Method::GET, &format!("/api/batches/{id}/zip"))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_and_the_list_come_before_the_archive() {
        let wish = BulkWish {
            file_name: "a \"b\".zip".into(),
            preset: "ebay".into(),
            prompt: None,
            num_images: 2,
            products: Some(3),
            list: Some(b"file\n1.jpg\n".to_vec()),
            notify: Notify { email: None, whatsapp: Some("+91 98765 43210".into()) },
        };
        let head = String::from_utf8(wish.head("XX")).unwrap();
        assert!(head.starts_with("--XX\r\ncontent-disposition: form-data; name=\"preset\"\r\n\r\nebay\r\n--XX\r\n"));
        assert!(head.contains("name=\"notifyWhatsapp\"\r\n\r\n+91 98765 43210\r\n--XX\r\n") && !head.contains("Email"));
        assert!(head.contains("name=\"products\"\r\n\r\n3\r\n--XX\r\n"), "{head}");
        assert!(head.contains("filename=\"list.csv\"\r\n\r\nfile\n1.jpg\n\r\n--XX\r\n") && !head.contains("prompt"));
        assert!(head.ends_with("name=\"zip\"; filename=\"a %22b%22.zip\"\r\n\r\n"), "{head}");
    }
}
