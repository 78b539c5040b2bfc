//! Where cut-outs are corrected: a lane of its own, and the photos that lie there.
//!
//! One stroke is worked on at a time, beside the lane that finishes pictures, so that neither waits for the other's work.
//! Photos stay decoded while there is room, since the next stroke mostly goes to the same one.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::Semaphore;

use plantain_media::decode::{self, Limits};
use plantain_media::picture::Matte;
use plantain_work::Cpu;

use crate::correcting::error::CorrectionError;
use crate::correcting::session::{Session, Stuck};
use crate::job::JobId;
use crate::job::correction::Stroke;

/// Pixels of all photos that stay decoded: one of the largest that are taken. Each costs at most five bytes a pixel.
const PIXELS_KEPT_MAX: u64 = 50_000_000;

/// Strokes that wait for their turn; further ones are told to come back.
const WAITING_MAX: usize = 16;

pub(crate) struct Desk {
    lane: Cpu,
    waiting: Semaphore,
    lying: Arc<Mutex<Lying>>,
}

/// The latest last.
#[derive(Default)]
struct Lying(Vec<(JobId, Session)>);

/// What a session is begun with.
#[derive(Clone)]
pub(crate) struct Material {
    pub photo: Bytes,
    /// A grey PNG as large as the photo held upright.
    pub matte: Bytes,
    /// Of the photo.
    pub pixels: u64,
    pub limits: Limits,
}

impl Default for Desk {
    fn default() -> Desk {
        Desk { lane: Cpu::new(1), waiting: Semaphore::new(WAITING_MAX), lying: Arc::default() }
    }
}

/// The session isn't there, or can't go back as far as is wanted.
struct Lacking;

impl Desk {
    /// Runs `work` on a job's session once it has heeded exactly `strokes`. `load` is begun only where the files are needed.
    pub async fn at<T: Send + 'static>(
        &self,
        job: &JobId,
        strokes: &[Stroke],
        load: impl Future<Output = Result<Material, CorrectionError>>,
        work: impl Fn(&Session) -> T + Clone + Send + 'static,
    ) -> Result<T, CorrectionError> {
        let _place = self.waiting.try_acquire().map_err(|_| CorrectionError::Busy)?;
        match self.turn(job, strokes, None, work.clone()).await? {
            Ok(done) => Ok(done),
            Err(Lacking) => {
                let material = load.await?;
                let done = self.turn(job, strokes, Some(material), work).await?;
                done.map_err(|Lacking| CorrectionError::Internal)
            }
        }
    }

    async fn turn<T: Send + 'static>(
        &self,
        job: &JobId,
        strokes: &[Stroke],
        material: Option<Material>,
        work: impl FnOnce(&Session) -> T + Send + 'static,
    ) -> Result<Result<T, Lacking>, CorrectionError> {
        let (job, strokes, lying) = (job.clone(), strokes.to_vec(), self.lying.clone());
        let turn = self.lane.run(move || {
            let lying = || lying.lock().unwrap_or_else(PoisonError::into_inner);
            // The one before may have begun it meanwhile.
            let left = lying().take(&job).map(|mut session| (session.bring_to(&strokes), session));
            let (brought, session) = match (left, material) {
                (Some((brought, session)), _) if !matches!(brought, Err(Stuck::TooFarBack)) => (brought, session),
                (_, None) => return Ok(Err(Lacking)),
                (left, Some(material)) => {
                    drop(left);
                    lying().make_room(material.pixels);
                    let mut session = begin(&material)?;
                    (session.bring_to(&strokes), session)
                }
            };
            let done = match brought {
                Ok(()) => Ok(Ok(work(&session))),
                Err(Stuck::TooFarBack) => return Ok(Err(Lacking)),
                Err(Stuck::Refused(error)) => Err(CorrectionError::Refused(error)),
            };
            lying().put(job, session);
            done
        });
        turn.await.map_err(|_| CorrectionError::Internal)?
    }

    /// Gives the job's memory back.
    pub fn clear(&self, job: &JobId) {
        self.lying.lock().unwrap_or_else(PoisonError::into_inner).take(job);
    }
}

/// The matte first: it is decoded as a coloured picture, which is gone before the photo comes.
fn begin(material: &Material) -> Result<Session, CorrectionError> {
    let gone = |_| CorrectionError::Gone;
    let grey = decode::decode(&material.matte, &material.limits).map_err(gone)?.picture;
    let matte = Matte::of_grey(&grey);
    drop(grey);
    let photo = decode::decode(&material.photo, &material.limits).map_err(gone)?;
    let came_cut_out = photo.own_matte().is_some();
    let session = Session::new(photo.picture, matte).ok_or(CorrectionError::Gone)?;
    Ok(session.that_came_cut_out(came_cut_out))
}

impl Lying {
    fn take(&mut self, job: &JobId) -> Option<Session> {
        let at = self.0.iter().position(|(other, _)| other == job)?;
        Some(self.0.remove(at).1)
    }

    /// The one that was just worked on stays, however large it is.
    fn put(&mut self, job: JobId, session: Session) {
        self.make_room(session.pixels());
        self.0.push((job, session));
    }

    /// The oldest go until another photo of so many pixels fits in, or none is left: before it is decoded, so that there are
    /// never more.
    fn make_room(&mut self, pixels: u64) {
        let lie = |lying: &Lying| lying.0.iter().map(|(_, session)| session.pixels()).fold(pixels, u64::saturating_add);
        while !self.0.is_empty() && lie(self) > PIXELS_KEPT_MAX {
            self.0.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use plantain_media::picture::Picture;

    use super::*;

    #[test]
    fn photos_stay_while_there_is_room_and_the_latest_always() {
        let session = |width| {
            Session::new(Picture::filled(width, 1000, [0; 3]), Matte::new(width, 1000, vec![0; width as usize * 1000]))
                .unwrap()
        };
        let ids: Vec<JobId> = (0..3).map(|_| JobId::new(Timestamp::UNIX_EPOCH)).collect();
        let mut lying = Lying::default();
        lying.put(ids[0].clone(), session(10_000));
        lying.put(ids[1].clone(), session(10_000));
        let first = lying.take(&ids[0]).unwrap();
        lying.put(ids[0].clone(), first);
        assert_eq!(lying.0.len(), 2);
        lying.put(ids[2].clone(), session(35_000));
        assert!(lying.take(&ids[1]).is_none(), "the one that was used longest ago");
        assert!(lying.take(&ids[0]).is_some());
        lying.put(ids[0].clone(), session(60_000));
        assert_eq!(lying.0.len(), 1);
        lying.put(ids[1].clone(), session(10_000));
        lying.put(ids[2].clone(), session(10_000));
        for (pixels, left) in [(0, 2), (30_000_000, 2), (30_000_001, 1), (u64::MAX, 0)] {
            lying.make_room(pixels);
            assert_eq!(lying.0.len(), left, "for {pixels}");
        }
    }
}
