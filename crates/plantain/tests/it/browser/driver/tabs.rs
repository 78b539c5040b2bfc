//! More than one tab: what lies behind another one is hidden, as it is when a seller looks elsewhere.

use serde_json::json;

use super::{Browser, ask};

impl Browser {
    /// Opens a tab before the one that is shown, and gives the name of the one that it hides.
    pub async fn cover(&self) -> String {
        let hidden = ask(self.http.get(self.session.join("window").unwrap())).await;
        let tab = self.post("window/new", json!({ "type": "tab" })).await;
        self.post("window", json!({ "handle": tab["handle"] })).await;
        hidden.as_str().expect("a tab has a name").to_owned()
    }

    /// Closes the tab that is shown and shows another one.
    pub async fn uncover(&self, hidden: &str) {
        ask(self.http.delete(self.session.join("window").unwrap())).await;
        self.post("window", json!({ "handle": hidden })).await;
    }

    /// A script that runs in every page from now on, before its own.
    pub async fn run_before_pages(&self, source: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
    }
}
