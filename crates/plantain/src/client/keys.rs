//! Keys of the studio's API, as its operator looks after them. What is answered is passed on as it came.

use reqwest::Method;
use serde_json::Value;

use super::{ANSWER_TIME_MAX, ApiError, StudioClient};

impl StudioClient {
    /// All keys, newest first.
    pub async fn keys(&self) -> Result<Value, ApiError> {
        let response = self.send(self.request(Method::GET, "/api/keys").timeout(ANSWER_TIME_MAX)).await?;
        self.json(response).await
    }

    /// The new key with its secret.
    pub async fn create_key(&self, wish: &Value) -> Result<Value, ApiError> {
        let request = self.request(Method::POST, "/api/keys").timeout(ANSWER_TIME_MAX).json(wish);
        let response = self.send(request).await?;
        self.json(response).await
    }

    /// `id` is a word of letters and digits.
    pub async fn revoke_key(&self, id: &str) -> Result<(), ApiError> {
        let request = self.request(Method::DELETE, &format!("/api/keys/{id}")).timeout(ANSWER_TIME_MAX);
        self.send(request).await.map(drop)
    }
}
