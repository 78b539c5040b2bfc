//! From an uploaded archive to a batch, and what may be done with it afterwards.
//!
//! The photos leave the archive before the upload is answered, a few megabytes at a time, into the store of all bytes. So a batch needs no
//! archive later, a restart finds everything, and other processes can make its jobs, too.

use std::collections::VecDeque;
use std::fs::File;
use std::io::BufReader;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};

use plantain_blobs::{Keyed, PutError, Scratch};

use crate::bulk::archive::{Archive, Entry};
use crate::bulk::batch::{Batch, BatchId, BatchState, Counts, Item, ItemState, Refused, Steer};
use crate::bulk::error::BulkError;
use crate::bulk::making::OPEN_MAX;
use crate::bulk::plan::{self, Found, Planned};
use crate::bulk::store::{BATCHES_A_PAGE_MAX, BatchFilter, ITEMS_A_PAGE_MAX, ItemFilter, Steered};
use crate::bulk::table::{self, Line};
use crate::bulk::view::{BatchPage, BatchView, ItemPage, ItemView, LineView, ListView};
use crate::bulk::why::Why;
use crate::error::StudioError;
use crate::generating::since;
use crate::job::key::Tier;
use crate::job::wish::{self, Became, Made, WishKey, Wished};
use crate::job::{JobError, JobId, Owner, Visitor};
use crate::messages::letter::LetterTo;
use crate::messages::naming::Naming;
use crate::messages::whatsapp::wish::WhatsappWish;
use crate::paging;
use crate::photo::{self, NewJob, Photo};
use crate::service::{Inner, Studio};

/// Photos that are kept in one go, and what they may have: begun with less than this, so that there is room for one more.
const TOGETHER_MAX: usize = 64;
const TOGETHER_BYTES: usize = 4 << 20;

/// Lines that are shown of a list.
const LINES_SHOWN: usize = 10;

/// An archive that arrived, and what is wanted of its photos; nothing is checked yet.
#[derive(Debug)]
pub struct NewBatch {
    pub archive: Scratch,
    /// A list that came beside the archive; it counts instead of one inside.
    pub table: Option<Bytes>,
    pub file_name: Option<String>,
    pub preset: String,
    pub prompt: Option<String>,
    pub num_images: u8,
    /// How many pieces each photo shows, where its line says nothing else.
    pub products: Option<u32>,
    /// Whom to tell by WhatsApp once all of it is through.
    pub whatsapp: Option<WhatsappWish>,
    pub owner: Option<Owner>,
    /// How many pictures of a photo its maker gets.
    pub tier: Tier,
    /// Whom to tell of its end by letter.
    pub notify: Option<LetterTo>,
}

/// A batch that is durable.
#[derive(Debug)]
pub struct Begun {
    pub batch: BatchView,
    /// An earlier sending of the same wish has made it.
    pub is_repeated: bool,
}

type Opened = Archive<BufReader<File>>;

impl Studio {
    /// Writes an upload to a file that is gone when dropped.
    pub async fn scratch<S, E>(&self, stream: S, most: u64) -> Result<Scratch, PutError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        self.0.blobs.scratch(stream, most).await
    }

    /// Accepts a batch: when this returns `Ok`, its photos are durable and each will become a job. Of an archive or a list that
    /// can't be used those hear, too, who would have heard of the batch's end. Whoever is named is counted where they hear of it.
    pub async fn begin_batch(&self, new: NewBatch, naming: &Naming) -> Result<BatchView, StudioError> {
        Ok(self.begin_batch_once(new, None, naming).await?.batch)
    }

    /// [`Studio::begin_batch`], or the batch that the same wish with this key has become before.
    pub async fn begin_batch_once(
        &self,
        new: NewBatch,
        key: Option<WishKey>,
        naming: &Naming,
    ) -> Result<Begun, StudioError> {
        let wished = key.map(|key| Wished { key, digest: wish::of_batch(&new) });
        if let Some(wished) = &wished
            && let Some(became) = self.0.store.became(&wished.key, since(self.0.clock.now())).await?
            && let Some(batch) = self.repeated_batch(wished, became).await?
        {
            return Ok(Begun { batch, is_repeated: true });
        }
        self.begin_told(new, wished.as_ref(), naming).await
    }

    /// An error where the key stands for another wish.
    async fn repeated_batch(&self, wished: &Wished, became: Became) -> Result<Option<BatchView>, StudioError> {
        match became {
            Became { made: Made::Batch(id), digest } if digest == wished.digest => self.batch(&id).await,
            Became { .. } => Err(StudioError::KeyUsed),
        }
    }

    async fn begin_told(&self, new: NewBatch, wished: Option<&Wished>, naming: &Naming) -> Result<Begun, StudioError> {
        let counted = naming.count(self.0.clock.now())?;
        let (owner, preset) = (new.owner.clone(), new.preset.clone());
        let (notify, whatsapp) = (new.notify.clone(), new.whatsapp.clone());
        let file_name = new.file_name.as_deref().and_then(photo::tame_file_name);
        let begun = self.begin_unpacked(new, wished).await;
        let is_told = match &begun {
            Ok(begun) => !begun.is_repeated,
            Err(StudioError::Bulk(error)) if error.is_final() => {
                let why = JobError::new(error.code(), error.message(), error.hint());
                self.tell_refused(&Refused { owner, preset, file_name, notify, whatsapp, why }).await
            }
            Err(_) => false,
        };
        if is_told {
            counted.keep();
        }
        begun
    }

    async fn tell_refused(&self, refused: &Refused) -> bool {
        match self.0.store.owe_refused(refused, self.0.clock.now()).await {
            Ok(()) => {
                self.0.outbox.wake();
                true
            }
            // What is wrong with the archive is worth more to whoever sent it.
            Err(error) => {
                tracing::error!(%error, "batch.untold: nobody else hears of an archive that was refused");
                false
            }
        }
    }

    async fn begin_unpacked(&self, new: NewBatch, wished: Option<&Wished>) -> Result<Begun, StudioError> {
        let inner = &self.0;
        check(&new, inner)?;
        let lines = new.table.as_deref().map(table::read).transpose().map_err(BulkError::from)?;
        let (found, own_lines) = inner.unpack(&new.archive, lines.is_none()).await?;
        let lines = lines.unwrap_or(own_lines);
        let planned = plan::plan(&found, &lines, &inner.presets);
        let now = inner.clock.now();
        let items: Vec<Item> = (1..).zip(planned).map(|(number, planned)| item(number, planned)).collect();
        let batch = Batch {
            id: BatchId::new(now),
            owner: new.owner,
            state: BatchState::Open,
            preset: new.preset,
            prompt: new.prompt,
            num_images: new.tier.pictures_max().map_or(new.num_images, |most| new.num_images.min(most)),
            products: new.products,
            whatsapp: new.whatsapp,
            file_name: new.file_name.as_deref().and_then(photo::tame_file_name),
            created_at: now,
            finished_at: None,
            notify: new.notify,
        };
        match wished {
            None => inner.store.insert_batch(&batch, &items).await?,
            Some(wished) => {
                if let Some(became) = inner.store.insert_batch_once(&batch, &items, wished, since(now)).await? {
                    let batch = self.repeated_batch(wished, became).await?.ok_or(StudioError::Busy)?;
                    return Ok(Begun { batch, is_repeated: true });
                }
            }
        }
        inner.bulk.wake();
        tracing::info!(batch = %batch.id, items = items.len(), "batch.accepted {}", batch.id);
        let mut counts = Counts::default();
        items.iter().for_each(|item| *counts.of(item.state) += 1);
        Ok(Begun { batch: BatchView::of(batch, counts), is_repeated: false })
    }

    /// `None`: unknown.
    pub async fn batch(&self, id: &BatchId) -> Result<Option<BatchView>, StudioError> {
        let Some((batch, counts)) = self.0.store.batch(id).await? else { return Ok(None) };
        let retryable = match batch.state.steered(Steer::Retry) {
            Some(_) if counts.failed > 0 => self.0.store.retryable(id).await?,
            Some(_) | None => 0,
        };
        Ok(Some(BatchView { retryable, ..BatchView::of(batch, counts) }))
    }

    /// Whether the visitor may see the batch. Unknown ones are nobody's.
    pub async fn may_see_batch(&self, visitor: &Visitor, id: &BatchId) -> Result<bool, StudioError> {
        let owner = self.0.store.batch(id).await?.and_then(|(batch, _)| batch.owner);
        Ok(visitor.may_see(owner.as_ref()))
    }

    /// A page of batches, newest first.
    pub async fn batches(&self, filter: BatchFilter) -> Result<BatchPage, StudioError> {
        let limit = filter.limit.clamp(1, BATCHES_A_PAGE_MAX);
        // One more than was asked for tells whether there is a next page.
        let wanted = BatchFilter { limit: limit + 1, ..filter };
        let mut batches = self.0.store.batches(&wanted).await?;
        let more = batches.len() > limit || self.has_older(wanted, batches.last()).await?;
        batches.truncate(limit);
        let next = batches.last().filter(|_| more).map(|batch| batch.id.clone());
        let mut views = Vec::with_capacity(batches.len());
        for batch in &batches {
            views.extend(self.batch(&batch.id).await?);
        }
        Ok(BatchPage { batches: views, next })
    }

    /// Rows that can't be read make a page shorter, and end no list.
    async fn has_older(&self, wanted: BatchFilter, last: Option<&Batch>) -> Result<bool, StudioError> {
        let Some(last) = last else { return Ok(false) };
        let older = BatchFilter { before: Some(last.id.clone()), ..wanted };
        Ok(!self.0.store.batches(&older).await?.is_empty())
    }

    /// What a list says, and what of it can't be used; nothing is kept.
    pub fn read_list(&self, bytes: &[u8]) -> Result<ListView, StudioError> {
        let lines = table::read(bytes).map_err(BulkError::from)?;
        let judged = || lines.iter().map(|line| (line, plan::wrong(line, &self.0.presets)));
        let faults = || judged().filter(|(_, wrong)| wrong.is_some());
        let view = |(line, wrong): (&Line, Option<Why>)| LineView::of(line, wrong.as_ref());
        Ok(ListView {
            lines: lines.len(),
            wrong: faults().count(),
            first: judged().take(LINES_SHOWN).map(view).collect(),
            faults: faults().take(LINES_SHOWN).map(view).collect(),
        })
    }

    /// A page of a batch's items.
    pub async fn items(&self, id: &BatchId, filter: ItemFilter) -> Result<Option<ItemPage>, StudioError> {
        let Some((batch, _)) = self.0.store.batch(id).await? else { return Ok(None) };
        let limit = filter.limit.clamp(1, ITEMS_A_PAGE_MAX);
        let mut items = self.0.store.items(id, &ItemFilter { limit: limit + 1, ..filter }).await?;
        let next = paging::cut(&mut items, limit, |item| item.number);
        let jobs = self.jobs_of(&items).await?;
        let view = |item: Item| {
            let job = item.job.as_ref().and_then(|id| jobs.get(id));
            ItemView::of(item.clone(), job, &batch)
        };
        Ok(Some(ItemPage { items: items.into_iter().map(view).collect(), next }))
    }

    /// Does what a seller wishes of a batch. Jobs of a batch that is canceled are asked to end.
    pub async fn steer(&self, id: &BatchId, wish: Steer) -> Result<Steered, StudioError> {
        let inner = &self.0;
        let steered = inner.store.steer(id, wish, inner.clock.now()).await?;
        if steered == Steered::Done {
            tracing::info!(batch = %id, ?wish, "batch.steered {id}");
            inner.bulk.wake();
            inner.outbox.wake();
        }
        if (steered, wish) == (Steered::Done, Steer::Cancel) {
            let running = ItemFilter { after: 0, state: Some(ItemState::Running), limit: ITEMS_A_PAGE_MAX };
            let jobs = inner.store.items(id, &running).await?.into_iter().filter_map(|item| item.job);
            stream::iter(jobs).for_each_concurrent(OPEN_MAX, |job| self.give_up(job)).await;
        }
        Ok(steered)
    }
}

impl Studio {
    /// One job that can't be asked is no reason to leave the others running.
    async fn give_up(&self, job: JobId) {
        if let Err(error) = self.cancel(&job).await {
            tracing::warn!(%job, %error, "batch.cancel: a job could not be asked to end");
        }
    }
}

/// What would refuse every one of its jobs.
fn check(new: &NewBatch, inner: &Inner) -> Result<(), StudioError> {
    let photo = Photo { bytes: Bytes::new(), file_name: None, content_type: None };
    let job = NewJob {
        photos: vec![photo],
        image_urls: Vec::new(),
        prompt: new.prompt.clone(),
        preset: new.preset.clone(),
        num_images: new.num_images,
        identifier: None,
        products: new.products,
        whatsapp: None,
        staging: Default::default(),
        endpoint: None,
        choice: Default::default(),
        owner: None,
        tier: Tier::Paid,
        allowance: None,
        callback: None,
        notify: None,
    };
    photo::check(&job, &inner.presets).map(|_| ())
}

fn item(number: u32, planned: Planned) -> Item {
    let (blob, error) = match planned.blob {
        Ok(blob) => (Some(blob), None),
        Err(why) => (None, Some(why.told())),
    };
    let state = if blob.is_some() { ItemState::Waiting } else { ItemState::Skipped };
    let Planned { name, sku, preset, prompt, products, .. } = planned;
    Item { number, name, sku, preset, prompt, products, blob, state, job: None, error }
}

impl Inner {
    /// Takes the photos out of the archive, and its list where it is `wanted`.
    async fn unpack(&self, archive: &Scratch, wanted: bool) -> Result<(Vec<Found>, Vec<Line>), StudioError> {
        let file = archive.open().map_err(plantain_blobs::BlobError::from)?;
        let open = move || {
            let archive = Archive::open(BufReader::new(file))?;
            let entries = archive.entries()?;
            Ok::<_, BulkError>((archive, entries))
        };
        let (mut archive, entries) = self.unpacking.run(open).await.map_err(|_| StudioError::Internal)??;
        let (mut found, mut lines) = (Vec::with_capacity(entries.len()), Vec::new());
        let mut entries = entries.into_iter().peekable();
        while let Some(entry) = entries.next() {
            match entry {
                Entry::Skipped { name, why } => found.push(Found { name, blob: Err(why) }),
                Entry::Table { .. } if !wanted => {}
                Entry::Table { index, .. } => (archive, lines) = self.list(archive, index).await?,
                Entry::Photo { index, name } => {
                    let mut photos = VecDeque::from([(index, name)]);
                    let more =
                        |entry: &Entry, so_far: usize| matches!(entry, Entry::Photo { .. }) && so_far < TOGETHER_MAX;
                    while let Some(Entry::Photo { index, name }) = entries.next_if(|next| more(next, photos.len())) {
                        photos.push_back((index, name));
                    }
                    let taken;
                    (archive, taken) = self.take_out(archive, photos).await?;
                    found.extend(taken);
                }
            }
        }
        Ok((found, lines))
    }

    /// Takes photos out, as many at a time as memory is meant for, and keeps those in one go.
    async fn take_out(
        &self,
        mut archive: Opened,
        mut photos: VecDeque<(usize, String)>,
    ) -> Result<(Opened, Vec<Found>), StudioError> {
        let most = self.config.photo_limits.max_bytes;
        let mut found = Vec::with_capacity(photos.len());
        while !photos.is_empty() {
            let take = move || {
                let (mut taken, mut kept, mut bytes) = (Vec::new(), Vec::new(), 0);
                while bytes < TOGETHER_BYTES
                    && let Some((index, name)) = photos.pop_front()
                {
                    let blob = archive.photo(index, most)?.map(|photo| {
                        bytes += photo.len();
                        let photo = Keyed::of(photo.into());
                        let key = photo.key().to_string();
                        kept.push(photo);
                        key
                    });
                    taken.push(Found { name, blob });
                }
                Ok::<_, BulkError>((archive, photos, taken, kept))
            };
            let (taken, kept);
            (archive, photos, taken, kept) = self.unpacking.run(take).await.map_err(|_| StudioError::Internal)??;
            self.put_keyed(kept).await?;
            found.extend(taken);
        }
        Ok((archive, found))
    }

    async fn list(&self, mut archive: Opened, index: usize) -> Result<(Opened, Vec<Line>), StudioError> {
        let read = move || {
            let read = archive.table(index)?;
            let bytes = read.map_err(|why| BulkError::TableFile(why.told().message))?;
            Ok::<_, BulkError>((archive, table::read(&bytes)?))
        };
        Ok(self.unpacking.run(read).await.map_err(|_| StudioError::Internal)??)
    }
}
