//! Self-contained opaque strings: a base64url payload with an HMAC, so that no token needs to be remembered.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a sealed string is for; one sealed for one purpose does not open for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    AccessToken,
    AuthorizationCode,
    DeltaToken,
    PageForm,
    RefreshToken,
    SkipToken,
}

impl Purpose {
    /// The visible beginning of the string, also bound into its MAC.
    const fn prefix(self) -> &'static str {
        match self {
            Self::AccessToken => "EwB.",
            Self::AuthorizationCode => "1.AUc.",
            Self::DeltaToken => "Dt.",
            Self::PageForm => "Pf.",
            Self::RefreshToken => "1.ARt.",
            Self::SkipToken => "Sk.",
        }
    }
}

/// The world's own MAC key; saved with it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Seal(String);

impl Seal {
    /// A key from 32 drawn bytes.
    pub(crate) fn from_draws(mut draw: impl FnMut() -> u64) -> Self {
        let bytes: Vec<u8> = (0..4).flat_map(|_| draw().to_be_bytes()).collect();
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Seals `payload` for one purpose.
    pub(crate) fn seal<T: Serialize>(&self, purpose: Purpose, payload: &T) -> String {
        let json = serde_json::to_vec(payload).expect("payloads are plain structs, which serialise to JSON");
        let body = format!("{}{}", purpose.prefix(), URL_SAFE_NO_PAD.encode(json));
        let tag = hmac::sign(&self.key(), body.as_bytes());
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    }

    /// Opens a string sealed by this world for this purpose; anything else is `None`.
    pub(crate) fn open<T: DeserializeOwned>(&self, purpose: Purpose, sealed: &str) -> Option<T> {
        let (body, tag) = sealed.rsplit_once('.')?;
        let payload = body.strip_prefix(purpose.prefix())?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.key(), body.as_bytes(), &tag).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        Seal::from_draws(|| 7)
    }

    #[test]
    fn a_string_opens_only_for_its_purpose() {
        let sealed = seal().seal(Purpose::RefreshToken, &42);
        assert_eq!(seal().open::<u32>(Purpose::RefreshToken, &sealed), Some(42));
        assert_eq!(seal().open::<u32>(Purpose::AccessToken, &sealed), None);
    }

    #[test]
    fn a_changed_character_or_another_world_does_not_open_it() {
        let sealed = seal().seal(Purpose::RefreshToken, &42);
        let changed = sealed.replacen("1.ARt.", "1.ARt.A", 1);
        assert_eq!(seal().open::<u32>(Purpose::RefreshToken, &changed), None);
        let other = Seal::from_draws(|| 8);
        assert_eq!(other.open::<u32>(Purpose::RefreshToken, &sealed), None);
    }
}
