//! Reading a form with an archive: the archive goes to a file on disk piece by piece, the few words into memory.

use std::time::Duration;

use axum::body::Body;
use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Multipart, Request};
use bytes::Bytes;
use futures_util::stream;

use plantain_blobs::{PutError, Scratch};

use super::fields::{Form, Name};
use super::{
    AROUND_BYTES_MAX, Bounds, DRAIN_BYTES_MAX, Place, Reader, TEXT_BYTES_MAX, lost_pace, meter, no_boundary,
    text_too_long,
};
use crate::bulk::archive::{ARCHIVE_BYTES_MAX, TABLE_BYTES_MAX};
use crate::bulk::receiving::NewBatch;
use crate::error::StudioError;
use crate::http::error::ApiError;
use crate::job::key::Tier;
use crate::photo::NewJob;
use crate::service::Studio;

/// Two gigabytes over a slow line.
const DEADLINE: Duration = Duration::from_secs(2 * 60 * 60);

/// Fields of a form.
const PARTS_MAX: usize = 8;

/// Reads the form. The place is to be held for as long as the list is.
pub async fn read(request: Request, bounds: &Bounds, studio: &Studio) -> Result<(NewBatch, Place), ApiError> {
    let bounds = &Bounds { pace: super::Pace { deadline: DEADLINE, ..bounds.pace }, ..bounds.clone() };
    let most = ARCHIVE_BYTES_MAX + TABLE_BYTES_MAX as u64 + AROUND_BYTES_MAX + DRAIN_BYTES_MAX;
    let (parts, body) = request.into_parts();
    let (stream, meter) = meter::metered(body.into_data_stream(), most);
    let request = Request::from_parts(parts, Body::from_stream(stream));
    let form = Multipart::from_request(request, &()).await.map_err(|_| no_boundary())?;
    let reader = BulkReader { reader: Reader { bounds, meter: &meter }, studio };
    tokio::select! {
        biased;
        read = reader.read(form) => read,
        () = lost_pace(bounds, &meter) => Err(ApiError::too_slow()),
    }
}

struct BulkReader<'a> {
    reader: Reader<'a>,
    studio: &'a Studio,
}

#[derive(Default)]
struct Came {
    archive: Option<(Scratch, Option<String>)>,
    table: Option<Bytes>,
    words: Form,
    place: Place,
}

impl BulkReader<'_> {
    async fn read(self, mut multipart: Multipart) -> Result<(NewBatch, Place), ApiError> {
        let mut came = Came::default();
        for _ in 0..=PARTS_MAX {
            let next = multipart.next_field().await.map_err(|error| self.reader.fault(&error))?;
            self.reader.meter.progress();
            let Some(field) = next else { return came.into_batch() };
            if let Err(refusal) = self.field(field, &mut came).await {
                self.reader.drain(multipart).await;
                return Err(refusal);
            }
        }
        Err(ApiError::too_large(
            format!("The form has more than {PARTS_MAX} fields."),
            "Send one archive and the few fields that describe the wish.",
        ))
    }

    async fn field(&self, field: Field<'_>, came: &mut Came) -> Result<(), ApiError> {
        match field.name() {
            Some("zip") if came.archive.is_some() => Err(repeated("zip")),
            Some("zip") => {
                let name = field.file_name().map(str::to_owned);
                came.archive = Some((self.archive(field).await?, name));
                Ok(())
            }
            Some("csv") if came.table.is_some() => Err(repeated("csv")),
            Some("csv") => {
                let (room, place) = (&self.reader.bounds.room, &mut came.place);
                let bytes = self.reader.collect(field, TABLE_BYTES_MAX, &mut |more| room.take(place, more)).await?;
                let bytes = bytes.map_err(|_| {
                    ApiError::too_large("The list is too large.", "Send the photos and their list in several parts.")
                })?;
                // A browser sends an empty part where no file was chosen.
                came.table = Some(bytes).filter(|bytes| !bytes.is_empty());
                Ok(())
            }
            name => {
                let name = known(name)?;
                let text = self.reader.collect(field, TEXT_BYTES_MAX, &mut |_| Ok(())).await?;
                came.words.text(name, &text.map_err(|_| text_too_long(name))?)
            }
        }
    }

    async fn archive(&self, field: Field<'_>) -> Result<Scratch, ApiError> {
        let chunks = stream::unfold(Some(field), |field| async move {
            let mut field = field?;
            match field.chunk().await {
                Ok(Some(chunk)) => {
                    self.reader.meter.progress();
                    Some((Ok(chunk), Some(field)))
                }
                Ok(None) => None,
                Err(error) => Some((Err(self.reader.fault(&error)), None)),
            }
        });
        self.studio.scratch(chunks, ARCHIVE_BYTES_MAX).await.map_err(|error| match error {
            PutError::TooLarge { .. } => {
                ApiError::too_large("The archive is larger than 2 GB.", "Send the photos in several archives.")
            }
            PutError::Source(refusal) => refusal,
            PutError::Store(error) => StudioError::from(error).into(),
        })
    }
}

impl Came {
    fn into_batch(self) -> Result<(NewBatch, Place), ApiError> {
        let (archive, file_name) = self.archive.ok_or_else(|| {
            ApiError::unprocessable(
                "archive_missing",
                "No archive was sent.",
                "Send a ZIP of photos in the form field \"zip\".",
            )
        })?;
        let words = self.words.into_new_job()?;
        let NewJob { preset, prompt, num_images, products, notify, whatsapp, .. } = words;
        let new = NewBatch {
            archive,
            table: self.table,
            file_name,
            preset,
            prompt,
            num_images,
            products,
            whatsapp,
            owner: None,
            tier: Tier::default(),
            notify,
        };
        Ok((new, self.place))
    }
}

fn known(name: Option<&str>) -> Result<Name, ApiError> {
    let known = [Name::Prompt, Name::Preset, Name::NumImages, Name::Products, Name::NotifyEmail, Name::NotifyWhatsapp];
    let known = known.into_iter().find(|known| Some(known.as_str()) == name);
    known.ok_or_else(|| {
        let shown: String = name.unwrap_or("").chars().take(40).collect();
        ApiError::unprocessable(
            "unknown_field",
            format!("The form has a field \"{shown}\" that means nothing here."),
            "The fields are zip, csv, preset, prompt, num_images, products, notifyEmail and notifyWhatsapp.",
        )
    })
}

fn repeated(name: &str) -> ApiError {
    ApiError::unprocessable(
        "repeated_field",
        format!("The field \"{name}\" came more than once."),
        "Send each field once.",
    )
}
