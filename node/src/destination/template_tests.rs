use serde_json::{Value, json};

use super::*;

/// The only transaction of block 170, the first payment ever made.
const FIRST_PAYMENT: &str = "0100000001c997a5e56e104102fa209c6a852dd90660a20b2d9c352423edce25857fcd3704000000004847304402204e45e16932b8af514961a1d3a1a25fdf3f4f7732e9d624c6c61548ab5fb8cd410220181522ec8eca07de4860a4acdd12909d831cc56cbbac4622082221a8768d1d0901ffffffff0200ca9a3b00000000434104ae1a62fe09c5f51b13905f07f06b99a2f7159b2225f374cd378d71302fa28414e7aab37397f554a7df5f142c21c1b7303b8a0626f1baded5c72a704f7e6cd84cac00286bee0000000043410411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a5cb2e0eaddfb84ccf9744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3ac00000000";
const FIRST_PAYMENT_ID: &str = "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16";

fn answer() -> Value {
    json!({
        "height": 840_000,
        "previousblockhash": "0000000000000000000172014ba58d66455762add0512355ad651207918494ab",
        "version": 0x2000_0000,
        "bits": "1f00ffff",
        "mintime": 1_713_569_000,
        "curtime": 1_713_571_000,
        "coinbasevalue": 312_500_000,
        "rules": [],
        "transactions": [],
    })
}

fn parse(answer: Value) -> Result<Template, DestinationError> {
    serde_json::from_value::<RawTemplate>(answer).unwrap().try_into()
}

fn parse_with(changes: Value) -> Result<Template, DestinationError> {
    let mut answer = answer();
    let changes = changes.as_object().unwrap().clone();
    answer.as_object_mut().unwrap().extend(changes);
    parse(answer)
}

/// A template without transactions or segwit.
pub(in super::super) fn template() -> Template {
    parse(answer()).unwrap()
}

fn commitment() -> String {
    format!("6a24aa21a9ed{}", "07".repeat(32))
}

#[test]
fn a_template_says_what_the_answer_said() {
    let template = template();
    assert_eq!((template.height, template.version), (840_000, 0x2000_0000));
    assert_eq!(template.prev_hash[..4], [0xab, 0x94, 0x84, 0x91]);
    assert_eq!((template.bits, template.target), (0x1f00_ffff, Target::from_compact(0x1f00_ffff).unwrap()));
    assert_eq!((template.min_time, template.cur_time), (1_713_569_000, 1_713_571_000));
    assert_eq!((template.coinbase_value, template.version_mask), (312_500_000, ROLLING_MASK));
    assert!(template.branch.is_empty() && template.witness_commitment.is_none());
}

#[test]
fn transactions_are_named_by_their_bytes_whatever_the_node_says() {
    let transactions = json!([{ "data": FIRST_PAYMENT, "txid": "00".repeat(32) }]);
    let template = parse_with(json!({ "transactions": transactions })).unwrap();
    let txid = Hash256::from_display_hex(FIRST_PAYMENT_ID).unwrap().to_bytes();
    assert_eq!(template.transactions, [RawTransaction { bytes: hex::decode(FIRST_PAYMENT).unwrap(), txid }]);
    assert_eq!(template.branch, [txid]);
}

#[test]
fn the_commitment_is_used_once_segwit_is_active() {
    let early = json!({ "default_witness_commitment": commitment() });
    assert_eq!(parse_with(early).unwrap().witness_commitment, None);
    for rule in ["segwit", "!segwit"] {
        let active = json!({ "default_witness_commitment": commitment(), "rules": ["csv", rule] });
        let script = parse_with(active).unwrap().witness_commitment.unwrap();
        assert_eq!(script.to_hex_string(), commitment());
    }
}

#[test]
fn templates_that_no_block_can_be_built_on_are_refused() {
    let changes = [
        json!({ "bits": "1f00fff" }),
        json!({ "bits": "+f00ffff" }),
        json!({ "bits": "00000000" }),
        json!({ "bits": "1f80ffff" }),
        json!({ "previousblockhash": "00" }),
        json!({ "coinbasevalue": MAX_MONEY + 1 }),
        json!({ "rules": ["segwit"] }),
        json!({ "rules": ["segwit"], "default_witness_commitment": "6a24" }),
        json!({ "rules": ["segwit"], "default_witness_commitment": "zz" }),
        json!({ "transactions": [{ "data": "00" }] }),
        json!({ "transactions": [{ "data": FIRST_PAYMENT.to_owned() + "00" }] }),
    ];
    for change in changes {
        let refused = parse_with(change.clone());
        assert!(matches!(refused, Err(DestinationError::Template(_))), "{change}");
    }
}

#[test]
fn a_rule_that_must_be_known_and_is_not_is_named() {
    let refused = parse_with(json!({ "rules": ["csv", "!signet"] })).unwrap_err();
    assert!(matches!(&refused, DestinationError::UnknownRule(rule) if rule == "!signet"));
    assert!(parse_with(json!({ "rules": ["csv", "taproot", "whatever"] })).is_ok());
}

#[test]
fn bits_that_the_node_demands_are_not_for_rolling() {
    let template = parse_with(json!({ "vbrequired": 0x2000 })).unwrap();
    assert_eq!(template.version_mask, ROLLING_MASK & !0x2000);
}

#[test]
fn only_the_clock_may_change_without_making_other_work() {
    let base = template();
    assert!(base.is_same_work(&parse_with(json!({ "curtime": 1_713_571_999 })).unwrap()));
    for change in [
        json!({ "previousblockhash": "00".repeat(32) }),
        json!({ "coinbasevalue": 1 }),
        json!({ "bits": "1e00ffff" }),
        json!({ "version": 0x2000_0001 }),
        json!({ "mintime": 1_713_569_001 }),
        json!({ "transactions": [{ "data": FIRST_PAYMENT }] }),
        json!({ "rules": ["segwit"], "default_witness_commitment": commitment() }),
    ] {
        assert!(!base.is_same_work(&parse_with(change.clone()).unwrap()), "{change}");
    }
}
