//! Reading a form with photos from whoever sends one, within bounds of bytes, parts, memory and time.
//!
//! Nothing of a body is trusted: not its length, not its end, not its pace. What came is a [`NewJob`] whose words are not
//! checked yet; that is the studio's part. Memory of all uploads together is bounded by [`Room`].

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use plantain_media::decode::{self, PictureError};
use plantain_work::{Clock, clock};

use crate::error::StudioError;
use crate::http::error::ApiError;
use crate::photo::NewJob;

pub mod bulk;
mod choosing;
pub mod fields;
pub mod meter;
pub mod pace;
mod pieces;
mod staging;

use fields::{Form, Name};
use meter::{Fault, Meter};
use pace::{Arrived, Pace};

/// Bytes of a text field, which is far more than any of them may have.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Parts of a form: eight photos, the text fields, the points, and some to spare for being told what is wrong.
const PARTS_MAX: usize = 56;
/// Photos of a form; the studio takes fewer or as many.
const PHOTOS_MAX: usize = crate::error::PICTURES_MAX;
/// Bytes around the photos: boundaries, headers and text fields.
const AROUND_BYTES_MAX: u64 = 1024 * 1024;
/// Bytes that are still read after a photo turned out too large, so that the sender hears why instead of a broken pipe.
const DRAIN_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// How often the pace of an upload is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Bytes of all uploads that may be in memory at once, where photos are not larger than usual.
const ROOM_BYTES: usize = 256 * 1024 * 1024;
const ROOM_UNIT_BYTES: usize = 1024;

/// Memory for uploads, shared by all of them. An upload that finds none is refused at once: waiting for each other, all
/// would wait.
#[derive(Clone, Debug)]
pub struct Room(Arc<Semaphore>);

/// Held as long as what one upload brought is in memory.
#[derive(Debug, Default)]
pub struct Place {
    bytes: usize,
    held: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Room for what has always been enough, and for one form of photos that may have so many bytes each.
    pub fn for_photos(photo_bytes_max: usize) -> Room {
        let form = photo_bytes_max * PHOTOS_MAX + AROUND_BYTES_MAX as usize;
        Room(Arc::new(Semaphore::new(form.max(ROOM_BYTES).div_ceil(ROOM_UNIT_BYTES))))
    }

    /// Makes a place larger. Only whole units are taken, so that many small pieces cost what one large one does.
    fn take(&self, place: &mut Place, bytes: usize) -> Result<(), ApiError> {
        let all = place.bytes + bytes;
        let missing = all.div_ceil(ROOM_UNIT_BYTES) - place.bytes.div_ceil(ROOM_UNIT_BYTES);
        let units = u32::try_from(missing).map_err(|_| ApiError::busy())?;
        let more = self.0.clone().try_acquire_many_owned(units).map_err(|_| ApiError::busy())?;
        match &mut place.held {
            Some(held) => held.merge(more),
            None => place.held = Some(more),
        }
        place.bytes = all;
        Ok(())
    }
}

/// What a form reader needs to know.
#[derive(Clone, Debug)]
pub struct Bounds {
    pub photo_bytes_max: usize,
    pub pace: Pace,
    pub clock: Clock,
    pub room: Room,
}

/// Reads a multipart form. The place is to be held for as long as the photos are.
pub async fn read_form(request: Request, bounds: &Bounds) -> Result<(NewJob, Place), ApiError> {
    let most = (bounds.photo_bytes_max * PHOTOS_MAX) as u64 + AROUND_BYTES_MAX + DRAIN_BYTES_MAX;
    let (parts, body) = request.into_parts();
    let (stream, meter) = meter::metered(body.into_data_stream(), most);
    let request = Request::from_parts(parts, Body::from_stream(stream));
    let form = Multipart::from_request(request, &()).await.map_err(|_| no_boundary())?;
    tokio::select! {
        biased;
        read = Reader { bounds, meter: &meter }.read(form) => read,
        () = lost_pace(bounds, &meter) => Err(ApiError::too_slow()),
    }
}

/// Reads a whole body of at most `most` bytes. The place is to be held for as long as the bytes are.
pub async fn read_bytes(body: Body, most: usize, bounds: &Bounds) -> Result<(Bytes, Place), ApiError> {
    let (stream, meter) = meter::metered(body.into_data_stream(), most as u64);
    let whole = async {
        let (mut bytes, mut place) = (BytesMut::new(), Place::default());
        let mut stream = std::pin::pin!(stream.whole());
        while let Some(frame) = stream.next().await {
            let frame = frame.map_err(|_| meter.fault().map_or_else(cut_off, |fault| told(fault, most)))?;
            bounds.room.take(&mut place, frame.len())?;
            bytes.extend_from_slice(&frame);
        }
        Ok((bytes.freeze(), place))
    };
    tokio::select! {
        biased;
        read = whole => read,
        () = lost_pace(bounds, &meter) => Err(ApiError::too_slow()),
    }
}

/// Returns when it is no use to wait longer for the body.
async fn lost_pace(bounds: &Bounds, meter: &Meter) {
    let begun = bounds.clock.now();
    let (mut seen, mut last): (u64, Timestamp) = (0, begun);
    loop {
        bounds.clock.sleep(LOOK_EVERY).await;
        let (now, bytes) = (bounds.clock.now(), meter.bytes());
        if bytes != seen {
            (seen, last) = (bytes, now);
        }
        let arrived = Arrived { bytes, elapsed: clock::until(begun, now), silent: clock::until(last, now) };
        if bounds.pace.is_lost(arrived) {
            return;
        }
    }
}

struct Reader<'a> {
    bounds: &'a Bounds,
    meter: &'a Meter,
}

impl Reader<'_> {
    async fn read(self, mut multipart: Multipart) -> Result<(NewJob, Place), ApiError> {
        let (mut form, mut place) = (Form::default(), Place::default());
        for _ in 0..=PARTS_MAX {
            let next = multipart.next_field().await.map_err(|error| self.fault(&error))?;
            self.meter.progress();
            let Some(field) = next else { return Ok((form.into_new_job()?, place)) };
            let read = self.read_field(field, &mut form, &mut place).await;
            if let Err(refusal) = read {
                self.drain(multipart).await;
                return Err(refusal);
            }
        }
        Err(ApiError::too_large(
            format!("The form has more than {PARTS_MAX} fields."),
            "Send the photos of one product and the few fields that describe the wish.",
        ))
    }

    async fn read_field(&self, field: Field<'_>, form: &mut Form, place: &mut Place) -> Result<(), ApiError> {
        let name = Name::parse(field.name())?;
        let (file_name, content_type) = (field.file_name().map(str::to_owned), field.content_type().map(str::to_owned));
        if name == Name::Image {
            form.expect_photo(PHOTOS_MAX)?;
            let bytes = self.read_photo(field, place).await?;
            let bytes =
                bytes.map_err(|start| photo_too_large(form.photos() + 1, &start, self.bounds.photo_bytes_max))?;
            form.photo(bytes, file_name, content_type);
            return Ok(());
        }
        let text = self.collect(field, TEXT_BYTES_MAX, &mut |_| Ok(())).await?;
        form.text(name, &text.map_err(|_| text_too_long(name))?)
    }

    async fn read_photo(&self, field: Field<'_>, place: &mut Place) -> Result<Result<Bytes, Bytes>, ApiError> {
        self.collect(field, self.bounds.photo_bytes_max, &mut |more| self.bounds.room.take(place, more)).await
    }

    /// The field's bytes; an error with their beginning where there are more than `most`. `grow` is asked before any are kept.
    async fn collect(
        &self,
        mut field: Field<'_>,
        most: usize,
        grow: &mut (dyn FnMut(usize) -> Result<(), ApiError> + Send),
    ) -> Result<Result<Bytes, Bytes>, ApiError> {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = field.chunk().await.map_err(|error| self.fault(&error))? {
            self.meter.progress();
            if bytes.len() + chunk.len() > most {
                return Ok(Err(if bytes.is_empty() { chunk } else { bytes.freeze() }));
            }
            grow(chunk.len())?;
            bytes.extend_from_slice(&chunk);
        }
        Ok(Ok(bytes.freeze()))
    }

    /// Reads on without keeping anything. The watch over the pace goes on, too.
    async fn drain(&self, mut multipart: Multipart) {
        // The parser skips the rest of a part without saying that it gets somewhere, so only the bytes are counted now.
        self.meter.drain(DRAIN_BYTES_MAX);
        for _ in 0..PARTS_MAX {
            let Ok(Some(mut field)) = multipart.next_field().await else { return };
            while let Ok(Some(_)) = field.chunk().await {}
        }
    }

    fn fault(&self, error: &MultipartError) -> ApiError {
        match self.meter.fault() {
            Some(fault) => told(fault, self.bounds.photo_bytes_max),
            None if error.status().is_client_error() => malformed(),
            None => cut_off(),
        }
    }
}

fn told(fault: Fault, most: usize) -> ApiError {
    match fault {
        Fault::TooLarge => ApiError::too_large(
            "The request is larger than this address takes.",
            format!("At most {} are taken here.", mega(most)),
        ),
        Fault::Shapeless => malformed(),
    }
}

/// Of a photo that goes on beyond `most` bytes and begins like this.
fn photo_too_large(number: usize, start: &[u8], most: usize) -> ApiError {
    match decode::too_large(start, most + 1, most) {
        PictureError::FileTooLarge { .. } => larger_than(most),
        error => StudioError::Photo { number, error }.into(),
    }
}

fn larger_than(most: usize) -> ApiError {
    ApiError::new(
        http::StatusCode::PAYLOAD_TOO_LARGE,
        "file_too_large",
        format!("The photo is larger than {}.", mega(most)),
        "Export it smaller or at a lower JPEG quality; 3,000 pixels on the long side are plenty.",
    )
}

fn text_too_long(name: Name) -> ApiError {
    ApiError::too_large(
        format!("The field \"{}\" is longer than {} KB.", name.as_str(), TEXT_BYTES_MAX / 1024),
        "Say what matters most in a few sentences.",
    )
}

fn mega(bytes: usize) -> String {
    format!("{} MB", bytes / (1024 * 1024))
}

fn no_boundary() -> ApiError {
    ApiError::bad_request(
        "form_malformed",
        "The form has no boundary.",
        "Let your HTTP library write the Content-Type header of the form.",
    )
}

fn malformed() -> ApiError {
    ApiError::bad_request(
        "form_malformed",
        "The form can't be read.",
        "Send multipart/form-data as browsers do, for example with curl -F image=@photo.jpg.",
    )
}

fn cut_off() -> ApiError {
    ApiError::bad_request("cut_off", "The request broke off in the middle.", "Send it again.")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    fn bounds(room_units: usize) -> Bounds {
        let room = Room(Arc::new(Semaphore::new(room_units)));
        Bounds { photo_bytes_max: 1, pace: Pace::default(), clock: Clock::manual(Timestamp::UNIX_EPOCH), room }
    }

    #[tokio::test]
    async fn whole_bodies_share_the_room_until_their_places_are_left() {
        let bounds = bounds(3);
        let two_units = || Body::from(vec![b'x'; 2 * ROOM_UNIT_BYTES]);
        let (_, place) = read_bytes(two_units(), 1024 * 1024, &bounds).await.unwrap();
        let refused = read_bytes(two_units(), 1024 * 1024, &bounds).await.unwrap_err();
        assert_eq!(refused.code, ApiError::busy().code);
        assert_eq!(bounds.room.0.available_permits(), 1, "who is refused leaves at once");
        drop(place);
        assert!(read_bytes(two_units(), 1024 * 1024, &bounds).await.is_ok());
        assert_eq!(bounds.room.0.available_permits(), 3);
    }

    #[tokio::test]
    async fn a_body_in_tiny_pieces_takes_no_more_room_than_a_whole_one() {
        let bounds = bounds(1);
        let pieces = stream::iter((0..ROOM_UNIT_BYTES).map(|_| Ok::<_, Infallible>("x")));
        let (bytes, _place) = read_bytes(Body::from_stream(pieces), ROOM_UNIT_BYTES, &bounds).await.unwrap();
        assert_eq!(bytes.len(), ROOM_UNIT_BYTES);
    }
}
