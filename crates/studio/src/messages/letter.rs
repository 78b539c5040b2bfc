//! A letter about one job or batch, to an address that its maker gave. Pure.

use plantain_mail::address::MailAddress;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::job::Owner;

/// Whom one job's or batch's end is to be told by letter, and in which language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterTo {
    #[serde(serialize_with = "written", deserialize_with = "read")]
    pub address: MailAddress,
    /// Its tag.
    pub language: String,
}

fn written<S: Serializer>(address: &MailAddress, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(address)
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MailAddress, D::Error> {
    let text = String::deserialize(deserializer)?;
    MailAddress::parse(&text).map_err(serde::de::Error::custom)
}

/// Nobody knows who asks: whoever throws a browser's session away gets another one, and an account is had for any mailbox. So
/// what they write, and the pictures that they upload, go into no letter to an address that they merely name.
pub fn is_strangers(owner: Option<&Owner>) -> bool {
    owner.is_none_or(|owner| owner.is_session() || owner.as_account().is_some())
}

/// A mailbox as the count of what goes to it knows it.
pub fn receiver(address: &MailAddress) -> String {
    format!("mailbox {}", address.key())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::account::AccountId;

    #[test]
    fn an_address_is_kept_as_it_is_written_to() {
        let to = LetterTo { address: MailAddress::parse("Asha@Shop.example").unwrap(), language: "hi".into() };
        let json = serde_json::to_string(&to).unwrap();
        assert_eq!(json, r#"{"address":"Asha@shop.example","language":"hi"}"#);
        assert_eq!(serde_json::from_str::<LetterTo>(&json).unwrap(), to);
        assert!(serde_json::from_str::<LetterTo>(&json.replace('@', " ")).is_err());
    }

    #[test]
    fn whoever_does_not_answer_to_the_operator_is_a_stranger() {
        let account = Owner::account(&AccountId::random());
        for (owner, is) in [
            (None, true),
            (Some(Owner::session("a")), true),
            (Some(account), true),
            (Some(Owner::key("shop")), false),
            (Some(Owner::operator()), false),
        ] {
            assert_eq!(is_strangers(owner.as_ref()), is, "{owner:?}");
        }
    }
}
