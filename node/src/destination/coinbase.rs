//! The coinbase transaction, split where the extranonce goes.

use bitcoin::absolute::LockTime;
use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::script::Builder;
use bitcoin::{Amount, OutPoint, Script, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, transaction};

use super::template::Template;

/// Length of the extranonce in bytes: 4 that name a miner's connection and 4 for the miner.
pub(super) const EXTRANONCE_SIZE: u8 = 8;
/// Length of a lease's tag in bytes.
pub(super) const TAG_SIZE: usize = 8;
/// Text that says where the block comes from.
const SIGNATURE: &[u8; 11] = b"/hashlease/";
/// Bytes before the coinbase's script: version, count of inputs, the null outpoint, the script's length.
const BEFORE_SCRIPT: usize = 4 + 1 + 36 + 1;

/// The non-witness coinbase around its extranonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SplitCoinbase {
    pub(super) prefix: Vec<u8>,
    pub(super) suffix: Vec<u8>,
}

/// Builds the coinbase of a template that pays all to one script.
///
/// Its script is the height (BIP 34), the tag, the extranonce, and a text: 42 bytes at most, where consensus allows 100.
/// The tag keeps the coinbases of any two leases apart.
pub(super) fn split(template: &Template, payout: &Script, tag: [u8; TAG_SIZE]) -> SplitCoinbase {
    let head = Builder::new().push_int(i64::from(template.height)).push_slice(tag);
    // One byte more: the push of the extranonce itself.
    let extranonce_at = BEFORE_SCRIPT + head.as_script().len() + 1;
    let script_sig = head.push_slice([0; EXTRANONCE_SIZE as usize]).push_slice(SIGNATURE).into_script();
    let bytes = serialize(&transaction(template, payout, script_sig));
    SplitCoinbase {
        prefix: bytes[..extranonce_at].to_vec(),
        suffix: bytes[extranonce_at + usize::from(EXTRANONCE_SIZE)..].to_vec(),
    }
}

fn transaction(template: &Template, payout: &Script, script_sig: ScriptBuf) -> Transaction {
    let reward = TxOut { value: Amount::from_sat(template.coinbase_value), script_pubkey: payout.to_owned() };
    let commitment =
        template.witness_commitment.clone().map(|script_pubkey| TxOut { value: Amount::ZERO, script_pubkey });
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::null(),
            script_sig,
            sequence: Sequence::MAX,
            witness: Witness::new(),
        }],
        output: std::iter::once(reward).chain(commitment).collect(),
    }
}

/// Adds the witness that goes with a commitment, 32 zero bytes (BIP 141), as the coinbase has it in a block.
pub(super) fn with_witness(coinbase: &[u8]) -> Option<Vec<u8>> {
    let mut transaction: Transaction = deserialize(coinbase).ok()?;
    transaction.input.first_mut()?.witness = Witness::from_slice(&[[0; 32]]);
    Some(serialize(&transaction))
}

#[cfg(test)]
mod tests {
    use bitcoin::hashes::Hash as _;
    use bitcoin::{Block, block};

    use super::super::template::tests::template;
    use super::*;

    const PAYOUT: &[u8] = &[0x51];

    fn coinbase(template: &Template, tag: [u8; TAG_SIZE]) -> Transaction {
        let split = split(template, Script::from_bytes(PAYOUT), tag);
        let bytes = [&split.prefix[..], &[0xee; 8], &split.suffix].concat();
        deserialize(&bytes).unwrap()
    }

    #[test]
    fn the_extranonce_stands_between_the_tag_and_the_text() {
        let script = coinbase(&template(), [0xab; 8]).input[0].script_sig.to_hex_string();
        let text = hex::encode(SIGNATURE);
        assert_eq!(script, format!("0340d10c08{}08{}0b{text}", "ab".repeat(8), "ee".repeat(8)));
    }

    #[test]
    fn every_height_is_pushed_as_bip_34_has_it() {
        // As Bitcoin Core writes `CScript() << height`, an opcode up to 16; from 17 on the library reads it back.
        let cases = [
            (0, "00"),
            (1, "51"),
            (16, "60"),
            (17, "0111"),
            (127, "017f"),
            (128, "028000"),
            (256, "020001"),
            (32_767, "02ff7f"),
            (32_768, "03008000"),
            (840_000, "0340d10c"),
            (u32::MAX >> 1, "04ffffff7f"),
        ];
        for (height, push) in cases {
            let transaction = coinbase(&Template { height, ..template() }, [0xab; 8]);
            assert!(transaction.is_coinbase());
            let script = transaction.input[0].script_sig.to_hex_string();
            assert!(script.starts_with(&format!("{push}08abab")), "{height}: {script}");
            assert!(script.len() / 2 <= 42, "{height}: {script}");
            if height >= 17 {
                assert_eq!(block_of(transaction).bip34_block_height().unwrap(), u64::from(height));
            }
        }
    }

    fn block_of(transaction: Transaction) -> Block {
        let header = block::Header {
            version: block::Version::TWO,
            prev_blockhash: bitcoin::BlockHash::all_zeros(),
            merkle_root: bitcoin::TxMerkleNode::all_zeros(),
            time: 0,
            bits: bitcoin::CompactTarget::from_consensus(0),
            nonce: 0,
        };
        Block { header, txdata: vec![transaction] }
    }

    #[test]
    fn all_of_the_value_goes_to_the_payout_and_none_to_the_commitment() {
        let commitment = ScriptBuf::from_bytes([&[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed][..], &[7; 32]].concat());
        let with = Template { witness_commitment: Some(commitment.clone()), ..template() };
        let outputs = coinbase(&with, [0; 8]).output;
        let shown: Vec<_> =
            outputs.iter().map(|output| (output.value.to_sat(), output.script_pubkey.as_bytes())).collect();
        assert_eq!(shown, [(with.coinbase_value, PAYOUT), (0, commitment.as_bytes())]);
        assert_eq!(coinbase(&template(), [0; 8]).output.len(), 1);
    }

    #[test]
    fn two_tags_never_share_a_coinbase() {
        let of = |tag| split(&template(), Script::from_bytes(PAYOUT), tag).prefix;
        assert_ne!(of([0; 8]), of([1, 0, 0, 0, 0, 0, 0, 0]));
        assert_ne!(of([0; 8]), of([0, 0, 0, 0, 0, 0, 0, 1]));
    }

    #[test]
    fn the_witness_changes_the_block_but_not_the_id() {
        let plain = coinbase(&template(), [0; 8]);
        let full: Transaction = deserialize(&with_witness(&serialize(&plain)).unwrap()).unwrap();
        assert_eq!(full.input[0].witness.to_vec(), vec![vec![0; 32]]);
        assert_eq!(full.compute_txid(), plain.compute_txid());
        assert_eq!(with_witness(&[1, 2, 3]), None);
    }
}
