//! The operator's mail server, and who letters come from.

use plantain_mail::Mailer;
use plantain_mail::address::Sender;
use plantain_mail::server::MailServer;
use plantain_studio::http::letters::Writers;

use super::error::ConfigError;
use super::source::Sources;

/// Certificates beyond this are none.
const CERTIFICATE_BYTES_MAX: usize = 1 << 20;

/// `SMTP_URL`, `SMTP_CA`, `MAIL_FROM`; `None`: no letters are sent.
pub fn parse(sources: &Sources) -> Result<Option<Mailer>, ConfigError> {
    let (url, from) = match (sources.get("SMTP_URL"), sources.get("MAIL_FROM")) {
        (None, None) => return Ok(None),
        (Some(url), Some(from)) => (url, from),
        (Some(url), None) => {
            return Err(url.invalid(
                "nobody is named whom letters come from",
                "set MAIL_FROM too, for example `Photo studio <photos@shop.example>`",
            ));
        }
        (None, Some(from)) => {
            return Err(from.invalid(
                "there is no server that letters are handed to",
                "set SMTP_URL too, for example smtps://user:password@mail.shop.example",
            ));
        }
    };
    let roots = sources.get("SMTP_CA").map(|written| {
        let fix = "name a file with one or more certificates in PEM form";
        let bytes = std::fs::read(written.text.trim()).map_err(|error| written.invalid(error.to_string(), fix))?;
        if bytes.len() > CERTIFICATE_BYTES_MAX {
            return Err(written.invalid("the file is larger than 1 MB", fix));
        }
        Ok(bytes)
    });
    let roots = roots.transpose()?;
    let server = MailServer::parse(&url.text, roots.as_deref()).map_err(|error| {
        let fix = "write smtps://user:password@host (port 465) or smtp://user:password@host (port 587, STARTTLS), with name and password percent-encoded; ?tls=none leaves encryption out";
        url.invalid(error.to_string(), fix)
    })?;
    let from = Sender::parse(&from.text).map_err(|error| {
        from.invalid(error.to_string(), "write an address, or `Photo studio <photos@shop.example>`")
    })?;
    Ok(Some(Mailer::new(server, from)))
}

/// `NOTIFY_EMAIL`.
pub fn writers(sources: &Sources) -> Result<Writers, ConfigError> {
    let Some(written) = sources.get("NOTIFY_EMAIL") else { return Ok(Writers::default()) };
    match written.text.trim() {
        "everybody" => Ok(Writers::Everybody),
        "known" => Ok(Writers::Known),
        "nobody" => Ok(Writers::Nobody),
        _ => Err(written.invalid("it is none of its words", "write everybody, known or nobody")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_have_letters_sent_is_one_of_three_words() {
        let read = |text: &str| writers(&Sources::of([("NOTIFY_EMAIL", text.to_owned())]).unwrap());
        assert_eq!(writers(&Sources::default()).unwrap(), Writers::Everybody);
        for (text, meant) in
            [("everybody", Writers::Everybody), (" known ", Writers::Known), ("nobody", Writers::Nobody)]
        {
            assert_eq!(read(text).unwrap(), meant, "{text}");
        }
        let said = read("friends").unwrap_err().to_string();
        assert!(said.contains("NOTIFY_EMAIL") && said.contains("known"), "{said}");
    }

    fn mailer(pairs: &[(&'static str, &str)]) -> Result<Option<Mailer>, ConfigError> {
        parse(&Sources::of(pairs.iter().map(|(name, text)| (*name, (*text).to_owned()))).unwrap())
    }

    #[test]
    fn letters_need_a_server_and_a_sender() {
        let (url, from) =
            (("SMTP_URL", "smtps://u:hunter2@mail.example"), ("MAIL_FROM", "Studio <photos@shop.example>"));
        assert!(mailer(&[]).unwrap().is_none());
        let mailer_shown = format!("{:?}", mailer(&[url, from]).unwrap());
        assert!(mailer_shown.contains("mail.example:465") && !mailer_shown.contains("hunter2"), "{mailer_shown}");
        for (pairs, names) in [
            (&[url][..], ["SMTP_URL", "MAIL_FROM"]),
            (&[from], ["MAIL_FROM", "SMTP_URL"]),
            (&[("SMTP_URL", "mail.example"), from], ["SMTP_URL", "smtps://"]),
            (&[("SMTP_URL", "smtp://u:hunter2@mail.example?tls=none"), from], ["SMTP_URL", "without encryption"]),
            (&[url, ("MAIL_FROM", "Studio")], ["MAIL_FROM", "photos@shop.example"]),
            (&[url, from, ("SMTP_CA", "/nowhere/ca.pem")], ["SMTP_CA", "PEM"]),
        ] {
            let said = mailer(pairs).unwrap_err().to_string();
            assert!(names.iter().all(|name| said.contains(name)) && !said.contains("hunter2"), "{said}");
        }
    }
}
