//! Sellers with a name, as the studio's operator looks after them. What is answered is passed on as it came.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ANSWER_TIME_MAX, ApiError, StudioClient};

/// Accounts of a page: as many as the studio gives at once.
const ACCOUNTS_A_PAGE: &str = "200";

/// Pages that are asked for: more accounts than a studio of one process has.
const PAGES_MAX: usize = 1_000;

impl StudioClient {
    /// All accounts, or those of a tier, as `{"accounts": […]}`.
    pub async fn accounts(&self, tier: Option<&str>) -> Result<Value, ApiError> {
        let (mut all, mut cursor) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let query = [("limit", Some(ACCOUNTS_A_PAGE)), ("tier", tier), ("cursor", cursor.as_deref())];
            let query: Vec<_> = query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            let request = self.request(Method::GET, "/api/accounts").query(&query).timeout(ANSWER_TIME_MAX);
            let page: Value = self.json(self.send(request).await?).await?;
            all.extend(page["accounts"].as_array().cloned().unwrap_or_default());
            cursor = page["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        Ok(json!({ "accounts": all }))
    }

    /// The account as it is then.
    pub async fn set_tier(&self, address: &str, tier: &str) -> Result<Value, ApiError> {
        let wish = json!({ "email": address, "tier": tier });
        let request = self.request(Method::POST, "/api/accounts/tier").timeout(ANSWER_TIME_MAX).json(&wish);
        let response = self.send(request).await?;
        self.json(response).await
    }
}
