//! Where bytes are kept: the data folder, or a bucket with the names that every S3 program reads its credentials from.

use plantain_blobs::{BucketCredentials, BucketPlace};
use url::Url;

use super::error::ConfigError;
use super::source::{Sources, Written};

/// `BLOB_URL`, and for a bucket `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
/// `AWS_SESSION_TOKEN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobPlace {
    /// In the data folder.
    Folder,
    Bucket(BucketPlace),
}

impl BlobPlace {
    /// What is written about buckets counts only where a bucket is asked for: other programs use the same names.
    pub fn parse(sources: &Sources) -> Result<BlobPlace, ConfigError> {
        let Some(written) = sources.get("BLOB_URL") else { return Ok(BlobPlace::Folder) };
        let (bucket, prefix) = named(written.text.trim()).ok_or_else(|| {
            let fix = "write s3://bucket or s3://bucket/prefix, or leave it out for the data folder";
            written.invalid("this is no address of a bucket", fix)
        })?;
        let text =
            |name| sources.get(name).map(|written| written.text.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(BlobPlace::Bucket(BucketPlace {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            region: text("AWS_REGION").or_else(|| text("AWS_DEFAULT_REGION")),
            endpoint: sources.get("AWS_ENDPOINT_URL").map(endpoint).transpose()?,
            credentials: credentials(sources)?,
        }))
    }
}

/// Bucket and prefix of `s3://bucket/prefix`.
fn named(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("s3://")?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_name = |name: &str| !name.is_empty() && name.chars().all(plain) && name != "." && name != "..";
    let is_path = prefix.is_empty() || prefix.split('/').all(is_name);
    (is_name(bucket) && is_path).then_some((bucket, prefix))
}

fn endpoint(written: &Written) -> Result<String, ConfigError> {
    let text = written.text.trim();
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text.to_owned()),
        _ => Err(written.invalid("this is no address of a server", "write it as in http://127.0.0.1:9000")),
    }
}

/// None at all: those of the machine's role.
fn credentials(sources: &Sources) -> Result<Option<BucketCredentials>, ConfigError> {
    let text = |written: &Written| written.text.trim().to_owned();
    match (sources.get("AWS_ACCESS_KEY_ID"), sources.get("AWS_SECRET_ACCESS_KEY")) {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) => Ok(Some(BucketCredentials {
            access_key_id: text(id),
            secret_access_key: text(secret),
            session_token: sources.get("AWS_SESSION_TOKEN").map(text),
        })),
        (Some(half), None) | (None, Some(half)) => {
            let fix = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither for the machine's role";
            Err(half.invalid("its other half is missing", fix))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "hunter2")];

    fn place(pairs: &[(&'static str, &str)]) -> Result<BlobPlace, ConfigError> {
        BlobPlace::parse(&Sources::of(pairs.iter().map(|(name, value)| (*name, (*value).to_owned()))).unwrap())
    }

    fn bucket(url: &str) -> Option<(String, String)> {
        match place(&[("BLOB_URL", url), KEYS[0], KEYS[1]]).ok()? {
            BlobPlace::Bucket(place) => Some((place.bucket, place.prefix)),
            BlobPlace::Folder => None,
        }
    }

    #[test]
    fn the_data_folder_is_the_default_whatever_is_said_of_buckets() {
        assert_eq!(place(&[]).unwrap(), BlobPlace::Folder);
        assert_eq!(place(&[KEYS[0], ("AWS_ENDPOINT_URL", "nonsense")]).unwrap(), BlobPlace::Folder);
    }

    #[test]
    fn a_bucket_has_a_name_and_may_have_a_prefix() {
        for (url, expected) in [
            ("s3://pictures", Some(("pictures", ""))),
            ("s3://pictures/", Some(("pictures", ""))),
            (" s3://my.pictures-1/shop/a_b/ ", Some(("my.pictures-1", "shop/a_b"))),
            ("s3://", None),
            ("s3:///x", None),
            ("s3://b/../c", None),
            ("s3://b//c", None),
            ("s3://b c", None),
            ("https://pictures.test", None),
            ("/var/blobs", None),
        ] {
            let expected = expected.map(|(bucket, prefix)| (bucket.to_owned(), prefix.to_owned()));
            assert_eq!(bucket(url), expected, "{url}");
        }
    }

    #[test]
    fn the_usual_names_are_read_and_secrets_are_not_shown() {
        let minio = [
            ("BLOB_URL", "s3://b"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_SESSION_TOKEN", "hunter3"),
            KEYS[0],
            KEYS[1],
        ];
        let BlobPlace::Bucket(read) = place(&minio).unwrap() else { panic!("it is a bucket") };
        assert_eq!(read.region.as_deref(), Some("eu-west-1"));
        assert_eq!(read.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
        assert!(!format!("{read:?}").contains("hunter"));
        let role = place(&[("BLOB_URL", "s3://b")]).unwrap();
        assert!(matches!(role, BlobPlace::Bucket(BucketPlace { credentials: None, .. })));
    }

    #[test]
    fn what_is_half_said_is_refused_by_name() {
        let bucket = ("BLOB_URL", "s3://b");
        for (pairs, name) in [
            (vec![bucket, KEYS[0]], "AWS_ACCESS_KEY_ID"),
            (vec![bucket, KEYS[1]], "AWS_SECRET_ACCESS_KEY"),
            (vec![bucket, ("AWS_ENDPOINT_URL", "minio:9000")], "AWS_ENDPOINT_URL"),
            (vec![("BLOB_URL", "gs://b")], "BLOB_URL"),
        ] {
            let said = place(&pairs).unwrap_err().to_string();
            assert!(said.starts_with(name) && !said.contains("hunter"), "{said}");
        }
    }
}
