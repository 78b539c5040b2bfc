//! One store of each kind: a folder, memory behind the bucket's code, and a bucket of a real server that speaks S3.

use std::future::Future;
use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use plantain_blobs::{Blobs, BucketCredentials, BucketPlace};
use plantain_outbound::transport;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;

pub const BUCKET: &str = "pictures";
const KEY_ID: &str = "AKIDTEST";
const SECRET: &str = "s3cret-of-the-test";

/// Runs a promise on each kind of store, each time on an empty one.
pub async fn everywhere<F: Future<Output = ()>>(promise: impl Fn(Blobs) -> F) {
    let folder = TempDir::new().unwrap();
    promise(Blobs::folder(folder.path().join("blobs")).await.unwrap()).await;
    let memory = Arc::new(object_store::memory::InMemory::new());
    promise(Blobs::over(memory, "a/prefix", folder.path().join("spool")).await.unwrap()).await;
    let s3 = S3::start().await;
    promise(s3.blobs("cdn").await).await;
}

/// A server on a free port over a folder that is gone afterwards.
pub struct S3 {
    pub folder: TempDir,
    pub endpoint: String,
    accepting: tokio::task::AbortHandle,
}

impl S3 {
    #[expect(clippy::disallowed_methods, reason = "a server of the test's own, which ends with it")]
    pub async fn start() -> S3 {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir_all(folder.path().join("server").join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path().join("server")).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let service = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let server = auto::Builder::new(TokioExecutor::new());
                    // A client that goes away is its own business.
                    let _ = server.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        S3 { folder, endpoint, accepting: accepting.abort_handle() }
    }

    pub fn place(&self, prefix: &str) -> BucketPlace {
        BucketPlace {
            bucket: BUCKET.into(),
            prefix: prefix.into(),
            region: None,
            endpoint: Some(self.endpoint.clone()),
            credentials: Some(BucketCredentials {
                access_key_id: KEY_ID.into(),
                secret_access_key: SECRET.into(),
                session_token: None,
            }),
        }
    }

    pub async fn blobs(&self, prefix: &str) -> Blobs {
        let http = transport::builder().unwrap().build().unwrap();
        Blobs::bucket(&self.place(prefix), http, self.spool()).await.unwrap()
    }

    pub fn spool(&self) -> std::path::PathBuf {
        self.folder.path().join("spool")
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
