//! Whose pages may call the studio's API.

use plantain_studio::http::cors::Cors;
use url::Url;

use super::error::ConfigError;
use super::source::{Sources, Written};

/// `STUDIO_CORS_ORIGINS`.
pub fn parse(sources: &Sources) -> Result<Cors, ConfigError> {
    let Some(written) = sources.get("STUDIO_CORS_ORIGINS") else { return Ok(Cors::Nobody) };
    match written.text.trim() {
        "" | "none" => Ok(Cors::Nobody),
        "*" => Ok(Cors::Anybody),
        list => Ok(Cors::Origins(list.split(',').map(|one| origin(written, one.trim())).collect::<Result<_, _>>()?)),
    }
}

/// As browsers write it.
fn origin(written: &Written, text: &str) -> Result<String, ConfigError> {
    let fix = "write scheme and host, and no path, for example https://shop.example, with commas between; or * for every site";
    let url = Url::parse(text).map_err(|e| written.invalid(format!("`{text}`: {e}"), fix))?;
    let alone = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !matches!(url.scheme(), "http" | "https") || !alone {
        return Err(written.invalid(format!("`{text}` is not the origin of a page"), fix));
    }
    Ok(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(text: &str) -> Result<Cors, ConfigError> {
        parse(&Sources::of([("STUDIO_CORS_ORIGINS", text.to_owned())]).unwrap())
    }

    #[test]
    fn sites_are_named_as_browsers_name_them() {
        let origins = |all: &[&str]| Cors::Origins(all.iter().map(|one| (*one).to_owned()).collect());
        assert_eq!(parse(&Sources::default()).unwrap(), Cors::Nobody);
        for (text, meant) in [
            ("*", Cors::Anybody),
            ("none", Cors::Nobody),
            ("https://shop.example", origins(&["https://shop.example"])),
            (
                "https://Shop.example:443/, http://localhost:3000",
                origins(&["https://shop.example", "http://localhost:3000"]),
            ),
        ] {
            assert_eq!(cors(text).unwrap(), meant, "{text}");
        }
        for wrong in [
            "shop.example",
            "https://shop.example/page",
            "ftp://shop.example",
            "https://u@shop.example",
            "*,https://a.example",
        ] {
            let said = cors(wrong).unwrap_err().to_string();
            assert!(said.contains("STUDIO_CORS_ORIGINS") && said.contains("https://shop.example"), "{wrong}: {said}");
        }
    }
}
