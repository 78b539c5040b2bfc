//! All pictures of a batch in one ZIP, and a report of what became of each photo.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use csv::Writer;
use futures_util::Stream;

use plantain_blobs::BlobKey;

use crate::bulk::batch::{Batch, BatchId, Item, ItemState};
use crate::bulk::store::ItemFilter;
use crate::error::StudioError;
use crate::history::Archive;
use crate::job::{FinishedPicture, Job, JobId, Outcome, RawJson};
use crate::packing::{self, Packed};
use crate::service::Studio;
use crate::store::{JOBS_A_PAGE_MAX, JobFilter};

/// The report's name in the ZIP.
const REPORT: &str = "report.csv";

/// The report's columns. New ones come last, so that whoever counts them finds the old ones where they were.
const HEADING: [&str; 13] = [
    "file", "sku", "preset", "status", "picture", "passed", "missed", "error", "sha256", "width", "height", "bytes",
    "ai_tag",
];

/// A picture of an item, before its name is settled.
struct Shown {
    packed: Packed,
    /// Of its item, in the list of all.
    item: usize,
    passed: bool,
    missed: String,
    width: u32,
    height: u32,
    bytes: u64,
    /// The IPTC digital source type that the file carries; empty where nothing was generated.
    ai_tag: String,
}

/// What is in a batch's archive.
struct Gathered {
    batch: Batch,
    files: Vec<Packed>,
    report: Bytes,
}

impl Studio {
    /// All pictures that a batch has so far, under the marketplaces' names, and a report; `None` where there is no such batch.
    pub async fn batch_archive(
        &self,
        id: &BatchId,
    ) -> Result<Option<Archive<impl Stream<Item = std::io::Result<Bytes>> + Send + use<>>>, StudioError> {
        let Some(Gathered { batch, files, report }) = self.gather(id).await? else { return Ok(None) };
        let (inner, own) = (&self.0, vec![(REPORT.to_owned(), report)]);
        let stream = packing::stream_with(inner.blobs.clone(), files, own, inner.clock.now());
        Ok(Some(Archive { file_name: format!("{}.zip", stem(&batch)), stream }))
    }

    /// The report alone, with the name of a file for it.
    pub async fn batch_report(&self, id: &BatchId) -> Result<Option<(String, Bytes)>, StudioError> {
        let gathered = self.gather(id).await?;
        Ok(gathered.map(|Gathered { batch, report, .. }| (format!("{}.csv", stem(&batch)), report)))
    }

    async fn gather(&self, id: &BatchId) -> Result<Option<Gathered>, StudioError> {
        let inner = &self.0;
        let Some((batch, _)) = inner.store.batch(id).await? else { return Ok(None) };
        let (mut items, mut shown, mut errors) = (Vec::<Item>::new(), Vec::new(), HashMap::new());
        loop {
            let after = items.last().map_or(0, |item| item.number);
            let page = inner.store.items(id, &ItemFilter { after, state: None, limit: JOBS_A_PAGE_MAX }).await?;
            if page.is_empty() {
                break;
            }
            let jobs = self.jobs_of(&page).await?;
            for item in page {
                if let Some(job) = item.job.as_ref().and_then(|id| jobs.get(id)) {
                    shown.extend(job.shown_pictures().iter().filter_map(|picture| of(job, picture, items.len())));
                    if let Some(Outcome::Failed(error)) = &job.outcome {
                        errors.insert(items.len(), error.message.clone());
                    }
                }
                items.push(item);
            }
        }
        settle_names(&batch, &items, &mut shown);
        let report = report(&batch, &items, &shown, &errors).map_err(|_| StudioError::Internal)?.into();
        let files = shown.into_iter().map(|shown| shown.packed).collect();
        Ok(Some(Gathered { batch, files, report }))
    }

    /// The jobs of these items, as far as they are still kept.
    pub(super) async fn jobs_of(&self, items: &[Item]) -> Result<HashMap<JobId, Job>, StudioError> {
        let ids: Vec<JobId> = items.iter().filter_map(|item| item.job.clone()).collect();
        let mut jobs = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(JOBS_A_PAGE_MAX) {
            let filter = JobFilter { limit: ids.len(), ids: Some(ids.to_vec()), ..JobFilter::default() };
            jobs.extend(self.0.store.jobs(&filter).await?.into_iter().map(|job| (job.id.clone(), job)));
        }
        Ok(jobs)
    }
}

fn stem(batch: &Batch) -> String {
    let name = batch.file_name.as_deref().unwrap_or("pictures.zip");
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    format!("{stem}-{}", batch.preset)
}

fn of(job: &Job, picture: &FinishedPicture, item: usize) -> Option<Shown> {
    let at = job.finished_at.unwrap_or(job.created_at);
    let packed = Packed { key: BlobKey::parse(&picture.blob)?, name: picture.file_name.clone(), at };
    Some(Shown {
        packed,
        item,
        passed: picture.passed,
        missed: missed(&picture.report),
        width: picture.width,
        height: picture.height,
        bytes: picture.bytes,
        ai_tag: ai_tag(&picture.report),
    })
}

/// As the check found it in the file's bytes.
fn ai_tag(report: &RawJson) -> String {
    let results = report.results();
    let told = results.iter().find(|result| result["rule"] == "provenance");
    let measured = told.and_then(|result| result["measured"].as_str()).unwrap_or_default();
    if measured.ends_with("AlgorithmicMedia") { measured.to_owned() } else { String::new() }
}

/// The rules that the check says were missed.
fn missed(report: &RawJson) -> String {
    let results = report.results();
    let failed = results.iter().filter(|result| result["outcome"] == "fail");
    failed.filter_map(|result| result["rule"].as_str()).collect::<Vec<_>>().join(" ")
}

/// Where the pictures are for several marketplaces, each has a folder. Those whose names clash with those of another item go into a
/// folder of their product.
fn settle_names(batch: &Batch, items: &[Item], shown: &mut [Shown]) {
    let preset = |item: usize| items[item].preset.as_deref().unwrap_or(&batch.preset);
    // Of photos whose pictures are still to come, too: nothing moves meanwhile.
    let mut presets = (0..items.len()).filter(|item| items[*item].state != ItemState::Skipped).map(preset);
    let first = presets.next();
    let several = presets.any(|other| Some(other) != first);
    let place = |item: usize| if several { format!("{}/", preset(item)) } else { String::new() };
    let placed = |picture: &Shown| format!("{}{}", place(picture.item), picture.packed.name);
    let mut owners = HashMap::<String, Option<usize>>::new();
    for picture in shown.iter() {
        let owner = owners.entry(placed(picture).to_lowercase()).or_insert(Some(picture.item));
        if *owner != Some(picture.item) {
            *owner = None;
        }
    }
    let clashing = |picture: &&Shown| owners.get(&placed(picture).to_lowercase()) == Some(&None);
    let foldered: HashSet<usize> = shown.iter().filter(clashing).map(|picture| picture.item).collect();
    for picture in shown.iter_mut() {
        let own = foldered.contains(&picture.item).then(|| format!("{}/", folder(&items[picture.item])));
        picture.packed.name = format!("{}{}{}", place(picture.item), own.unwrap_or_default(), picture.packed.name);
    }
    let names = packing::distinct(shown.iter().map(|picture| picture.packed.name.as_str()));
    shown.iter_mut().zip(names).for_each(|(picture, name)| picture.packed.name = name);
}

/// After the product's number or the photo's path.
fn folder(item: &Item) -> String {
    let stem = item.name.rsplit_once('.').map_or(item.name.as_str(), |(stem, _)| stem);
    let plain = |c: char| if c.is_alphanumeric() || "._- ".contains(c) { c } else { '-' };
    let name: String = item.sku.as_deref().unwrap_or(stem).chars().map(plain).take(100).collect();
    let name = name.trim_matches(['.', ' ', '-']);
    if name.is_empty() { format!("item-{}", item.number) } else { name.to_owned() }
}

fn report(
    batch: &Batch,
    items: &[Item],
    shown: &[Shown],
    errors: &HashMap<usize, String>,
) -> Result<Vec<u8>, csv::Error> {
    // Table programs take a text for UTF-8 only where it begins with this mark.
    let mut writer = Writer::from_writer(b"\xef\xbb\xbf".to_vec());
    writer.write_record(HEADING)?;
    let mut pictures = shown.iter().peekable();
    for (at, item) in items.iter().enumerate() {
        let preset = item.preset.as_deref().unwrap_or(&batch.preset);
        let own = errors.get(&at).map(String::as_str).or(item.error.as_ref().map(|error| error.message.as_str()));
        let mut row = |picture: [&str; 3], more: [&str; 5]| {
            let sku = item.sku.as_deref().unwrap_or_default();
            let about = [item.name.as_str(), sku, preset, item.state.as_str()];
            let fields = about.into_iter().chain(picture).chain([own.unwrap_or_default()]).chain(more);
            writer.write_record(fields.map(tame))
        };
        let mut none = true;
        while let Some(picture) = pictures.next_if(|picture| picture.item == at) {
            none = false;
            let passed = if picture.passed { "yes" } else { "no" };
            let [width, height] = [picture.width, picture.height].map(|side| side.to_string());
            let bytes = picture.bytes.to_string();
            row(
                [&picture.packed.name, passed, &picture.missed],
                [picture.packed.key.as_str(), &width, &height, &bytes, &picture.ai_tag],
            )?;
        }
        if none {
            row([""; 3], [""; 5])?;
        }
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// Table programs run what looks like a formula.
pub(crate) fn tame(field: &str) -> String {
    if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{field}") } else { field.to_owned() }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::bulk::batch::BatchState;

    fn item(number: u32, name: &str, sku: Option<&str>, state: ItemState) -> Item {
        let sku = sku.map(str::to_owned);
        let name = name.into();
        Item {
            number,
            name,
            sku,
            preset: None,
            prompt: None,
            products: None,
            blob: None,
            state,
            job: None,
            error: None,
        }
    }

    fn shown(item: usize, name: &str, missed: &str) -> Shown {
        let packed = Packed { key: BlobKey::of(b"x"), name: name.into(), at: Timestamp::UNIX_EPOCH };
        let ai_tag = String::new();
        Shown {
            packed,
            item,
            passed: missed.is_empty(),
            missed: missed.into(),
            width: 30,
            height: 20,
            bytes: 9,
            ai_tag,
        }
    }

    fn batch() -> Batch {
        Batch {
            id: BatchId::new(Timestamp::UNIX_EPOCH),
            owner: None,
            state: BatchState::Open,
            preset: "ebay".into(),
            prompt: None,
            num_images: 1,
            products: None,
            file_name: Some("shoes.zip".into()),
            created_at: Timestamp::UNIX_EPOCH,
            finished_at: None,
            notify: None,
            whatsapp: None,
        }
    }

    #[test]
    fn names_that_clash_get_a_folder_of_their_product_and_the_report_says_what_became_of_each_photo() {
        let items = [
            item(1, "a/1.jpg", Some("S1"), ItemState::Succeeded),
            item(2, "b/1.jpg", None, ItemState::Succeeded),
            item(3, "c/2.jpg", None, ItemState::Succeeded),
            item(4, "=cmd|'/c calc'!A1", None, ItemState::Skipped),
            item(5, "d.jpg", None, ItemState::Failed),
        ];
        let mut pictures = vec![
            shown(0, "1_1.jpg", ""),
            shown(0, "1_2.jpg", "size background"),
            shown(1, "1_1.JPG", ""),
            shown(2, "2_1.jpg", ""),
        ];
        pictures[1].ai_tag = "trainedAlgorithmicMedia".into();
        // No report says so, but whatever comes to stand in a cell is tamed.
        pictures[3].ai_tag = "=1".into();
        settle_names(&batch(), &items, &mut pictures);
        let names: Vec<&str> = pictures.iter().map(|picture| picture.packed.name.as_str()).collect();
        assert_eq!(names, ["S1/1_1.jpg", "S1/1_2.jpg", "b-1/1_1.JPG", "2_1.jpg"]);
        let errors = HashMap::from([(4, "The queue said no.".to_owned())]);
        let text = String::from_utf8(report(&batch(), &items, &pictures, &errors).unwrap()).unwrap();
        let more = format!("{},30,20,9", BlobKey::of(b"x").as_str());
        assert_eq!(
            text,
            format!(
                "\u{feff}file,sku,preset,status,picture,passed,missed,error,sha256,width,height,bytes,ai_tag\n\
                 a/1.jpg,S1,ebay,succeeded,S1/1_1.jpg,yes,,,{more},\n\
                 a/1.jpg,S1,ebay,succeeded,S1/1_2.jpg,no,size background,,{more},trainedAlgorithmicMedia\n\
                 b/1.jpg,,ebay,succeeded,b-1/1_1.JPG,yes,,,{more},\n\
                 c/2.jpg,,ebay,succeeded,2_1.jpg,yes,,,{more},'=1\n\
                 '=cmd|'/c calc'!A1,,ebay,skipped,,,,,,,,,\n\
                 d.jpg,,ebay,failed,,,,The queue said no.,,,,,\n"
            )
        );
        assert_eq!(stem(&batch()), "shoes-ebay");
    }

    #[test]
    fn pictures_for_several_marketplaces_have_a_folder_each() {
        let for_preset = |item: Item, preset: &str| Item { preset: Some(preset.into()), ..item };
        let items = [
            item(1, "a/1.jpg", None, ItemState::Succeeded),
            for_preset(item(2, "a/1.jpg", None, ItemState::Succeeded), "amazon_main"),
            for_preset(item(3, "b/1.jpg", None, ItemState::Succeeded), "amazon_main"),
            for_preset(item(4, "c/2.jpg", None, ItemState::Succeeded), "ebay"),
        ];
        let names = |batch: &Batch, items: &[Item]| {
            let mut pictures: Vec<Shown> = (0..items.len()).map(|at| shown(at, "1_1.jpg", "")).collect();
            pictures.push(shown(0, "needs-identifier/mug.jpg", ""));
            settle_names(batch, items, &mut pictures);
            pictures.into_iter().map(|picture| picture.packed.name).collect::<Vec<_>>()
        };
        assert_eq!(
            names(&batch(), &items),
            [
                "ebay/a-1/1_1.jpg",
                "amazon_main/a-1/1_1.jpg",
                "amazon_main/b-1/1_1.jpg",
                "ebay/c-2/1_1.jpg",
                "ebay/a-1/needs-identifier/mug.jpg"
            ]
        );
        let alone = [items[0].clone(), items[3].clone()];
        assert_eq!(names(&batch(), &alone[..1]), ["1_1.jpg", "needs-identifier/mug.jpg"], "one marketplace needs none");
        assert_eq!(names(&batch(), &alone), ["a-1/1_1.jpg", "c-2/1_1.jpg", "a-1/needs-identifier/mug.jpg"]);
    }

    #[test]
    fn the_tag_is_what_the_check_found_in_the_file() {
        for (measured, tag) in [
            ("trainedAlgorithmicMedia", "trainedAlgorithmicMedia"),
            ("compositeWithTrainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"),
            ("no source type", ""),
        ] {
            let report = serde_json::json!({"results": [{"rule": "provenance", "measured": measured}]});
            assert_eq!(ai_tag(&RawJson::of(&report)), tag);
        }
        assert_eq!(ai_tag(&RawJson::default()), "");
    }
}
