//! What the letter with a link says, in the reader's language.

use askama::Template;
use url::Url;

use plantain_mail::letter::Letter;

use crate::accounts::LinkToken;
use crate::accounts::account::{LINK_TIME, Link};
use crate::http::words::Words;

#[derive(Template)]
#[template(path = "mail/sign_in.html")]
struct SignInHtml<'a> {
    words: &'static Words,
    host: &'a str,
    lead: &'a str,
    why: &'a str,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "mail/sign_in.txt", escape = "none")]
struct SignInText<'a> {
    lead: &'a str,
    why: &'a str,
    url: &'a str,
}

/// `public`: where browsers reach the studio. No header of any request has a say in it.
pub(crate) fn sign_in(link: &Link, token: &LinkToken, public: &Url) -> Result<Letter, askama::Error> {
    let words = Words::of(&link.language).unwrap_or(Words::english());
    let host = public.host_str().unwrap_or_default();
    let url = format!("{}/sign-in/{}", public.as_str().trim_end_matches('/'), token.reveal());
    let minutes = (LINK_TIME.as_secs() / 60).to_string();
    let lead = words.fill("mail.signin.lead", &[("host", host), ("minutes", &minutes)]);
    let why = words.fill("mail.signin.why", &[("host", host), ("address", &link.address.to_string())]);
    Ok(Letter {
        id: format!("link-{}", link.id.as_str()),
        to: link.address.clone(),
        subject: words.fill("mail.signin.subject", &[("host", host)]),
        text: SignInText { lead: &lead, why: &why, url: &url }.render()?,
        html: SignInHtml { words, host, lead: &lead, why: &why, url: &url }.render()?,
        files: Vec::new(),
        unsubscribe: None,
    })
}
