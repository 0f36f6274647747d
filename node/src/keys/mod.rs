//! Secret keys and the encrypted files that they rest in (Web3 Secret Storage, version 3).

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use alloy_primitives::Address;
use k256::ecdsa::SigningKey;
use zeroize::Zeroizing;

mod keystore;

/// A secp256k1 key that signs for one account. Never printed.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("cannot use key file {path}", path = path.display())]
    Io {
        /// Key file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A key file must not be overwritten.
    #[error("{path} exists: a key is never overwritten, choose another name", path = path.display())]
    Exists {
        /// Key file.
        path: PathBuf,
    },
    /// Others may read the file.
    #[error("{path} may be read by others (mode {mode:o}): run chmod 600 on it", path = path.display())]
    Readable {
        /// Key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Wrong passphrase or damaged file.
    #[error("{path} does not open: the passphrase is wrong or the file is damaged", path = path.display())]
    Locked {
        /// Key file.
        path: PathBuf,
    },
    /// Not a secp256k1 key.
    #[error("a key is 32 bytes between 1 and the order of secp256k1, as 64 hex digits")]
    Malformed,
}

impl SecretKey {
    /// Makes a key from the system's randomness.
    pub fn random() -> Self {
        Self(SigningKey::random(&mut k256::elliptic_curve::rand_core::OsRng))
    }

    /// Takes the 32 bytes of a key.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] where they are no key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        SigningKey::from_slice(bytes).map(Self).map_err(|_| KeyError::Malformed)
    }

    /// Reads 64 hex digits, with or without `0x`.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] where they are no key.
    pub fn from_hex(digits: &str) -> Result<Self, KeyError> {
        let digits = digits.trim();
        let bytes = hex::decode(digits.strip_prefix("0x").unwrap_or(digits)).map_err(|_| KeyError::Malformed)?;
        Self::from_bytes(&Zeroizing::new(bytes))
    }

    /// Returns the account that the key signs for.
    pub fn address(&self) -> Address {
        Address::from_private_key(&self.0)
    }

    /// Returns the key itself, for the guard and the wallet alone.
    pub(crate) fn signing_key(&self) -> &SigningKey {
        &self.0
    }

    /// Encrypts the key into a new file that only its owner may read.
    ///
    /// # Errors
    /// Where the file exists or cannot be written.
    pub fn store(&self, path: &Path, passphrase: &str) -> Result<(), KeyError> {
        let io = |source| KeyError::Io { path: path.to_owned(), source };
        if let Some(dir) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
        }
        let document = keystore::encrypt(&Zeroizing::new(self.0.to_bytes().to_vec()), self.address(), passphrase);
        let created = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut file = match created {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(KeyError::Exists { path: path.to_owned() });
            }
            created => created.map_err(io)?,
        };
        file.write_all(document.as_bytes()).and_then(|()| file.sync_all()).map_err(io)
    }

    /// Opens an encrypted key file.
    ///
    /// # Errors
    /// Where the file cannot be read, others may read it, or the passphrase does not fit.
    pub fn open(path: &Path, passphrase: &str) -> Result<Self, KeyError> {
        let metadata = fs::metadata(path).map_err(|source| KeyError::Io { path: path.to_owned(), source })?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Readable { path: path.to_owned(), mode });
        }
        let locked = || KeyError::Locked { path: path.to_owned() };
        if !keystore::is_sound(path).map_err(|source| KeyError::Io { path: path.to_owned(), source })? {
            return Err(locked());
        }
        let bytes = Zeroizing::new(eth_keystore::decrypt_key(path, passphrase).map_err(|_| locked())?);
        Self::from_bytes(&bytes)
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey({})", self.address())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_file_with_the_right_passphrase_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keystore/node.json");
        let key = SecretKey::random();
        key.store(&path, "correct horse").unwrap();
        assert_eq!(SecretKey::open(&path, "correct horse").unwrap().address(), key.address());
        assert!(matches!(SecretKey::open(&path, "wrong"), Err(KeyError::Locked { .. })));
        assert!(matches!(key.store(&path, "again"), Err(KeyError::Exists { .. })));
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.json");
        SecretKey::random().store(&path, "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(SecretKey::open(&path, "x"), Err(KeyError::Readable { mode: 0o640, .. })));
    }

    #[test]
    fn a_file_that_would_break_or_stall_its_reader_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.json");
        SecretKey::random().store(&path, "x").unwrap();
        let sound = fs::read_to_string(&path).unwrap();
        let n = format!("\"n\":{}", 1 << 17);
        for (member, wrong) in
            [("\"dklen\":32", "\"dklen\":4"), (n.as_str(), "\"n\":1073741824"), ("\"crypto\"", "\"other\"")]
        {
            assert!(sound.contains(member), "{sound}");
            fs::write(&path, sound.replace(member, wrong)).unwrap();
            assert!(matches!(SecretKey::open(&path, "x"), Err(KeyError::Locked { .. })), "{wrong}");
        }
    }

    #[test]
    fn a_keystore_that_another_program_wrote_opens() {
        // The PBKDF2 example of the Web3 Secret Storage definition.
        let document = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
            "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2",
            "kdfparams":{"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
            "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},
            "id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("other.json");
        fs::write(&path, document).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let key = SecretKey::open(&path, "testpassword").unwrap();
        let expected = SecretKey::from_hex("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d").unwrap();
        assert_eq!(key.address(), expected.address());
    }
}
