use hashlease_domain::{Signature, Terms};
use serde::de::DeserializeOwned;

use super::*;

fn read<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap()
}

const BID: &str = r#"{"bid":{"buyer":"0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc","agent":"0x90f79bf6eb2c4f870365e785982e1f101e93b906","token":"0x00000000000000000000000000000000000000a1","maxPrice":"340282366920938463463374607431768211455","hashrate":"18446744073709551615","minHashrate":"1","duration":21600,"minSlaBps":8500,"minBondBps":2000,"maxProofBps":9000,"maxCancelNotice":600,"maxProofWindow":2700,"minProofShares":256,"requiredTags":"257","seller":"0x0000000000000000000000000000000000000000","matcher":"0x90f79bf6eb2c4f870365e785982e1f101e93b906","matcherFeeBps":0,"details":"0x0505050505050505050505050505050505050505050505050505050505050505","expiry":1790000600,"epoch":"1099511627781","salt":"0x0606060606060606060606060606060606060606060606060606060606060606"},"signature":"0x0102","details":"{}"}"#;

#[test]
fn a_bid_goes_over_the_api_to_the_last_bit() {
    let request: BidRequest = read(BID);
    assert_eq!(
        (request.bid.max_price, request.bid.hashrate, request.bid.epoch),
        (u128::MAX, u64::MAX, 1_099_511_627_781)
    );
    assert_eq!((request.bid.required_tags, request.signature.as_slice()), (U256::from(257), &[1, 2][..]));
    assert_eq!(serde_json::to_string(&request).unwrap(), BID);
}

#[test]
fn requests_with_unknown_members_are_refused() {
    assert!(serde_json::from_str::<BidRequest>(&BID.replace("\"signature\"", "\"extra\":1,\"signature\"")).is_err());
    assert!(serde_json::from_str::<BidRequest>(&BID.replace("\"duration\"", "\"extra\":1,\"duration\"")).is_err());
    let transfer = r#"{"token":"0x00000000000000000000000000000000000000a1","amount":"1","form":null}"#;
    assert!(serde_json::from_str::<TransferRequest>(transfer).is_err());
}

#[test]
fn a_lease_reads_back_as_it_was_written() {
    let word = B256::repeat_byte(7);
    let account = Address::repeat_byte(8);
    let terms = Terms {
        buyer: account,
        agent: account,
        seller: account,
        payee: account,
        matcher: account,
        token: account,
        price: u128::MAX,
        hashrate: u64::MAX,
        start: 1,
        end: 2,
        sla_bps: 3,
        proof_bps: 4,
        matcher_fee_bps: 5,
        proof_shares: 6,
        cancel_notice: 7,
        proof_window: 8,
        bond: u128::MAX,
        ask_id: word,
        bid_id: word,
        entropy: word,
    };
    let mut signature = [1; 65];
    signature[64] = 27;
    let signature = Signature::from_slice(&signature).unwrap();
    let lease = LeaseDetail {
        id: word,
        terms,
        party: Party::Agent,
        stage: Stage::Active,
        ends_at: Time(2),
        delivery: DeliveryView { delivered: 9, due: 10, hashrate: 3, bps: 9_000 },
        work: WorkView {
            contracted: u128::MAX,
            accepted: 1,
            claimed: 2,
            receipted: 3,
            settled: 4,
            proven: 5,
            standby: 7,
            on_standby: true,
            proof_shares: 8,
            proven_shares: 0,
            refused_jobs: BTreeMap::new(),
            refused_claims: BTreeMap::new(),
            rejected_shares: BTreeMap::from([("stale".to_owned(), 6)]),
            stale_shares: 6,
            in_flight_shares: 7,
        },
        receipt: Some(ReceiptView { work: 3, through: 2, seller_signature: signature, agent_signature: signature }),
        payouts: Payouts {
            lock: 1,
            fee_lock: 2,
            bond: 3,
            paid: 4,
            earned: None,
            fee: None,
            refund: Some(u128::MAX),
            penalty: None,
        },
        destination: Some(DestinationView {
            kind: DestinationKind::Pool,
            accepted: 8,
            refused: BTreeMap::from([("stale (21)".to_owned(), 9)]),
        }),
        blocks: vec![FoundBlock { hash: "00ff".to_owned(), height: 9 }],
        transactions: vec![LeaseTransaction { hash: word, kind: TransactionKind::SettleAndClose, gas_used: None }],
    };
    let json = serde_json::to_string(&lease).unwrap();
    assert_eq!(read::<LeaseDetail>(&json), lease);
    for literal in [
        r#""stage":"active""#,
        r#""endsAt":"1970-01-01T00:00:02Z""#,
        r#""delivery":{"delivered":"9","due":"10","hashrate":"3","bps":9000}"#,
        r#""work":{"contracted":"340282366920938463463374607431768211455","accepted":"1","claimed":"2","receipted":"3","settled":"4","proven":"5","standby":"7","onStandby":true,"proofShares":8,"provenShares":0,"rejectedShares":{"stale":6},"refusedJobs":{},"refusedClaims":{},"staleShares":6,"inFlightShares":7}"#,
        r#""payouts":{"lock":"1","feeLock":"2","bond":"3","paid":"4","earned":null,"fee":null,"refund":"340282366920938463463374607431768211455","penalty":null}"#,
        r#""destination":{"kind":"pool","accepted":8,"refused":{"stale (21)":9}}"#,
        r#""kind":"settleAndClose","gasUsed":null"#,
    ] {
        assert!(json.contains(literal), "{literal} is not in {json}");
    }
}
