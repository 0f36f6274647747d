//! The key by which V2 miners know the farm, and its certificates.

use std::fmt;
use std::time::Duration;

use bitcoin::base58;
use k256::SecretKey;
use k256::elliptic_curve::rand_core::OsRng;
use k256::elliptic_curve::sec1::ToEncodedPoint as _;
use noise_sv2::Responder;
use zeroize::Zeroizing;

/// What precedes a public key in its written form: version 1, little-endian.
const VERSION: [u8; 2] = [1, 0];
/// Time for which a certificate holds. Each connection gets a new one, and looks at it once.
const CERTIFICATE: Duration = Duration::from_secs(24 * 60 * 60);

/// A text is no authority key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an authority key is a secp256k1 secret of 32 bytes in base58check")]
pub struct AuthorityKeyError;

/// The farm's authority key pair: it signs the certificates of Noise handshakes (Stratum V2, section 4.5). Its secret is
/// never printed.
pub struct AuthorityKey {
    secret: Zeroizing<[u8; 32]>,
    /// The x coordinate alone (BIP 340).
    public: [u8; 32],
}

impl AuthorityKey {
    /// Makes a key from the system's randomness.
    pub fn random() -> Self {
        Self::of(&SecretKey::random(&mut OsRng))
    }

    /// Reads a secret key as pools and proxies keep theirs.
    ///
    /// # Errors
    /// Where it isn't base58check of a secp256k1 secret.
    pub fn parse(text: &str) -> Result<Self, AuthorityKeyError> {
        let bytes = Zeroizing::new(base58::decode_check(text).map_err(|_| AuthorityKeyError)?);
        let bytes: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| AuthorityKeyError)?;
        SecretKey::from_slice(bytes).map(|secret| Self::of(&secret)).map_err(|_| AuthorityKeyError)
    }

    /// Writes the secret key, as [`AuthorityKey::parse`] reads it.
    pub fn secret(&self) -> Zeroizing<String> {
        Zeroizing::new(base58::encode_check(self.secret.as_slice()))
    }

    /// Writes the public key in the form that miners are configured with.
    pub fn public(&self) -> String {
        base58::encode_check(&[VERSION.as_slice(), &self.public].concat())
    }

    fn of(secret: &SecretKey) -> Self {
        let mut public = [0; 32];
        // The point at infinity has no secret key.
        if let Some(x) = secret.public_key().to_encoded_point(true).x() {
            public.copy_from_slice(x);
        }
        Self { secret: Zeroizing::new(secret.to_bytes().into()), public }
    }

    /// Begins a handshake as the one that is called, under a certificate of its own.
    pub(super) fn responder(&self) -> Result<Box<Responder>, noise_sv2::Error> {
        Responder::from_authority_kp(&self.public, &self.secret, CERTIFICATE)
    }
}

impl fmt::Debug for AuthorityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuthorityKey").field(&self.public()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pair that the reference implementation's own sample configurations carry.
    const SECRET: &str = "mkDLTBBRxdBv998612qipDYoTK3YUrqLe8uWw7gu3iXbSrn2n";
    const PUBLIC: &str = "9auqWEzQDVyd2oe1JVGFLMLHZtCo2FFqZwtKA5gd9xbuEu7PH72";

    #[test]
    fn keys_are_read_and_written_as_the_reference_implementation_does() {
        let key = AuthorityKey::parse(SECRET).unwrap();
        assert_eq!((key.public().as_str(), key.secret().as_str()), (PUBLIC, SECRET));
        assert!(key.responder().is_ok());
    }

    #[test]
    fn a_new_key_comes_back_from_its_text_and_is_never_printed() {
        let key = AuthorityKey::random();
        let secret = key.secret();
        assert_eq!(AuthorityKey::parse(&secret).unwrap().public(), key.public());
        assert_ne!(AuthorityKey::random().public(), key.public());
        let printed = format!("{key:?}");
        assert!(printed.contains(&key.public()) && !printed.contains(secret.as_str()));
    }

    #[test]
    fn what_is_no_secret_key_is_refused() {
        let zero = base58::encode_check(&[0; 32]);
        let short = base58::encode_check(&[1; 31]);
        for text in ["", "hunter2", PUBLIC, &SECRET[1..], &zero, &short] {
            assert_eq!(AuthorityKey::parse(text).err(), Some(AuthorityKeyError), "{text}");
        }
    }
}
