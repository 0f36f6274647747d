//! A buyer's key. Beside the guard of the node's own key this is the only place that signs; the key lives no longer than the
//! command.

use std::path::Path;

use alloy_primitives::{Address, B256};
use hashlease_domain::{Bid, Domain, Signed};

use crate::{
    keys::{KeyError, SecretKey},
    settlement::{self, Raw, Unsigned},
};

/// Why a wallet did not sign.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// The key file does not open.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The bid is another wallet's.
    #[error("the bid is {buyer}'s, the wallet is {own}'s: open the buyer's wallet")]
    AnotherBuyer {
        /// Whose bid it is.
        buyer: Address,
        /// Whose wallet it is.
        own: Address,
    },
    /// The cryptography failed.
    #[error("the wallet's key could not sign")]
    Signing,
    /// The signature does not fit the transaction.
    #[error("the transaction was not signed")]
    Transaction(#[source] settlement::Error),
}

/// An open wallet.
#[derive(Debug)]
pub(super) struct Wallet(SecretKey);

impl Wallet {
    /// Opens an encrypted key file.
    pub(super) fn open(path: &Path, passphrase: &str) -> Result<Self, WalletError> {
        Ok(Self(SecretKey::open(path, passphrase)?))
    }

    #[cfg(test)]
    pub(super) fn of(key: SecretKey) -> Self {
        Self(key)
    }

    /// Returns the account.
    pub(super) fn address(&self) -> Address {
        self.0.address()
    }

    /// Returns `bid` under the wallet's signature.
    pub(super) fn bid(&self, domain: &Domain, bid: Bid) -> Result<Signed<Bid>, WalletError> {
        if bid.buyer != self.address() {
            return Err(WalletError::AnotherBuyer { buyer: bid.buyer, own: self.address() });
        }
        let signature = self.sign(domain.digest(&bid))?.to_vec();
        Ok(Signed { order: bid, signature })
    }

    /// Returns `unsigned` as it is broadcast.
    pub(super) fn transaction(&self, unsigned: &Unsigned) -> Result<Raw, WalletError> {
        let signature = self.sign(unsigned.sighash())?;
        unsigned.assemble(&signature, self.address()).map_err(WalletError::Transaction)
    }

    /// Returns `r ‖ s ‖ v`, with a low s (RFC 6979 nonces, EIP-2).
    fn sign(&self, digest: B256) -> Result<[u8; 65], WalletError> {
        let signed = self.0.signing_key().sign_prehash_recoverable(digest.as_slice());
        let (signature, parity) = signed.map_err(|_| WalletError::Signing)?;
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        bytes[64] = 27 + u8::from(parity.is_y_odd());
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{U256, address, b256, hex};

    use super::*;

    /// The bid of `contracts/test/vectors/eip712.json`, which eth-account signed and viem checked.
    fn vector() -> (Domain, Bid) {
        let domain = Domain { chain_id: 31337, escrow: address!("5FbDB2315678afecb367f032d93F642f64180aa3") };
        let tags = "57896044618658097711785492504343953926634992332820282019728792003956564819970";
        let bid = Bid {
            buyer: address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
            agent: address!("90F79bf6EB2c4f870365E785982E1f101E93b906"),
            token: address!("e7f1725E7734CE288F8367e1Bb143E90bb3F0512"),
            max_price: 50_000_000_000_000_000_001,
            hashrate: 1_200_000_345_678_901,
            min_hashrate: 1_000_000_000_000_000,
            duration: 21_601,
            min_sla_bps: 8_000,
            min_bond_bps: 1_500,
            max_proof_bps: 9_500,
            max_cancel_notice: 600,
            max_proof_window: 7_200,
            min_proof_shares: 128,
            required_tags: tags.parse::<U256>().unwrap(),
            seller: address!("70997970C51812dc3A010C7d01b50e0d17dc79C8"),
            matcher: address!("9965507D1a55bcC2695C58ba16FB37d819B0A4dc"),
            matcher_fee_bps: 25,
            details: b256!("0134818f2a6cd4910b2fbff0aa6dd44d2eb29d0c4a8450e1944fc8a4d5d9eafa"),
            expiry: 1_790_000_600,
            epoch: 1_099_511_627_781,
            salt: b256!("96f8b90650c9dd4e711f476b13cb59cfc6b51553b95ba36c7b115a4e431ef686"),
        };
        (domain, bid)
    }

    fn wallet(digits: &str) -> Wallet {
        Wallet::of(SecretKey::from_hex(digits).unwrap())
    }

    #[test]
    fn a_bid_is_signed_as_other_wallets_sign_it() {
        let (domain, bid) = vector();
        let wallet = wallet("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a");
        let signed = wallet.bid(&domain, bid).unwrap();
        let expected = "2b739f7d2b61df29240dae960a87aa576f5305bd3bac9abc5d448362a4edb5080765d526e49870a84f5d8ced0fc816459e2391a3a9701f9ebbfabe82f50bc2991b";
        assert_eq!(hex::encode(&signed.signature), expected);
    }

    #[test]
    fn a_wallet_signs_no_bid_of_anothers() {
        let (domain, bid) = vector();
        let other = wallet("7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6");
        assert!(matches!(other.bid(&domain, bid), Err(WalletError::AnotherBuyer { .. })));
    }
}
