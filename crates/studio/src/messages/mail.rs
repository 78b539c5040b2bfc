//! A message as a letter to a seller with a name: in their language, with the pictures beside it.

use askama::Template;

use plantain_blobs::BlobKey;
use plantain_mail::address::MailAddress;
use plantain_mail::letter::{FILES_BYTES_MAX, File, Letter};
use url::Url;

use crate::error::StudioError;
use crate::http::words::Words;
use crate::job::{JobId, Owner};
use crate::messages::facts::Facts;
use crate::messages::message::{Event, Message};
use crate::messages::sending::Sent;
use crate::messages::webhook::{Addresses, token};
use crate::service::Inner;

/// What a letter says, without HTML.
struct Said {
    subject: String,
    lead: String,
    /// What else is to be known, a paragraph each.
    notes: Vec<String>,
    page: String,
    zip: Option<String>,
    why: String,
}

#[derive(Template)]
#[template(path = "mail/done.html")]
struct DoneHtml<'a> {
    words: &'static Words,
    said: &'a Said,
}

#[derive(Template)]
#[template(path = "mail/done.txt", escape = "none")]
struct DoneText<'a> {
    words: &'static Words,
    said: &'a Said,
}

impl Inner {
    pub(super) async fn mail(&self, message: &Message) -> Sent {
        let Some(post) = &self.config.post else { return Sent::later("SMTP_URL and MAIL_FROM are not set any more.") };
        match self.letter(message).await {
            Ok(Ok(letter)) => Sent::of_letter(post.mailer.send(&letter, &self.clock).await),
            Ok(Err(why)) => Sent::never(why),
            Err(error) => Sent::later(&error.to_string()),
        }
    }

    /// The inner error: there is nobody to be written to, or nothing to write.
    async fn letter(&self, message: &Message) -> Result<Result<Letter, &'static str>, StudioError> {
        let Ok(to) = MailAddress::parse(&message.target) else { return Ok(Err("Its address can't be read.")) };
        let Some(facts) = Facts::of_body(&message.body) else { return Ok(Err("What it says can't be read.")) };
        let account = match message.owner.as_ref().and_then(Owner::as_account) {
            Some(id) => self.store.account_of(&id).await?,
            None => None,
        };
        let Some(account) = account.filter(|account| account.address == to) else {
            return Ok(Err("Its account is gone."));
        };
        let words = Words::of(&account.language).unwrap_or(Words::english());
        let preset = facts.preset.as_deref().map(|id| match self.presets.get(id) {
            Ok(preset) if !preset.title.is_empty() => preset.title.as_str(),
            _ => id,
        });
        let at = Addresses {
            facts: &facts,
            public: &self.config.public_url,
            token: token(message, &facts, &self.messages.links),
        };
        let said = said(message.event, &at, preset.unwrap_or_default(), words);
        let rendered = DoneText { words, said: &said }
            .render()
            .and_then(|text| Ok((text, DoneHtml { words, said: &said }.render()?)));
        let Ok((text, html)) = rendered else {
            tracing::error!("messages.letter_unrendered: a bug in a template");
            return Ok(Err("The letter can't be written."));
        };
        let files = match (&facts.job, message.event) {
            (Some(job), Event::JobSucceeded) => self.files(job).await?,
            _ => Vec::new(),
        };
        let id = format!("message-{}", message.id);
        Ok(Ok(Letter { id, to, subject: said.subject, text, html, files, unsubscribe: None }))
    }

    /// The job's pictures under the marketplace's names, as many as fit.
    async fn files(&self, job: &JobId) -> Result<Vec<File>, StudioError> {
        let Some(job) = self.store.job(job).await? else { return Ok(Vec::new()) };
        let (mut files, mut room) = (Vec::new(), FILES_BYTES_MAX as u64);
        for picture in job.shown_pictures() {
            let Some(rest) = room.checked_sub(picture.bytes) else { continue };
            let Some(key) = BlobKey::parse(&picture.blob) else { continue };
            let Some(bytes) = self.blobs.get(&key).await? else { continue };
            room = rest;
            let name = picture.file_name.rsplit('/').next().unwrap_or_default().to_owned();
            files.push(File { name, content_type: picture.content_type.clone(), bytes });
        }
        Ok(Letter::fitting(files))
    }
}

fn said(event: Event, at: &Addresses<'_>, preset: &str, words: &Words) -> Said {
    let (facts, public) = (at.facts, at.public);
    let name = facts.file_name.clone().unwrap_or_else(|| words.get("jobs.untitled").to_owned());
    let name = ("name", name.as_str());
    let count = facts.pictures.len();
    let (subject, lead, notes) = match event {
        Event::BatchDone => {
            let counts = facts.counts.unwrap_or_default();
            let [ready, failed, left] = [counts.succeeded, counts.failed, counts.skipped + counts.canceled];
            let [ready, failed, left] = [ready, failed, left].map(|count| count.to_string());
            let values = [name, ("ready", ready.as_str()), ("failed", failed.as_str()), ("left", left.as_str())];
            (words.fill("mail.batch.subject", &[name]), words.fill("mail.batch.lead", &values), Vec::new())
        }
        Event::JobFailed => {
            let told = facts.error.as_ref().map(|error| vec![error.message.clone(), error.hint.clone()]);
            (
                words.fill("mail.failed.subject", &[name]),
                words.fill("mail.failed.lead", &[name]),
                told.unwrap_or_default(),
            )
        }
        Event::JobSucceeded | Event::JobCanceled | Event::PictureUsed | Event::HookTest => {
            let short = facts.pictures.iter().filter(|picture| !picture.passed).count();
            let note = (short > 0).then(|| words.many("mail.done.short", short, &[]));
            let lead = words.fill("mail.done.lead", &[("preset", preset)]);
            (words.many("mail.done.subject", count, &[name]), lead, note.into_iter().collect())
        }
    };
    let links = at.links();
    let own = |path: &str| public.join(path).map_or_else(|_| path.to_owned(), Url::into);
    let host = public.host_str().unwrap_or_default();
    Said {
        subject,
        lead,
        notes,
        page: links.page.unwrap_or_else(|| own("history")),
        zip: links.zip,
        why: words.fill("mail.done.why", &[("host", host), ("url", &own("account"))]),
    }
}
