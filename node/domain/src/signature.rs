//! ECDSA signatures over EIP-712 digests: recoverable, low-s, 65 bytes `r ‖ s ‖ v`.

use alloy_primitives::{Address, B256, Signature as Recoverable, hex};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::eip712::{Domain, Eip712};

/// A signature as the escrow takes it: `r ‖ s ‖ v` with `v` 27 or 28.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature([u8; 65]);

/// Why a signature is not the one that is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Wrong length or recovery id.
    #[error("a signature has 65 bytes r, s, v with v 27 or 28")]
    Malformed,
    /// The second form of the same signature, which the escrow refuses.
    #[error("signature has a high s: sign again with the low one (EIP-2)")]
    HighS,
    /// No public key fits.
    #[error("no key can have made the signature")]
    Unrecoverable,
    /// Another key made it.
    #[error("signed by {signer}, expected {expected}")]
    WrongSigner {
        /// Who signed.
        signer: Address,
        /// Who should have.
        expected: Address,
    },
}

impl Signature {
    /// Wraps the 65 bytes `r ‖ s ‖ v`.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] for another length or another `v` than 27 and 28.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, SignatureError> {
        let bytes: [u8; 65] = bytes.try_into().map_err(|_| SignatureError::Malformed)?;
        if matches!(bytes[64], 27 | 28) { Ok(Self(bytes)) } else { Err(SignatureError::Malformed) }
    }

    /// Returns `r ‖ s ‖ v`.
    pub fn as_bytes(&self) -> &[u8; 65] {
        &self.0
    }

    /// Returns who signed `digest`.
    ///
    /// # Errors
    /// For a high s, and where no key fits.
    pub fn signer(&self, digest: B256) -> Result<Address, SignatureError> {
        let recoverable = Recoverable::from_bytes_and_parity(&self.0[..64], self.0[64] == 28);
        if recoverable.normalize_s().is_some() {
            return Err(SignatureError::HighS);
        }
        recoverable.recover_address_from_prehash(&digest).map_err(|_| SignatureError::Unrecoverable)
    }

    /// Checks that `expected` signed `message` in `domain`.
    ///
    /// # Errors
    /// Where somebody else did, or nobody can have.
    pub fn verify<T: Eip712>(&self, domain: &Domain, message: &T, expected: Address) -> Result<(), SignatureError> {
        let signer = self.signer(domain.digest(message))?;
        if signer == expected { Ok(()) } else { Err(SignatureError::WrongSigner { signer, expected }) }
    }
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode_prefixed(self.0))
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex::serialize(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: Vec<u8> = hex::deserialize(deserializer)?;
        Self::from_slice(&bytes).map_err(D::Error::custom)
    }
}

/// An order with its maker's signature. A contract wallet's (ERC-1271) may have any length, so the
/// bytes are kept as they came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed<T> {
    /// What was signed.
    pub order: T,
    /// The maker's signature.
    #[serde(with = "hex")]
    pub signature: Vec<u8>,
}
