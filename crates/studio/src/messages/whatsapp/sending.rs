//! A message as a WhatsApp template: composed anew at each attempt, noted before and after it leaves.

use bytes::Bytes;

use plantain_blobs::BlobKey;
use plantain_media::decode::{self, Limits};
use plantain_media::thumbnail;
use plantain_outbound::delivery::{DeadReason, Delivery};
use plantain_whatsapp::Number;
use plantain_whatsapp::graph::{Failed, Form, PICTURE_BYTES_MAX, Picture, What};
use plantain_whatsapp::template::Template;
use plantain_whatsapp::trouble::Next;

use super::Whatsapp;
use super::receipt::{Note, Turn, about, turn};
use crate::error::StudioError;
use crate::job::medium::Kind;
use crate::job::{Job, JobId, Outcome};
use crate::messages::facts::{Facts, REFUSED};
use crate::messages::message::{Event, Message};
use crate::messages::sending::{Sent, Unsent};
use crate::messages::webhook::{Addresses, token};
use crate::service::Inner;

/// Widths that a picture is made smaller to where the API doesn't take it as it is. No phone shows more.
const WIDTHS: [u32; 3] = [1600, 1080, 640];

/// A picture that is kept, and what it claims to be.
struct Kept {
    blob: String,
    content_type: String,
}

/// A message that can leave.
struct Composed {
    to: Number,
    template: Template,
    picture: Option<Picture>,
}

impl Inner {
    pub(in crate::messages) async fn whatsapp(&self, message: &Message) -> Sent {
        let Some(whatsapp) = &self.config.whatsapp else { return Sent::later("WHATSAPP_TOKEN is not set any more.") };
        match turn(message.receipt.as_ref(), &whatsapp.patience, self.clock.now()) {
            Turn::Send => {}
            Turn::Wait(left, why) => return Sent::awaited(None, Bytes::new(), Some(why), left),
            Turn::GiveUp(why) => return Sent::never(why),
        }
        match self.composed(whatsapp, message).await {
            Ok(Ok(composed)) => match self.hand_over(whatsapp, message, composed).await {
                Ok(sent) => sent,
                Err(error) => Sent::later(&error.to_string()),
            },
            Ok(Err(unsent)) => unsent.into(),
            Err(error) => Sent::later(&error.to_string()),
        }
    }

    /// The inner error: there is nobody to be written to, or nothing to write.
    async fn composed(&self, whatsapp: &Whatsapp, message: &Message) -> Result<Result<Composed, Unsent>, StudioError> {
        let never = |why| Ok(Err(Unsent::Never(why)));
        let Ok(to) = Number::parse(&message.target) else { return never("Its number can't be read.") };
        let Some(facts) = Facts::of_body(&message.body) else { return never("What it says can't be read.") };
        if self.store.has_opted_out(to.digits()).await? {
            let why = "Whoever has this number wrote STOP, and gets no messages until they write START.";
            return Ok(Err(Unsent::Unwanted(why)));
        }
        let button = Some(self.suffix(message, &facts));
        let language = facts.language.clone().unwrap_or_else(|| "en".to_owned());
        let template = |name: &str, words| Template { name: name.to_owned(), language, picture: None, words, button };
        Ok(match (message.event, &facts.job) {
            (Event::JobSucceeded, Some(job)) => {
                let Some((count, picture)) = self.pictured(job).await? else {
                    return never("There is no picture that could be shown.");
                };
                let template = template(&whatsapp.templates.job, vec![count.to_string()]);
                Ok(Composed { to, template, picture: Some(picture) })
            }
            (Event::BatchDone, _) => {
                let counts = facts.counts.unwrap_or_default();
                let numbers = [counts.succeeded, counts.failed, counts.skipped + counts.canceled];
                let words = numbers.map(|count| count.to_string()).to_vec();
                Ok(Composed { to, template: template(&whatsapp.templates.batch, words), picture: None })
            }
            _ => Err(Unsent::Never("There is no template for what it is about.")),
        })
    }

    async fn hand_over(&self, whatsapp: &Whatsapp, message: &Message, made: Composed) -> Result<Sent, StudioError> {
        let Composed { to, mut template, picture } = made;
        if let Some(picture) = &picture {
            match whatsapp.graph.upload(picture).await {
                Ok(id) => template.picture = Some(id),
                Err(failed) => return Ok(failed_as(failed, whatsapp)),
            }
        }
        let (id, attempt) = (&message.id, message.attempts);
        let note = async |note: Note| self.store.note_of_message(id, &note, self.clock.now()).await;
        if note(Note::Leaves { attempt }).await?.is_none() {
            return Ok(Sent::cut_off());
        }
        Ok(match whatsapp.graph.send(&to, &template, &about(id, attempt)).await {
            Ok(accepted) => {
                let noted = note(Note::Accepted { attempt, wamid: accepted.wamid }).await;
                if let Err(error) = noted {
                    // It is known by what was sent along, once a notice comes.
                    tracing::error!(message = %id, %error, "message.accepted {id}: its name could not be kept");
                    return Ok(lost(whatsapp, "Its name at WhatsApp could not be kept."));
                }
                Sent::awaited(Some(accepted.status), accepted.answer, None, whatsapp.patience.accepted)
            }
            Err(failed) => {
                if failed.what != What::Unknown {
                    note(Note::Refused { attempt }).await?;
                }
                failed_as(failed, whatsapp)
            }
        })
    }

    /// What follows the fixed part of the template's button, which is the studio's own address.
    fn suffix(&self, message: &Message, facts: &Facts) -> String {
        let public = &self.config.public_url;
        let at = Addresses { facts, public, token: token(message, facts, &self.messages.links) };
        match (&facts.batch, at.links().page) {
            (Some(batch), _) => format!("bulk/{batch}"),
            (None, Some(page)) => page.strip_prefix(public.as_str()).map_or(page.clone(), str::to_owned),
            (None, None) if facts.status == REFUSED => "bulk".to_owned(),
            (None, None) => "history".to_owned(),
        }
    }

    /// How many pictures a job has, and the first of them in a form that the API takes.
    async fn pictured(&self, id: &JobId) -> Result<Option<(usize, Picture)>, StudioError> {
        let Some(job) = self.store.job(id).await? else { return Ok(None) };
        let all = shown(&job);
        let Some(first) = all.first() else { return Ok(None) };
        let Some(key) = BlobKey::parse(&first.blob) else { return Ok(None) };
        let Some(bytes) = self.blobs.get(&key).await? else { return Ok(None) };
        let (content_type, limits) = (first.content_type.clone(), self.config.result_limits);
        let made = self.cpu.run(move || fitting(bytes, &content_type, &limits)).await;
        Ok(made.map_err(|_| StudioError::Internal)?.map(|picture| (all.len(), picture)))
    }
}

/// The pictures of a job: those that were finished, or what another endpoint's answer names.
fn shown(job: &Job) -> Vec<Kept> {
    let kept = |blob: &str, content_type: &str| Kept { blob: blob.to_owned(), content_type: content_type.to_owned() };
    let finished: Vec<Kept> = job.shown_pictures().iter().map(|one| kept(&one.blob, &one.content_type)).collect();
    match (&job.outcome, finished.is_empty()) {
        (Some(Outcome::Succeeded(finished)), true) => {
            let media = finished.media.iter().filter_map(|medium| medium.kept.as_ref());
            media.filter(|medium| medium.kind == Kind::Image).map(|one| kept(&one.blob, &one.content_type)).collect()
        }
        _ => finished,
    }
}

/// The picture as it is where the API takes it, else a smaller JPEG. Takes a full decode and belongs on `work::Cpu`.
fn fitting(bytes: Bytes, content_type: &str, limits: &Limits) -> Option<Picture> {
    let form = [Form::Jpeg, Form::Png].into_iter().find(|form| form.content_type() == content_type);
    if let Some(form) = form.filter(|_| bytes.len() <= PICTURE_BYTES_MAX) {
        return Some(Picture { bytes, form });
    }
    let whole = decode::decode(&bytes, limits).ok()?.picture;
    let small = |width| thumbnail::of_width(&whole, width).unwrap_or_else(|| whole.clone());
    let files = WIDTHS.into_iter().filter_map(|width| thumbnail::file(&small(width), false));
    let file = files.into_iter().find(|file| file.bytes.len() <= PICTURE_BYTES_MAX)?;
    Some(Picture { bytes: file.bytes.into(), form: Form::Jpeg })
}

fn failed_as(failed: Failed, whatsapp: &Whatsapp) -> Sent {
    let Failed { what, status, answer, why } = failed;
    let delivery = match what {
        What::Refused(Next::Later(pause)) => Delivery::Retry { after: Some(pause) },
        What::Refused(Next::Never) => Delivery::Dead(DeadReason::Unsendable),
        What::Unknown => return Sent { status, answer, ..lost(whatsapp, &why) },
    };
    Sent { status, answer, why: Some(why), delivery: Some(delivery), awaits: None, unwanted: false }
}

/// Perhaps it was sent: it is not tried again before its notices had time to come.
fn lost(whatsapp: &Whatsapp, why: &str) -> Sent {
    let delivery = Some(Delivery::Retry { after: Some(whatsapp.patience.unanswered) });
    Sent { delivery, ..Sent::later(why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_goes_as_it_is_or_as_a_smaller_jpeg() {
        let limits = Limits::default();
        let jpeg = Bytes::from(plantain_testkit::photo::jpeg());
        let same = fitting(jpeg.clone(), "image/jpeg", &limits).unwrap();
        assert_eq!((same.form, same.bytes), (Form::Jpeg, jpeg.clone()));
        let png = Bytes::from(plantain_testkit::photo::png());
        assert_eq!(fitting(png, "image/png", &limits).unwrap().form, Form::Png);
        let webp = fitting(Bytes::from(plantain_testkit::photo::webp()), "image/webp", &limits).unwrap();
        assert!(webp.form == Form::Jpeg && webp.bytes.starts_with(b"\xff\xd8\xff"));
        // What follows the end of a JPEG changes nothing of its picture.
        let padded = Bytes::from([&jpeg[..], &vec![0; PICTURE_BYTES_MAX]].concat());
        let smaller = fitting(padded, "image/jpeg", &limits).unwrap();
        assert!(smaller.form == Form::Jpeg && smaller.bytes.len() <= PICTURE_BYTES_MAX);
        assert_eq!(fitting(Bytes::from_static(b"no picture"), "image/webp", &limits), None);
    }
}
