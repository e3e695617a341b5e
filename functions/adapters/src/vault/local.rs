//! The vault of one machine: the wrapping key is a file.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::{Binding, KEY_LEN, Vault, VaultError, decrypt, encrypt, join, split};
use crate::entropy::Entropy;

/// [`Vault`] with a key from a file, for one machine and for tests.
#[derive(Clone)]
pub struct LocalVault {
    key: Arc<Zeroizing<[u8; KEY_LEN]>>,
    entropy: Arc<dyn Entropy>,
}

impl LocalVault {
    /// A vault with this key.
    #[must_use]
    pub fn new(key: [u8; KEY_LEN], entropy: Arc<dyn Entropy>) -> Self {
        Self { key: Arc::new(Zeroizing::new(key)), entropy }
    }

    /// Reads the key from `path`, or makes a new one there that only its owner can read.
    ///
    /// # Errors
    /// [`VaultError::BadKeyFile`] where the file is no key or cannot be written.
    pub fn from_file(path: &Path, entropy: Arc<dyn Entropy>) -> Result<Self, VaultError> {
        let bad = || VaultError::BadKeyFile { path: path.display().to_string() };
        if !path.exists() {
            let mut key = Zeroizing::new([0; KEY_LEN]);
            entropy.fill(&mut *key);
            write_private(path, &*key).map_err(|_| bad())?;
        }
        let bytes = Zeroizing::new(std::fs::read(path).map_err(|_| bad())?);
        let key = <[u8; KEY_LEN]>::try_from(bytes.as_slice()).map_err(|_| bad())?;
        Ok(Self::new(key, entropy))
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

#[async_trait]
impl Vault for LocalVault {
    async fn seal(&self, binding: &Binding, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        let additional_data = binding.additional_data();
        let data_key = Zeroizing::new(self.random::<KEY_LEN>());
        let wrapped = encrypt(&**self.key, self.random(), &additional_data, &*data_key);
        let body = encrypt(&*data_key, self.random(), &additional_data, secret);
        let sealed = wrapped.zip(body).and_then(|(wrapped, body)| join(&wrapped, &body));
        sealed.ok_or_else(|| VaultError::DoesNotOpen { owner: binding.owner.clone() })
    }

    async fn open(&self, binding: &Binding, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let additional_data = binding.additional_data();
        let opened = split(sealed).and_then(|parts| {
            let data_key = decrypt(&**self.key, &additional_data, parts.wrapped_key)?;
            decrypt(&data_key, &additional_data, parts.body)
        });
        opened.ok_or_else(|| VaultError::DoesNotOpen { owner: binding.owner.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::vault::Purpose;
    use domain::ids::ConnectionId;

    fn vault() -> LocalVault {
        LocalVault::new([7; KEY_LEN], Arc::new(SystemEntropy))
    }

    fn binding(number: u8, purpose: Purpose) -> Binding {
        Binding::new(&ConnectionId::mint([number; 16]), purpose)
    }

    #[tokio::test]
    async fn what_was_sealed_opens_only_where_it_belongs() {
        let home = binding(1, Purpose::RefreshToken);
        let sealed = vault().seal(&home, b"secret").await.unwrap();
        assert_eq!(vault().open(&home, &sealed).await.unwrap().as_slice(), b"secret");
        let customers = Binding::of_customer(&ConnectionId::mint([1; 16]).as_str().parse().unwrap(), Purpose::RefreshToken);
        for elsewhere in [binding(2, Purpose::RefreshToken), binding(1, Purpose::AccessToken), customers] {
            assert!(vault().open(&elsewhere, &sealed).await.is_err(), "{elsewhere:?}");
        }
    }

    #[tokio::test]
    async fn a_flipped_bit_anywhere_is_noticed() {
        let home = binding(1, Purpose::RefreshToken);
        let sealed = vault().seal(&home, b"secret").await.unwrap();
        for place in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[place] ^= 1;
            assert!(vault().open(&home, &damaged).await.is_err(), "{place}");
        }
        assert!(vault().open(&home, &[]).await.is_err());
    }

    #[tokio::test]
    async fn the_same_secret_never_looks_the_same() {
        let home = binding(1, Purpose::RefreshToken);
        let first = vault().seal(&home, b"secret").await.unwrap();
        assert_ne!(first, vault().seal(&home, b"secret").await.unwrap());
    }
}
