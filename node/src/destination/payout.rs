//! Where the coins of a found block go.

use std::str::FromStr;

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Network, Script, ScriptBuf};

use super::DestinationError;

/// A checked payout address (base58 or bech32, of any of Bitcoin's chains).
#[derive(Clone, Debug)]
pub struct Payout {
    address: Address<NetworkUnchecked>,
    script: ScriptBuf,
}

impl Payout {
    /// The script that the address stands for, the same on every chain.
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// Refuses a chain to which the address doesn't belong. Test chains share their base58 prefixes.
    pub fn check_chain(&self, chain: Network) -> Result<(), DestinationError> {
        if self.address.is_valid_for_network(chain) { Ok(()) } else { Err(DestinationError::WrongChain(chain)) }
    }
}

impl FromStr for Payout {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let address: Address<NetworkUnchecked> = text.trim().parse().map_err(DestinationError::Payout)?;
        let script = address.assume_checked_ref().script_pubkey();
        Ok(Self { address, script })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses and scripts of the genesis coinbase, BIP 13, BIP 173 and BIP 350.
    const KNOWN: [(&str, &str, Network); 6] = [
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac", Network::Bitcoin),
        ("3P14159f73E4gFr7JterCCQh9QjiTjiZrG", "a914e9c3dd0c07aac76179ebc76a6c78d4d67c6c160a87", Network::Bitcoin),
        (
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "0014751e76e8199196d454941c45d1b3a323f1433bd6",
            Network::Bitcoin,
        ),
        (
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            Network::Bitcoin,
        ),
        (
            "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
            "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
            Network::Testnet,
        ),
        (
            "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
            "0014751e76e8199196d454941c45d1b3a323f1433bd6",
            Network::Regtest,
        ),
    ];

    #[test]
    fn known_addresses_give_their_scripts_on_their_chains_only() {
        for (text, script, chain) in KNOWN {
            let payout: Payout = text.parse().unwrap();
            assert_eq!(payout.script().to_hex_string(), script, "{text}");
            for other in [Network::Bitcoin, Network::Testnet, Network::Regtest] {
                assert_eq!(payout.check_chain(other).is_ok(), other == chain, "{text} on {other}");
            }
        }
    }

    #[test]
    fn an_address_with_a_typing_error_is_refused() {
        for text in [
            "",
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
        ] {
            assert!(matches!(text.parse::<Payout>(), Err(DestinationError::Payout(_))), "{text}");
        }
    }
}
