//! Where an S3 bucket is and how it is opened.

use std::fmt;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{ClientOptions, HttpClient, HttpConnector};
use object_store::{BackoffConfig, RetryConfig};

use crate::error::BlobError;

/// A bucket of AWS or of any other server that speaks S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketPlace {
    pub bucket: String,
    /// What all names in it begin with; may be empty.
    pub prefix: String,
    /// `None`: us-east-1, which servers that know no regions accept.
    pub region: Option<String>,
    /// Scheme and host of a server that is not AWS; the bucket is then the first segment of the path.
    pub endpoint: Option<String>,
    /// `None`: those of the machine's role.
    pub credentials: Option<BucketCredentials>,
}

/// `Debug` shows the id alone.
#[derive(Clone, PartialEq, Eq)]
pub struct BucketCredentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

impl fmt::Debug for BucketCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BucketCredentials({})", self.access_key_id)
    }
}

/// A request to the bucket that fails is repeated this often, for at most this long: somebody waits for the answer.
const RETRIES_MAX: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);

impl BucketPlace {
    pub(crate) fn open(&self, http: reqwest::Client) -> Result<AmazonS3, BlobError> {
        let retry =
            RetryConfig { backoff: BackoffConfig::default(), max_retries: RETRIES_MAX, retry_timeout: RETRY_TIMEOUT };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_http_connector(HandedIn(HttpClient::new(http)))
            .with_retry(retry);
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = &self.endpoint {
            let endpoint = endpoint.trim_end_matches('/');
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        if let Some(credentials) = &self.credentials {
            builder = builder
                .with_access_key_id(&credentials.access_key_id)
                .with_secret_access_key(&credentials.secret_access_key);
            if let Some(token) = &credentials.session_token {
                builder = builder.with_token(token);
            }
        }
        builder.build().map_err(|error| BlobError::Unavailable(std::io::Error::other(error)))
    }
}

/// Connections are made by the client that was handed in, whatever the options say: TLS is the caller's business.
#[derive(Debug)]
struct HandedIn(HttpClient);

impl HttpConnector for HandedIn {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}
