//! Addresses by which a person is found, besides the object id: mail and user principal name, each whole, upper and lower case as one.

use super::{Person, Value};

/// The longest address by which a person can be found, in bytes of its lower case: DynamoDB sorts by no longer keys.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub const ADDRESS_BYTES_MAX: usize = 1024;

/// Which of a person's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// Where the person gets mail; several people may share it.
    Mail,
    /// The name that the person signs in with.
    UserPrincipalName,
}

impl AddressKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Mail, Self::UserPrincipalName];

    /// The attribute that holds it, by Graph's name.
    #[must_use]
    pub fn attribute(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::UserPrincipalName => "userPrincipalName",
        }
    }
}

/// An address, as it is compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    kind: AddressKind,
    key: String,
}

impl Address {
    /// The address that a text is; `None` where it is empty or longer than [`ADDRESS_BYTES_MAX`].
    #[must_use]
    pub fn new(kind: AddressKind, text: &str) -> Option<Self> {
        let key = text.trim().to_lowercase();
        (1..=ADDRESS_BYTES_MAX).contains(&key.len()).then_some(Self { kind, key })
    }

    /// A person's address of a kind, where one is set by which the person can be found.
    #[must_use]
    pub fn of(person: &Person, kind: AddressKind) -> Option<Self> {
        person.attributes.get(kind.attribute()).and_then(Value::text).and_then(|text| Self::new(kind, text))
    }

    /// Whether the person has this address.
    #[must_use]
    pub fn is_of(&self, person: &Person) -> bool {
        Self::of(person, self.kind).as_ref() == Some(self)
    }

    /// Which of a person's addresses it is.
    #[must_use]
    pub fn kind(&self) -> AddressKind {
        self.kind
    }

    /// The text that is compared: in lower case, without spaces around it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ObjectId;

    fn person(mail: &str) -> Person {
        let attributes = [("mail".to_owned(), Value::Text(mail.to_owned()))].into();
        Person { id: ObjectId(uuid::Uuid::nil()), attributes, manager: None }
    }

    #[test]
    fn an_address_is_the_same_in_any_case_and_no_other() {
        let asked = Address::new(AddressKind::Mail, " Ada.LOVELACE@Contoso.example ").unwrap();
        assert_eq!(asked.key(), "ada.lovelace@contoso.example");
        assert!(asked.is_of(&person("ADA.Lovelace@contoso.EXAMPLE")));
        assert!(!asked.is_of(&person("ada.lovelace@contoso.example.org")));
        assert!(!asked.is_of(&person("")));
        let name = Address::new(AddressKind::UserPrincipalName, "ada.lovelace@contoso.example").unwrap();
        assert!(!name.is_of(&person("ada.lovelace@contoso.example")), "a mail is no user principal name");
    }

    #[test]
    fn what_no_key_can_be_made_of_is_no_address() {
        for text in ["", "  ", &"x".repeat(1025), &"İ".repeat(400)] {
            assert_eq!(Address::new(AddressKind::Mail, text), None, "{text}");
            assert_eq!(Address::of(&person(text), AddressKind::Mail), None, "{text}");
        }
        assert!(Address::new(AddressKind::Mail, &"x".repeat(1024)).is_some());
    }
}
