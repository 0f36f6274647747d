//! A maker's word that an order is over (section 4): it empties books at once, where the escrow's
//! `cancelOrder` makes it final.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::eip712::{Eip712, Words};

/// Ends every order of `maker` with `salt` in the books of those who see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderCancellation {
    /// Maker of the order: the seller of an ask, the buyer of a bid.
    pub maker: Address,
    /// Salt of the order.
    pub salt: B256,
}

impl Eip712 for OrderCancellation {
    fn struct_hash(&self) -> B256 {
        Words::of("OrderCancellation(address maker,bytes32 salt)").address(self.maker).word(self.salt).hash()
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{U256, address, b256, keccak256};

    use super::*;
    use crate::eip712::Domain;

    #[test]
    fn a_cancellation_hashes_as_eip_712_says() {
        let maker = address!("00000000000000000000000000000000000000a1");
        let salt = b256!("00000000000000000000000000000000000000000000000000000000000000b2");
        let type_hash = keccak256("OrderCancellation(address maker,bytes32 salt)");
        let encoded = [type_hash.0, U256::from(0xa1).to_be_bytes(), U256::from(0xb2).to_be_bytes()].concat();
        assert_eq!(OrderCancellation { maker, salt }.struct_hash(), keccak256(encoded));
    }

    #[test]
    fn a_cancellation_for_one_chain_is_void_on_another() {
        let cancellation = OrderCancellation { maker: Address::ZERO, salt: B256::ZERO };
        let [here, there] = [1, 2].map(|chain_id| Domain { chain_id, escrow: Address::ZERO });
        assert_ne!(here.digest(&cancellation), there.digest(&cancellation));
    }
}
