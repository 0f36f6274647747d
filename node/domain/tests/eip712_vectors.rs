//! Digests, signatures and the lease id against literals that other implementations of EIP-712 computed.
#![allow(clippy::unwrap_used)]

use alloy_primitives::hex;
use hashlease_domain::{
    Address, Ask, B256, Bid, Domain, Eip712, LeaseJob, Receipt, Signature, SignatureError, Terms, U256, pay,
};
use hashlease_miner::pow::job::Job;
use serde_json::Value;

/// The file that the contract's tests read too.
const VECTORS: &str = include_str!("../../../contracts/test/vectors/eip712.json");

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

/// Reads a decimal string.
fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(fields: &Value, name: &str) -> T {
    fields[name].as_str().unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
}

fn address(fields: &Value, name: &str) -> Address {
    number(fields, name)
}

fn word(fields: &Value, name: &str) -> B256 {
    number(fields, name)
}

fn bytes(fields: &Value, name: &str) -> Vec<u8> {
    hex::decode(fields[name].as_str().unwrap()).unwrap()
}

fn domain() -> Domain {
    let fields = &vectors()["domain"];
    Domain { chain_id: number(fields, "chainId"), escrow: address(fields, "verifyingContract") }
}

fn ask() -> Ask {
    let fields = &vectors()["ask"]["message"];
    Ask {
        seller: address(fields, "seller"),
        payee: address(fields, "payee"),
        token: address(fields, "token"),
        price: number(fields, "price"),
        hashrate: number(fields, "hashrate"),
        min_hashrate: number(fields, "minHashrate"),
        min_duration: number(fields, "minDuration"),
        max_duration: number(fields, "maxDuration"),
        sla_bps: number(fields, "slaBps"),
        bond_bps: number(fields, "bondBps"),
        proof_bps: number(fields, "proofBps"),
        cancel_notice: number(fields, "cancelNotice"),
        proof_window: number(fields, "proofWindow"),
        proof_shares: number(fields, "proofShares"),
        tags: number::<U256>(fields, "tags"),
        details: word(fields, "details"),
        expiry: number(fields, "expiry"),
        epoch: number(fields, "epoch"),
        salt: word(fields, "salt"),
    }
}

fn bid() -> Bid {
    let fields = &vectors()["bid"]["message"];
    Bid {
        buyer: address(fields, "buyer"),
        agent: address(fields, "agent"),
        token: address(fields, "token"),
        max_price: number(fields, "maxPrice"),
        hashrate: number(fields, "hashrate"),
        min_hashrate: number(fields, "minHashrate"),
        duration: number(fields, "duration"),
        min_sla_bps: number(fields, "minSlaBps"),
        min_bond_bps: number(fields, "minBondBps"),
        max_proof_bps: number(fields, "maxProofBps"),
        max_cancel_notice: number(fields, "maxCancelNotice"),
        max_proof_window: number(fields, "maxProofWindow"),
        min_proof_shares: number(fields, "minProofShares"),
        required_tags: number::<U256>(fields, "requiredTags"),
        seller: address(fields, "seller"),
        matcher: address(fields, "matcher"),
        matcher_fee_bps: number(fields, "matcherFeeBps"),
        details: word(fields, "details"),
        expiry: number(fields, "expiry"),
        epoch: number(fields, "epoch"),
        salt: word(fields, "salt"),
    }
}

fn receipt() -> Receipt {
    let fields = &vectors()["receipt"]["message"];
    Receipt { lease_id: word(fields, "leaseId"), work: number(fields, "work"), through: number(fields, "through") }
}

fn job() -> LeaseJob {
    let fields = &vectors()["job"]["message"];
    let branch = fields["branch"].as_array().unwrap();
    LeaseJob {
        lease_id: word(fields, "leaseId"),
        job: Job {
            version: number(fields, "version"),
            version_mask: number(fields, "versionMask"),
            prev_hash: word(fields, "prevHash").0,
            coinbase_prefix: bytes(fields, "coinbasePrefix"),
            coinbase_suffix: bytes(fields, "coinbaseSuffix"),
            extranonce_size: number(fields, "extranonceSize"),
            branch: branch.iter().map(|hash| hash.as_str().unwrap().parse::<B256>().unwrap().0).collect(),
            bits: number(fields, "nBits"),
            min_time: number(fields, "minTime"),
        },
    }
}

fn terms() -> Terms {
    let fields = &vectors()["lease"]["terms"];
    Terms {
        buyer: address(fields, "buyer"),
        agent: address(fields, "agent"),
        seller: address(fields, "seller"),
        payee: address(fields, "payee"),
        matcher: address(fields, "matcher"),
        token: address(fields, "token"),
        price: number(fields, "price"),
        hashrate: number(fields, "hashrate"),
        start: number(fields, "start"),
        end: number(fields, "end"),
        sla_bps: number(fields, "slaBps"),
        proof_bps: number(fields, "proofBps"),
        matcher_fee_bps: number(fields, "matcherFeeBps"),
        proof_shares: number(fields, "proofShares"),
        cancel_notice: number(fields, "cancelNotice"),
        proof_window: number(fields, "proofWindow"),
        bond: number(fields, "bond"),
        ask_id: word(fields, "askId"),
        bid_id: word(fields, "bidId"),
        entropy: word(fields, "entropy"),
    }
}

/// Checks a message's digest, and that the named keys made the named signatures of it.
fn check<T: Eip712>(name: &str, message: &T, signatures: &[(&str, &str)]) {
    let vectors = vectors();
    let digest = domain().digest(message);
    assert_eq!(digest, word(&vectors[name], "digest"), "{name}");
    for (signer, field) in signatures {
        let signature = Signature::from_slice(&bytes(&vectors[name], field)).unwrap();
        let signer = address(&vectors["keys"][signer], "address");
        assert_eq!(signature.verify(&domain(), message, signer), Ok(()), "{name} {field}");
    }
}

#[test]
fn the_domain_separator_is_the_literal() {
    assert_eq!(domain().separator(), word(&vectors(), "domainSeparator"));
}

#[test]
fn digests_are_the_literals_and_signatures_recover_their_signers() {
    check("ask", &ask(), &[("seller", "sellerSignature")]);
    check("bid", &bid(), &[("buyer", "buyerSignature")]);
    check("receipt", &receipt(), &[("seller", "sellerSignature"), ("agent", "agentSignature")]);
    check("job", &job(), &[("agent", "agentSignature")]);
}

#[test]
fn the_lease_id_is_the_literal_and_its_terms_follow_from_the_orders() {
    let (vectors, terms) = (vectors(), terms());
    assert_eq!(terms.lease_id(&domain()), word(&vectors["lease"], "leaseId"));
    assert_eq!((terms.ask_id, terms.bid_id), (domain().digest(&ask()), domain().digest(&bid())));

    let (ask, bid) = (ask(), bid());
    let locks = pay::locks(ask.price, bid.hashrate, bid.duration.into(), bid.matcher_fee_bps, ask.bond_bps).unwrap();
    assert_eq!(locks.lock, number::<u128>(&vectors["lease"], "lock"));
    assert_eq!((locks.bond, Some(locks)), (terms.bond, terms.locks()));
}

#[test]
fn the_second_form_of_a_signature_is_refused_as_the_escrow_refuses_it() {
    const ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let mut twin = bytes(&vectors()["ask"], "sellerSignature");
    let high_s = ORDER.parse::<U256>().unwrap() - U256::from_be_slice(&twin[32..64]);
    twin[32..64].copy_from_slice(&high_s.to_be_bytes::<32>());
    twin[64] = 27 + 28 - twin[64];
    let signature = Signature::from_slice(&twin).unwrap();
    assert_eq!(signature.signer(domain().digest(&ask())), Err(SignatureError::HighS));
}

#[test]
fn bytes_that_are_no_signature_are_refused() {
    let good = bytes(&vectors()["ask"], "sellerSignature");
    assert_eq!(Signature::from_slice(&good[..64]), Err(SignatureError::Malformed));
    for v in [0, 1, 26, 29] {
        let bytes = [&good[..64], &[v]].concat();
        assert_eq!(Signature::from_slice(&bytes), Err(SignatureError::Malformed), "v {v}");
    }
    let zeros = Signature::from_slice(&[&[0; 64][..], &[27]].concat()).unwrap();
    assert_eq!(zeros.signer(domain().digest(&ask())), Err(SignatureError::Unrecoverable));
}

#[test]
fn a_signature_is_written_as_hex_and_read_back() {
    let signature = Signature::from_slice(&bytes(&vectors()["ask"], "sellerSignature")).unwrap();
    let text = serde_json::to_value(signature).unwrap();
    assert_eq!(text, vectors()["ask"]["sellerSignature"]);
    assert_eq!(serde_json::from_value::<Signature>(text).unwrap(), signature);
    assert!(serde_json::from_str::<Signature>("\"0x00\"").is_err());
}

#[test]
fn a_signature_holds_for_one_chain_one_escrow_and_one_message() {
    let vectors = vectors();
    let seller = address(&vectors["keys"]["seller"], "address");
    let signature = Signature::from_slice(&bytes(&vectors["ask"], "sellerSignature")).unwrap();
    let is_wrong = |result| matches!(result, Err(SignatureError::WrongSigner { .. } | SignatureError::Unrecoverable));
    let other_chain = Domain { chain_id: domain().chain_id + 1, ..domain() };
    let other_escrow = Domain { escrow: seller, ..domain() };
    let other_ask = Ask { price: ask().price - 1, ..ask() };
    assert!(is_wrong(signature.verify(&other_chain, &ask(), seller)));
    assert!(is_wrong(signature.verify(&other_escrow, &ask(), seller)));
    assert!(is_wrong(signature.verify(&domain(), &other_ask, seller)));
}
