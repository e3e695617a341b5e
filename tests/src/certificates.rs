//! Certificates of our own making, for an operator that has one.

use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd};

/// A certificate and its key, as PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// What Entra is given.
    pub public: String,
    /// What signs.
    pub key: String,
}

impl Certificate {
    /// One that is valid from the first year's beginning to the other year's.
    ///
    /// # Panics
    /// When the system gives no randomness.
    #[must_use]
    pub fn valid(from: i32, until: i32) -> Self {
        let key = rsa();
        let mut params = CertificateParams::new(vec!["evergrant.example".to_owned()]).expect("it is a name");
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
        let certificate = params.self_signed(&key).expect("a key signs its own certificate");
        Self { public: certificate.pem(), key: key.serialize_pem() }
    }
}

/// A new RSA key.
pub(crate) fn rsa() -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("the system has randomness")
}
