//! An address with places for the endpoint: one server may serve many.

use plantain_wire::endpoint::EndpointId;
use url::Url;

/// A web address in which `{endpoint}` stands for the whole endpoint id and `{path}` for what follows the application.
///
/// Endpoint ids need no escaping, so a template that was checked once always gives an address on the same host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

/// The text is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("it is no http or https address")]
    NotAnAddress,
    #[error("it contains a user name or password; send them in a header")]
    Credentials,
    #[error("{{endpoint}} and {{path}} may stand in the path only, and nothing else in braces")]
    Placeholder,
}

impl Template {
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        let url = Url::parse(&text.replace("{endpoint}", "a/b").replace("{path}", "c"));
        let url = url.map_err(|_| TemplateError::NotAnAddress)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TemplateError::NotAnAddress);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TemplateError::Credentials);
        }
        let host_ends = text.find("://").and_then(|at| Some(at + 3 + text[at + 3..].find('/')?)).unwrap_or(text.len());
        let braces = |part: &str| part.contains(['{', '}']);
        let rest = text[host_ends..].replace("{endpoint}", "").replace("{path}", "");
        if braces(&text[..host_ends]) || braces(&rest) {
            return Err(TemplateError::Placeholder);
        }
        Ok(Template(text.to_owned()))
    }

    /// The address for one endpoint.
    pub fn fill(&self, endpoint: &EndpointId) -> Url {
        let text = self.0.replace("{endpoint}", endpoint.as_str()).replace("{path}", endpoint.path().unwrap_or(""));
        Url::parse(&text).expect("a template was parsed once, and an endpoint id is safe in a path")
    }

    /// The text, as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_in_the_path() {
        let id: EndpointId = "me/app/v2/edit".parse().unwrap();
        let bare: EndpointId = "me/app".parse().unwrap();
        for (template, filled, with_bare) in [
            ("http://127.0.0.1:5000/", "http://127.0.0.1:5000/", "http://127.0.0.1:5000/"),
            ("http://gpu:5000/{path}", "http://gpu:5000/v2/edit", "http://gpu:5000/"),
            (
                "https://a.test/run/{endpoint}?x=1",
                "https://a.test/run/me/app/v2/edit?x=1",
                "https://a.test/run/me/app?x=1",
            ),
        ] {
            let template = Template::parse(template).unwrap();
            assert_eq!(template.fill(&id).as_str(), filled);
            assert_eq!(template.fill(&bare).as_str(), with_bare);
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        for (text, why) in [
            ("127.0.0.1:5000", TemplateError::NotAnAddress),
            ("ftp://a.test/", TemplateError::NotAnAddress),
            ("http://", TemplateError::NotAnAddress),
            ("http://u:p@a.test/", TemplateError::Credentials),
            ("http://{path}.a.test/", TemplateError::Placeholder),
            ("http://a.test/{model}", TemplateError::Placeholder),
            ("http://a.test/{path", TemplateError::Placeholder),
        ] {
            assert_eq!(Template::parse(text), Err(why), "{text}");
        }
    }
}
