//! EIP-1559 transactions, signed elsewhere: no key ever comes here.

use alloy_primitives::{Address, B256, Bytes, keccak256};
use ethers::types::{Eip1559TransactionRequest, transaction::eip2718::TypedTransaction};
use hashlease_domain::{Signature, SignatureError};
use serde::{Deserialize, Serialize};

use super::{convert, error::Error, port::Fees};

/// A transaction before it is signed. It never carries native coins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsigned {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The sender's transaction number.
    pub nonce: u64,
    /// Called contract; none makes a new one.
    pub to: Option<Address>,
    /// Most gas that it may use.
    pub gas_limit: u64,
    /// What it pays for gas.
    pub fees: Fees,
    /// Call data, or the code of the new contract.
    pub calldata: Bytes,
}

/// A signed transaction as it is broadcast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raw {
    /// `0x02 ‖ rlp(…)`.
    pub bytes: Bytes,
    /// Keccak-256 of the bytes: the transaction's name on chain.
    pub hash: B256,
}

impl Unsigned {
    /// Returns what the sender signs (EIP-1559).
    pub fn sighash(&self) -> B256 {
        convert::word(self.typed().sighash().0)
    }

    /// Puts the signature `r ‖ s ‖ v` (`v` 27 or 28) to the transaction.
    ///
    /// # Errors
    /// [`Error::Signature`] where `sender` did not make it.
    pub fn assemble(&self, signature: &[u8; 65], sender: Address) -> Result<Raw, Error> {
        let signer = Signature::from_slice(signature)?.signer(self.sighash())?;
        if signer != sender {
            return Err(SignatureError::WrongSigner { signer, expected: sender }.into());
        }
        let signature = ethers::types::Signature {
            r: ethers::types::U256::from_big_endian(&signature[..32]),
            s: ethers::types::U256::from_big_endian(&signature[32..64]),
            // A typed transaction carries the parity alone.
            v: u64::from(signature[64] - 27),
        };
        let bytes = Bytes::from(self.typed().rlp_signed(&signature).0);
        Ok(Raw { hash: keccak256(&bytes), bytes })
    }

    fn typed(&self) -> TypedTransaction {
        let request = Eip1559TransactionRequest::new()
            .chain_id(self.chain_id)
            .nonce(self.nonce)
            .gas(self.gas_limit)
            .max_fee_per_gas(self.fees.max_fee)
            .max_priority_fee_per_gas(self.fees.priority_fee)
            .data(self.calldata.to_vec());
        match self.to {
            Some(to) => request.to(convert::to_h160(to)),
            None => request,
        }
        .into()
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{address, b256, hex};
    use k256::ecdsa::SigningKey;

    use super::*;

    const SENDER: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");

    fn key() -> SigningKey {
        let key = hex!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
        SigningKey::from_slice(&key).unwrap()
    }

    fn sign(digest: B256) -> [u8; 65] {
        let (signature, recovery) = key().sign_prehash_recoverable(digest.as_slice()).unwrap();
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        bytes[64] = 27 + recovery.to_byte();
        bytes
    }

    fn transfer() -> Unsigned {
        Unsigned {
            chain_id: 31_337,
            nonce: 7,
            to: Some(address!("70997970C51812dc3A010C7d01b50e0d17dc79C8")),
            gas_limit: 90_000,
            fees: Fees { max_fee: 3_000_000_000, priority_fee: 1_000_000 },
            calldata: Bytes::from(hex!("a9059cbb0000000000000000000000000000000000000000000000000000000000000001")),
        }
    }

    /// `cast mktx` 1.7.1 of the same fields, without and with the signature.
    const SIGHASH: B256 = b256!("7eaee8fd1ce1538b16edc8bc6b15b2571bbf4561fff83d5c0a39a22d8b0d9466");
    const RAW: [u8; 147] = hex!(
        "02f890827a6907830f424084b2d05e0083015f909470997970c51812dc3a010c7d01b50e0d17dc79c880a4a9059cbb"
        "0000000000000000000000000000000000000000000000000000000000000001c001"
        "a032e9315f78323b22bd8f81708fa3cf26ee83712b3e9f75dd8b9188f7812f1ca3"
        "a019a832af16319292668e87c30f0d0163b1ed869004b1396e2811facf7ece4f43"
    );

    #[test]
    fn what_is_signed_and_sent_is_what_an_independent_wallet_makes() {
        let unsigned = transfer();
        assert_eq!(unsigned.sighash(), SIGHASH);
        let raw = unsigned.assemble(&sign(SIGHASH), SENDER).unwrap();
        assert_eq!(raw.bytes[..], RAW);
        assert_eq!(raw.hash, b256!("f5029b9493a0962ac6f67684619bdaa074a49b26410d3bc06d61c8a351be8b20"));
    }

    #[test]
    fn a_signature_of_somebody_else_is_refused() {
        let unsigned = transfer();
        let other = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");
        let error = unsigned.assemble(&sign(unsigned.sighash()), other).unwrap_err();
        assert!(matches!(error, Error::Signature(SignatureError::WrongSigner { signer: SENDER, .. })), "{error}");
    }

    #[test]
    fn a_signature_of_another_transaction_is_refused() {
        let signature = sign(transfer().sighash());
        assert!(Unsigned { nonce: 8, ..transfer() }.assemble(&signature, SENDER).is_err());
    }
}
