//! A seller's wish to be told by WhatsApp, as it is kept with a job or a batch. Pure.

use std::fmt;

use plantain_whatsapp::Number;
use plantain_whatsapp::number::NoNumber;
use serde::{Deserialize, Serialize};

/// A number as the count of what goes to it knows it.
pub fn receiver(digits: &str) -> String {
    format!("number {digits}")
}

/// Whom to tell, and in which language. Debug output shows the number's end alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatsappWish {
    /// Digits with the country code.
    number: String,
    /// A language of the pages, in which the template has to be approved.
    pub language: String,
}

impl WhatsappWish {
    /// A number as somebody typed it.
    pub fn parse(text: &str) -> Result<WhatsappWish, NoNumber> {
        let number = Number::parse(text)?;
        Ok(WhatsappWish { number: number.digits().to_owned(), language: "en".to_owned() })
    }

    pub fn in_language(self, language: &str) -> WhatsappWish {
        WhatsappWish { language: language.to_owned(), ..self }
    }

    pub fn digits(&self) -> &str {
        &self.number
    }
}

impl fmt::Debug for WhatsappWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = Number::parse(&self.number).map(|number| number.shown()).unwrap_or_default();
        write!(f, "WhatsappWish({end}, {})", self.language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_kept_in_digits_and_shown_to_nobody() {
        let wish = WhatsappWish::parse(" +91 98765-43210").unwrap().in_language("hi");
        assert_eq!((wish.digits(), wish.language.as_str()), ("919876543210", "hi"));
        assert_eq!(format!("{wish:?}"), "WhatsappWish(…210, hi)");
        assert!(WhatsappWish::parse("098765").is_err());
        let kept = serde_json::to_string(&wish).unwrap();
        assert_eq!(serde_json::from_str::<WhatsappWish>(&kept).unwrap(), wish);
    }
}
