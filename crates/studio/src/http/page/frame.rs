//! What every page has around it.

use http::HeaderMap;

use crate::http::App;
use crate::http::words::Words;
use crate::http::{assets, language};
use crate::job::Visitor;

pub struct Frame {
    pub words: &'static Words,
    pub lang: &'static str,
    /// The server's time, so that the page's clock counts from where the jobs' does.
    pub now_ms: i64,
    /// What makes the pictures; empty where it doesn't matter.
    pub backend: String,
    /// There is a session that can be ended.
    pub signed_in: bool,
    /// Signed in to an account.
    pub account: bool,
    /// A seller without a name, where letters can be sent.
    pub may_sign_in: bool,
    /// Runs the studio, and is led to what only an operator sees.
    pub operator: bool,
    /// Looks at somebody else's job, and can do nothing with it.
    pub guest: bool,
    /// Where the same can be read in another language: the page's own address, unless that can't be asked for again.
    pub here: &'static str,
}

impl Frame {
    pub fn new(app: &App, headers: &HeaderMap) -> Frame {
        let words = language::of(headers);
        Frame {
            now_ms: app.config.clock.now().as_millisecond(),
            backend: words.told(&app.studio.config().backend_label).into_owned(),
            account: app.signed_in(headers).is_some(),
            may_sign_in: app.studio.has_accounts() && app.is_nameless(headers),
            operator: app.visitor(headers) == Visitor::Operator,
            signed_in: app.config.admin_token.admits(headers),
            ..Frame::plain(words)
        }
    }

    /// For pages about nothing in particular.
    pub fn plain(words: &'static Words) -> Frame {
        Frame {
            words,
            lang: words.lang,
            now_ms: 0,
            backend: String::new(),
            signed_in: false,
            account: false,
            may_sign_in: false,
            operator: false,
            guest: false,
            here: "",
        }
    }

    pub fn t(&self, key: &'static str) -> &'static str {
        self.words.get(key)
    }

    /// The languages that the page could be in instead.
    pub fn others(&self) -> impl Iterator<Item = &'static Words> {
        let lang = self.lang;
        Words::all().iter().filter(move |words| words.lang != lang)
    }

    pub fn asset(&self, name: &str) -> String {
        assets::address(name, self.lang)
    }

    pub fn modules(&self) -> Vec<String> {
        assets::modules(self.lang).collect()
    }
}
