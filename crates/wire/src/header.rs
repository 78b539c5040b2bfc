//! Every header name of the protocol, in lower case, which is how HTTP/2 and the `http` crate write them.
//!
//! Names only: what a value means is read where it is used.

/// `Key <id>:<secret>` or `Bearer <token>`.
pub const AUTHORIZATION: &str = "authorization";

/// Names the request a reply is about. Both official clients rely on it.
pub const REQUEST_ID: &str = "x-fal-request-id";
/// The word of [`crate::error::ErrorType`] on an infrastructure error.
pub const ERROR_TYPE: &str = "x-fal-error-type";
/// `1` or `0`: may the caller try the same again? Newest name of the hint.
pub const NEEDS_RETRY: &str = "x-fal-needs-retry";
/// `true` or `false`: the older name of [`NEEDS_RETRY`]; send both.
pub const RETRYABLE: &str = "x-fal-retryable";
/// `user` when the caller's own start deadline passed.
pub const REQUEST_TIMEOUT_TYPE: &str = "x-fal-request-timeout-type";
/// How many units a model bills for this reply.
pub const BILLABLE_UNITS: &str = "x-fal-billable-units";
/// Which region or cache answered.
pub const SERVED_FROM: &str = "x-fal-served-from";
/// Hints that a runner gives about itself.
pub const RUNNER_HINTS: &str = "x-fal-runner-hints";

/// `normal` or `low`; other values are ignored.
pub const QUEUE_PRIORITY: &str = "x-fal-queue-priority";
/// Deadline to start, in seconds as a decimal. Deprecated name, which all released clients use.
pub const REQUEST_TIMEOUT: &str = "x-fal-request-timeout";
/// Newest name of [`REQUEST_TIMEOUT`]; wins where both are there.
pub const REQUEST_START_TIMEOUT: &str = "x-fal-request-start-timeout";
/// Free text; requests with the same hint go to the same worker where that is possible.
pub const RUNNER_HINT: &str = "x-fal-runner-hint";
/// JSON about the life of files that a request produces.
pub const OBJECT_LIFECYCLE_PREFERENCE: &str = "x-fal-object-lifecycle-preference";
/// JSON about the life of an uploaded file.
pub const OBJECT_LIFECYCLE: &str = "x-fal-object-lifecycle";
/// `0` asks that input and output are dropped once delivered.
pub const STORE_IO: &str = "x-fal-store-io";
/// `1`, `true` or `yes`: no second attempt.
pub const NO_RETRY: &str = "x-fal-no-retry";
/// JSON with budgets of retries for each condition.
pub const RETRY_CONFIG: &str = "x-fal-retry-config";
/// No fallback to another model. Accepted and ignored.
pub const DISABLE_FALLBACK: &str = "x-app-fal-disable-fallback";
/// Sent by fal's Python client inside a fal app. Accepted and ignored.
pub const CAN_DISABLE_FILTER: &str = "x-app-fal-can-disable-filter";
/// Sent by fal's Python client inside a fal app. Accepted and ignored.
pub const CDN_TOKEN: &str = "x-fal-cdn-token";
/// Labels of a request: packed `key=value` pairs.
pub const TAGS: &str = "x-fal-tags";
/// The absolute address that a client behind a proxy wanted.
pub const TARGET_URL: &str = "x-fal-target-url";
/// Which proxy forwarded a request.
pub const CLIENT_PROXY: &str = "x-fal-client-proxy";
/// Name of an uploaded file.
pub const FILE_NAME: &str = "x-fal-file-name";
/// Sent by runners: stop this runner. Stripped before a reply leaves the queue.
pub const STOP_RUNNER: &str = "x-fal-stop-runner";
/// An extension of ours: a second submit with the same value returns the first one's request instead of a new one.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

pub const WEBHOOK_REQUEST_ID: &str = "x-fal-webhook-request-id";
pub const WEBHOOK_USER_ID: &str = "x-fal-webhook-user-id";
/// Unix seconds, decimal.
pub const WEBHOOK_TIMESTAMP: &str = "x-fal-webhook-timestamp";
/// 128 hex digits.
pub const WEBHOOK_SIGNATURE: &str = "x-fal-webhook-signature";
/// An extension of ours: the same on every attempt of one delivery.
pub const WEBHOOK_DELIVERY_ID: &str = "x-fal-webhook-delivery-id";
/// HMAC-SHA256 of the body, a form that fal never sends but many hand-written receivers expect.
pub const HMAC_SIGNATURE: &str = "x-fal-signature";
/// Of the form that [`crate::standard`] signs.
pub const STANDARD_ID: &str = "webhook-id";
pub const STANDARD_TIMESTAMP: &str = "webhook-timestamp";
pub const STANDARD_SIGNATURE: &str = "webhook-signature";

/// What a browser must be allowed to read from another origin.
pub const EXPOSED: [&str; 6] = [REQUEST_ID, ERROR_TYPE, NEEDS_RETRY, RETRYABLE, REQUEST_TIMEOUT_TYPE, BILLABLE_UNITS];
