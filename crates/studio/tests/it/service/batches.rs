//! A batch on its way through the studio, and through a restart in the middle.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io::{Cursor, Read as _, Write as _};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use plantain_studio::bulk::batch::{BatchState, Steer};
use plantain_studio::bulk::receiving::NewBatch;
use plantain_studio::bulk::view::BatchView;

use crate::service::backend::Standing;
use crate::service::bench::Bench;

/// Photos of the archive; more than a batch has jobs at once.
const PHOTOS: usize = 10;

/// Jobs that a batch has at once.
const OPEN: usize = 8;

/// An archive of so many different photos, and one file that is none.
fn archive() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..PHOTOS {
        zip.start_file(format!("shoes/{number}.jpg"), SimpleFileOptions::default()).unwrap();
        // What follows the end of a JPEG changes nothing of its picture.
        zip.write_all(&[plantain_testkit::photo::jpeg(), vec![u8::try_from(number).unwrap()]].concat()).unwrap();
    }
    zip.start_file("notes.txt", SimpleFileOptions::default()).unwrap();
    zip.write_all(b"hello").unwrap();
    zip.finish().unwrap().into_inner()
}

async fn begun(bench: &Bench) -> BatchView {
    let bytes = stream::iter([Ok::<_, Infallible>(Bytes::from(archive()))]);
    let archive = bench.studio.scratch(bytes, u64::MAX).await.unwrap();
    let new = NewBatch {
        archive,
        table: None,
        file_name: Some("shoes.zip".into()),
        preset: "ebay".into(),
        prompt: None,
        num_images: 1,
        owner: None,
    };
    bench.studio.begin_batch(new).await.unwrap()
}

/// The batch once it is done; the queue answers whatever comes.
async fn done(bench: &Bench, batch: &BatchView) -> BatchView {
    let doing = async {
        loop {
            for submission in bench.backend.submitted(0).await {
                bench.completes(&submission.request_id);
            }
            let view = bench.studio.batch(&batch.batch_id).await.unwrap().unwrap();
            if view.status == BatchState::Done {
                return view;
            }
            bench.clock.sleep(Duration::from_millis(200)).await;
        }
    };
    bench.clock.timeout(Duration::from_secs(300), doing).await.expect("the batch ends")
}

#[tokio::test]
async fn a_batch_goes_on_after_a_restart_and_no_photo_becomes_two_jobs() {
    let mut bench = Bench::start().await;
    let batch = begun(&bench).await;
    bench.backend.submitted(3).await;
    bench.restart().await;
    bench.backend.submitted(OPEN).await;
    bench.clock.sleep(Duration::from_millis(500)).await;
    let open: BTreeSet<_> = bench.backend.submitted(0).await.into_iter().map(|sent| sent.request_id).collect();
    assert_eq!(open.len(), OPEN, "others have their turn, too");
    let view = done(&bench, &batch).await;
    assert_eq!((view.counts.succeeded, view.counts.skipped, view.total), (PHOTOS as u64, 1, PHOTOS as u64 + 1));
    let keys: BTreeSet<_> = bench.backend.submitted(0).await.into_iter().map(|sent| sent.key).collect();
    assert_eq!(keys.len(), PHOTOS, "one job a photo");
    let archive = bench.studio.batch_archive(&batch.batch_id).await.unwrap().unwrap();
    assert_eq!(archive.file_name, "shoes-ebay.zip");
    let bytes: Vec<Bytes> = archive.stream.try_collect().await.unwrap();
    let mut zip = ZipArchive::new(Cursor::new(bytes.concat())).unwrap();
    assert_eq!(zip.len(), PHOTOS + 1);
    let mut report = String::new();
    zip.by_name("report.csv").unwrap().read_to_string(&mut report).unwrap();
    assert!(report.contains("shoes/7.jpg,,ebay,succeeded,7_1.jpg,"), "{report}");
    assert!(report.contains("notes.txt,,ebay,skipped,,,,"), "{report}");
}

#[tokio::test]
async fn what_failed_is_made_again_when_the_seller_says_so() {
    let bench = Bench::start().await;
    let batch = begun(&bench).await;
    let first = bench.backend.submitted(1).await.remove(0);
    bench.backend.stands(&first.request_id, Standing::Completed(422, r#"{"detail": "no"}"#.into()));
    let failed = async {
        while bench.studio.batch(&batch.batch_id).await.unwrap().unwrap().counts.failed == 0 {
            bench.clock.sleep(Duration::from_millis(100)).await;
        }
    };
    bench.clock.timeout(Duration::from_secs(60), failed).await.expect("it fails");
    bench.studio.steer(&batch.batch_id, Steer::Retry).await.unwrap();
    let view = done(&bench, &batch).await;
    assert_eq!((view.counts.succeeded, view.counts.failed), (PHOTOS as u64, 0));
    assert_eq!(bench.backend.submissions(), PHOTOS + 1);
}
