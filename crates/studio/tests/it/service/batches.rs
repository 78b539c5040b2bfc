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
use plantain_studio::bulk::store::ItemFilter;
use plantain_studio::bulk::view::BatchView;
use plantain_studio::config::StudioConfig;
use plantain_studio::job::key::Tier;
use plantain_studio::messages::naming::Naming;
use plantain_studio::store::JobFilter;
use plantain_wire::id::RequestId;

use crate::service::backend::Standing;
use crate::service::bench::{Bench, config, ok, user};

/// Photos of the archive; more than a batch has jobs at once.
const PHOTOS: usize = 10;

/// Jobs that a batch has at once.
const OPEN: usize = 8;

/// An archive of so many different photos, and one file that is none.
pub fn archive(photos: usize) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..photos {
        zip.start_file(format!("shoes/{number}.jpg"), SimpleFileOptions::default()).unwrap();
        // What follows the end of a JPEG changes nothing of its picture.
        zip.write_all(&[plantain_testkit::photo::jpeg(), vec![u8::try_from(number).unwrap()]].concat()).unwrap();
    }
    zip.start_file("notes.txt", SimpleFileOptions::default()).unwrap();
    zip.write_all(b"hello").unwrap();
    zip.finish().unwrap().into_inner()
}

async fn begun(bench: &Bench, photos: usize) -> BatchView {
    begun_of(bench, archive(photos)).await
}

async fn begun_of(bench: &Bench, archive: Vec<u8>) -> BatchView {
    bench.studio.begin_batch(new_batch(bench, archive).await, &Naming::default()).await.unwrap()
}

/// An archive that was received.
pub async fn new_batch(bench: &Bench, archive: Vec<u8>) -> NewBatch {
    let bytes = stream::iter([Ok::<_, Infallible>(Bytes::from(archive))]);
    let archive = bench.studio.scratch(bytes, u64::MAX).await.unwrap();
    NewBatch {
        archive,
        table: None,
        file_name: Some("shoes.zip".into()),
        preset: "ebay".into(),
        prompt: None,
        num_images: 1,
        products: None,
        whatsapp: None,
        owner: None,
        tier: Tier::Paid,
        notify: None,
    }
}

/// A photo in a form that is kept as another one: plain RGB in a TIFF.
fn tiff() -> Vec<u8> {
    let side = 64_u32;
    let pixels: Vec<u8> = (0..side * side * 3).map(|at| (at % 251) as u8).collect();
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let end = 8 + pixels.len() as u32;
    let entries = [
        entry(256, 4, 1, side),
        entry(257, 4, 1, side),
        // Three values don't fit into the entry; they stand behind the table.
        entry(258, 3, 3, end + 2 + 9 * 12 + 4),
        entry(259, 3, 1, 1),
        entry(262, 3, 1, 2),
        entry(273, 4, 1, 8),
        entry(277, 3, 1, 3),
        entry(278, 4, 1, side),
        entry(279, 4, 1, pixels.len() as u32),
    ];
    let head = [&b"II*\0"[..], &end.to_le_bytes()].concat();
    let bits = [8_u16; 3].map(u16::to_le_bytes).concat();
    [head, pixels, 9_u16.to_le_bytes().to_vec(), entries.concat(), vec![0; 4], bits].concat()
}

/// The batch once it is done; the queue does `answer` for whatever comes.
async fn done(bench: &Bench, batch: &BatchView, answer: impl Fn(&RequestId)) -> BatchView {
    let doing = async {
        loop {
            bench.backend.submitted(0).await.iter().for_each(|submission| answer(&submission.request_id));
            let view = bench.studio.batch(&batch.batch_id).await.unwrap().unwrap();
            if view.status == BatchState::Done {
                return view;
            }
            bench.clock.sleep(Duration::from_millis(200)).await;
        }
    };
    bench.clock.timeout(Duration::from_secs(50), doing).await.expect("the batch ends")
}

fn refused() -> Standing {
    Standing::Completed(422, r#"{"detail": "no"}"#.into())
}

#[tokio::test]
async fn where_nobody_asks_the_stream_is_opened_only_when_the_webhook_keeps_one_waiting() {
    for (look_after, asks, webhook, streams) in [
        (Duration::from_secs(60 * 60), false, true, 0),
        (Duration::from_secs(60 * 60), true, false, 1),
        (Duration::from_millis(50), false, false, 1),
    ] {
        let bench = Bench::with(StudioConfig { look_after, ..config() }).await;
        let batch = begun(&bench, 1).await;
        let submission = bench.backend.submitted(1).await.pop().unwrap();
        if webhook {
            let (target, request) = (submission.webhook.unwrap(), &submission.request_id);
            let body = ok(request, &bench.output());
            // The submit's reply may still be on its way, and then the sender is to come again.
            while bench.posts(&target, request, &user(), body.clone()).await != 200 {}
        } else {
            bench.completes(&submission.request_id);
        }
        if asks {
            let items = bench.studio.items(&batch.batch_id, ItemFilter { limit: 1, ..ItemFilter::default() });
            let job = items.await.unwrap().unwrap().items.remove(0).job_id.unwrap();
            bench.succeeds(&job).await;
        }
        let view = done(&bench, &batch, |_| {}).await;
        assert_eq!(
            (view.counts.succeeded, bench.backend.streams_opened()),
            (1, streams),
            "{look_after:?} {asks} {webhook}"
        );
    }
}

#[tokio::test]
async fn a_batch_goes_on_after_a_restart_and_no_photo_becomes_two_jobs() {
    let mut bench = Bench::start().await;
    let batch = begun(&bench, PHOTOS).await;
    bench.backend.submitted(3).await;
    bench.restart().await;
    // As the only process that has the file open does when it starts.
    bench.database("UPDATE studio_batch_items SET leased_until = NULL").await;
    bench.backend.submitted(OPEN).await;
    bench.clock.sleep(Duration::from_millis(500)).await;
    let open: BTreeSet<_> = bench.backend.submitted(0).await.into_iter().map(|sent| sent.request_id).collect();
    assert!(open.len() <= OPEN, "others have their turn, too");
    let view = done(&bench, &batch, |request| bench.backend.stands(request, refused())).await;
    assert_eq!((view.counts.failed, view.counts.skipped, view.total), (PHOTOS as u64, 1, PHOTOS as u64 + 1));
    let keys: BTreeSet<_> = bench.backend.submitted(0).await.into_iter().map(|sent| sent.key).collect();
    assert_eq!(keys.len(), PHOTOS, "one job a photo");
}

#[tokio::test]
async fn what_failed_is_made_again_when_the_seller_says_so() {
    let bench = Bench::start().await;
    let new = NewBatch { products: Some(2), ..new_batch(&bench, archive(1)).await };
    let batch = bench.studio.begin_batch(new, &Naming::default()).await.unwrap();
    let view = done(&bench, &batch, |request| bench.backend.stands(request, refused())).await;
    assert_eq!(view.counts.failed, 1);
    bench.studio.steer(&batch.batch_id, Steer::Retry).await.unwrap();
    let view = done(&bench, &batch, |request| bench.completes(request)).await;
    assert_eq!((view.counts.succeeded, view.counts.failed), (1, 0));
    assert_eq!(bench.backend.submissions(), 2);
    let jobs = bench.stores.jobs.jobs(&JobFilter::default()).await.unwrap();
    let declared: Vec<_> = jobs.iter().map(|job| job.spec.products).collect();
    assert_eq!(declared, [Some(2); 2], "as many pieces as were declared, at the second try too");
    let archive = bench.studio.batch_archive(&batch.batch_id).await.unwrap().unwrap();
    assert_eq!(archive.file_name, "shoes-ebay.zip");
    let bytes: Vec<Bytes> = archive.stream.try_collect().await.unwrap();
    let mut zip = ZipArchive::new(Cursor::new(bytes.concat())).unwrap();
    assert_eq!(zip.len(), 2, "the picture and the report");
    let mut report = String::new();
    zip.by_name("report.csv").unwrap().read_to_string(&mut report).unwrap();
    assert!(report.contains("shoes/0.jpg,,ebay,succeeded,0_1.jpg,"), "{report}");
}

#[tokio::test]
async fn a_photo_that_is_kept_in_another_form_is_made_again_too() {
    let bench = Bench::start().await;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("shoe.tif", SimpleFileOptions::default()).unwrap();
    zip.write_all(&tiff()).unwrap();
    let batch = begun_of(&bench, zip.finish().unwrap().into_inner()).await;
    let view = done(&bench, &batch, |request| bench.backend.stands(request, refused())).await;
    assert_eq!((view.counts.failed, view.total), (1, 1));
    bench.studio.steer(&batch.batch_id, Steer::Retry).await.unwrap();
    let view = done(&bench, &batch, |request| bench.completes(request)).await;
    assert_eq!((view.counts.succeeded, view.counts.failed), (1, 0));
}

#[tokio::test]
async fn an_orderly_stop_hands_the_items_back() {
    let mut bench = Bench::start().await;
    let batch = begun(&bench, PHOTOS).await;
    bench.restart().await;
    // Nobody lets the leases of a dead process end here, and they last a minute.
    let view = done(&bench, &batch, |request| bench.backend.stands(request, refused())).await;
    assert_eq!(view.counts.failed, PHOTOS as u64);
}
