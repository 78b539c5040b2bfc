//! A message as a letter: to a seller with a name, or to an address that a job's maker gave; in their language, with the pictures
//! beside it unless nobody knows who made them, and with a link that stops such letters.

use askama::Template;

use plantain_blobs::BlobKey;
use plantain_mail::address::MailAddress;
use plantain_mail::letter::{FILES_BYTES_MAX, File, Letter};
use url::Url;

use crate::accounts::Post;
use crate::accounts::silence::Mailbox;
use crate::error::StudioError;
use crate::http::words::Words;
use crate::job::{JobId, Owner};
use crate::messages::facts::{Facts, REFUSED};
use crate::messages::letter;
use crate::messages::message::{Event, Message};
use crate::messages::sending::{Sent, Unsent};
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
    /// Stops such letters.
    stop: Option<String>,
}

/// Who reads a letter.
struct Reader {
    words: &'static Words,
    /// They wished for it in their account.
    has_account: bool,
    /// Whoever made the pictures is nobody whom the studio knows.
    is_strangers: bool,
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
        match self.letter(message, post).await {
            Ok(Ok(letter)) => Sent::of_letter(post.mailer.send(&letter, &self.clock).await),
            Ok(Err(unsent)) => unsent.into(),
            Err(error) => Sent::later(&error.to_string()),
        }
    }

    /// The inner error: there is nobody to be written to, or nothing to write.
    async fn letter(&self, message: &Message, post: &Post) -> Result<Result<Letter, Unsent>, StudioError> {
        let never = |why| Ok(Err(Unsent::Never(why)));
        let Ok(to) = MailAddress::parse(&message.target) else { return never("Its address can't be read.") };
        let Some(facts) = Facts::of_body(&message.body) else { return never("What it says can't be read.") };
        let mailbox = Mailbox::of(&to);
        if self.store.is_silent(&mailbox).await? {
            return Ok(Err(Unsent::Unwanted("Whoever has the mailbox wants no letters.")));
        }
        let Some(reader) = self.reader(message, &facts, &to).await? else { return never("Its account is gone.") };
        let words = reader.words;
        let preset = facts.preset.as_deref().map(|id| match self.presets.get(id) {
            Ok(preset) if !preset.title.is_empty() => words.told(&preset.title),
            _ => id.into(),
        });
        let at = Addresses {
            facts: &facts,
            public: &self.config.public_url,
            token: token(message, &facts, &self.messages.links),
        };
        let stop = post.stop_url(&mailbox, &self.config.public_url);
        let said = said(message.event, &at, &preset.unwrap_or_default(), &reader, stop.as_ref());
        let rendered = DoneText { words, said: &said }
            .render()
            .and_then(|text| Ok((text, DoneHtml { words, said: &said }.render()?)));
        let Ok((text, html)) = rendered else {
            tracing::error!("messages.letter_unrendered: a bug in a template");
            return never("The letter can't be written.");
        };
        let files = match (&facts.job, message.event) {
            (Some(job), Event::JobSucceeded) if !reader.is_strangers => self.files(job).await?,
            _ => Vec::new(),
        };
        let id = format!("message-{}", message.id);
        Ok(Ok(Letter { id, to, subject: said.subject, text, html, files, unsubscribe: stop }))
    }

    /// `None`: an account that is gone, or has another address by now.
    async fn reader(&self, message: &Message, facts: &Facts, to: &MailAddress) -> Result<Option<Reader>, StudioError> {
        let words = |tag: &str| Words::of(tag).unwrap_or(Words::english());
        let account = match message.owner.as_ref().and_then(Owner::as_account) {
            Some(id) => self.store.account_of(&id).await?,
            None => None,
        };
        if message.hook.is_none() {
            let words = words(facts.language.as_deref().unwrap_or_default());
            // Their own mailbox is no stranger's.
            let is_own = account.is_some_and(|account| account.address.key() == to.key());
            let is_strangers = !is_own && letter::is_strangers(message.owner.as_ref());
            return Ok(Some(Reader { words, has_account: false, is_strangers }));
        }
        let account = account.filter(|account| account.address == *to);
        Ok(account.map(|account| Reader { words: words(&account.language), has_account: true, is_strangers: false }))
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

fn said(event: Event, at: &Addresses<'_>, preset: &str, reader: &Reader, stop: Option<&Url>) -> Said {
    let (facts, public, words) = (at.facts, at.public, reader.words);
    let name = facts.file_name.clone().filter(|_| !reader.is_strangers);
    let name = name.unwrap_or_else(|| words.get("jobs.untitled").to_owned());
    let name = ("name", name.as_str());
    let count = facts.pictures.len();
    let (subject, lead, notes) = match event {
        Event::BatchDone => {
            let counts = facts.counts.unwrap_or_default();
            let [ready, failed, left] = [counts.succeeded, counts.failed, counts.skipped + counts.canceled];
            let [ready, failed, left] = [ready, failed, left].map(|count| count.to_string());
            let values = [name, ("ready", ready.as_str()), ("failed", failed.as_str()), ("left", left.as_str())];
            let lead = if facts.status == REFUSED { "mail.batch.refused" } else { "mail.batch.lead" };
            (words.fill("mail.batch.subject", &[name]), words.fill(lead, &values), reasons(facts, reader))
        }
        Event::JobFailed => {
            let (subject, lead) = ("mail.failed.subject", "mail.failed.lead");
            (words.fill(subject, &[name]), words.fill(lead, &[name]), reasons(facts, reader))
        }
        // Any endpoint's answer, which may be a film or words.
        Event::JobSucceeded if preset.is_empty() => {
            (words.get("mail.any.subject").to_owned(), words.get("mail.any.lead").to_owned(), Vec::new())
        }
        Event::JobSucceeded | Event::JobCanceled | Event::PictureUsed | Event::HookTest => {
            let short = facts.pictures.iter().filter(|picture| !picture.passed).count();
            let note = (short > 0).then(|| words.many("mail.done.short", short, &[]));
            let lead = if reader.is_strangers { "mail.done.linked" } else { "mail.done.lead" };
            let lead = words.fill(lead, &[("preset", preset)]);
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
        why: match reader.has_account {
            true => words.fill("mail.done.why", &[("host", host), ("url", &own("account"))]),
            false => words.fill("mail.job.why", &[("host", host)]),
        },
        stop: stop.map(Url::to_string),
    }
}

/// Why nothing came of it, and what to do; to a stranger nothing, since names and words of whoever asked may stand in it.
fn reasons(facts: &Facts, reader: &Reader) -> Vec<String> {
    let told = facts.error.as_ref().filter(|_| !reader.is_strangers).map(|error| [&error.message, &error.hint]);
    told.into_iter().flatten().map(|text| reader.words.told(text).into_owned()).collect()
}
