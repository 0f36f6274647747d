//! Between the bindings' types and ours. Into ours everything is checked: the RPC may say anything.

use alloy_primitives::{Address, B256, U256};
use ethers::types::{H160, H256, U256 as EthU256};
use hashlease_domain::{Ask, Bid, EscrowEvent, LeaseJob, Receipt, Side, Signed, Terms};

use super::{
    bindings::lease_escrow as escrow,
    port::{Block, LeaseState, LoggedEvent, TxReceipt},
};

/// A number is larger than its type in the protocol, or a field is missing.
#[derive(Debug, thiserror::Error)]
#[error("{0} is missing or out of range")]
pub(super) struct OutOfRange(pub(super) &'static str);

pub(super) fn word(bytes: [u8; 32]) -> B256 {
    B256::new(bytes)
}

pub(super) fn to_h160(address: Address) -> H160 {
    H160(address.into_array())
}

pub(super) fn address(address: H160) -> Address {
    Address::new(address.0)
}

pub(super) fn to_u256(number: U256) -> EthU256 {
    EthU256::from_big_endian(&number.to_be_bytes::<32>())
}

pub(super) fn u256(number: EthU256) -> U256 {
    let mut bytes = [0; 32];
    number.to_big_endian(&mut bytes);
    U256::from_be_bytes(bytes)
}

pub(super) fn u128(number: EthU256, what: &'static str) -> Result<u128, OutOfRange> {
    u128::try_from(number).map_err(|_| OutOfRange(what))
}

pub(super) fn u64(number: EthU256, what: &'static str) -> Result<u64, OutOfRange> {
    u64::try_from(number).map_err(|_| OutOfRange(what))
}

pub(super) fn to_ask(ask: &Ask) -> escrow::Ask {
    escrow::Ask {
        seller: to_h160(ask.seller),
        payee: to_h160(ask.payee),
        token: to_h160(ask.token),
        price: ask.price,
        hashrate: ask.hashrate,
        min_hashrate: ask.min_hashrate,
        min_duration: ask.min_duration,
        max_duration: ask.max_duration,
        sla_bps: ask.sla_bps,
        bond_bps: ask.bond_bps,
        proof_bps: ask.proof_bps,
        cancel_notice: ask.cancel_notice,
        proof_window: ask.proof_window,
        proof_shares: ask.proof_shares,
        tags: to_u256(ask.tags),
        details: ask.details.0,
        expiry: ask.expiry,
        epoch: ask.epoch,
        salt: ask.salt.0,
    }
}

pub(super) fn to_bid(bid: &Bid) -> escrow::Bid {
    escrow::Bid {
        buyer: to_h160(bid.buyer),
        agent: to_h160(bid.agent),
        token: to_h160(bid.token),
        max_price: bid.max_price,
        hashrate: bid.hashrate,
        min_hashrate: bid.min_hashrate,
        duration: bid.duration,
        min_sla_bps: bid.min_sla_bps,
        min_bond_bps: bid.min_bond_bps,
        max_proof_bps: bid.max_proof_bps,
        max_cancel_notice: bid.max_cancel_notice,
        max_proof_window: bid.max_proof_window,
        min_proof_shares: bid.min_proof_shares,
        required_tags: to_u256(bid.required_tags),
        seller: to_h160(bid.seller),
        matcher: to_h160(bid.matcher),
        matcher_fee_bps: bid.matcher_fee_bps,
        details: bid.details.0,
        expiry: bid.expiry,
        epoch: bid.epoch,
        salt: bid.salt.0,
    }
}

pub(super) fn to_terms(terms: &Terms) -> escrow::Terms {
    escrow::Terms {
        buyer: to_h160(terms.buyer),
        agent: to_h160(terms.agent),
        seller: to_h160(terms.seller),
        payee: to_h160(terms.payee),
        matcher: to_h160(terms.matcher),
        token: to_h160(terms.token),
        price: terms.price,
        hashrate: terms.hashrate,
        start: terms.start,
        end: terms.end,
        sla_bps: terms.sla_bps,
        proof_bps: terms.proof_bps,
        matcher_fee_bps: terms.matcher_fee_bps,
        proof_shares: terms.proof_shares,
        cancel_notice: terms.cancel_notice,
        proof_window: terms.proof_window,
        bond: terms.bond,
        ask_id: terms.ask_id.0,
        bid_id: terms.bid_id.0,
        entropy: terms.entropy.0,
    }
}

fn terms(terms: &escrow::Terms) -> Terms {
    Terms {
        buyer: address(terms.buyer),
        agent: address(terms.agent),
        seller: address(terms.seller),
        payee: address(terms.payee),
        matcher: address(terms.matcher),
        token: address(terms.token),
        price: terms.price,
        hashrate: terms.hashrate,
        start: terms.start,
        end: terms.end,
        sla_bps: terms.sla_bps,
        proof_bps: terms.proof_bps,
        matcher_fee_bps: terms.matcher_fee_bps,
        proof_shares: terms.proof_shares,
        cancel_notice: terms.cancel_notice,
        proof_window: terms.proof_window,
        bond: terms.bond,
        ask_id: word(terms.ask_id),
        bid_id: word(terms.bid_id),
        entropy: word(terms.entropy),
    }
}

pub(super) fn to_receipt(receipt: &Receipt) -> escrow::Receipt {
    escrow::Receipt { lease_id: receipt.lease_id.0, work: receipt.work, through: receipt.through }
}

pub(super) fn to_job(lease_job: &LeaseJob) -> escrow::Job {
    let job = &lease_job.job;
    escrow::Job {
        lease_id: lease_job.lease_id.0,
        version: job.version,
        version_mask: job.version_mask,
        prev_hash: job.prev_hash,
        coinbase_prefix: job.coinbase_prefix.clone().into(),
        coinbase_suffix: job.coinbase_suffix.clone().into(),
        extranonce_size: job.extranonce_size,
        branch: job.branch.clone(),
        n_bits: job.bits,
        min_time: job.min_time,
    }
}

pub(super) fn to_signed_job(signed: &Signed<LeaseJob>) -> escrow::SignedJob {
    escrow::SignedJob { job: to_job(&signed.order), signature: signed.signature.clone().into() }
}

/// Returns the state of an open lease; the escrow answers with zeros where there is none.
pub(super) fn lease_state(lease: &escrow::Lease) -> Option<LeaseState> {
    let escrow::Lease { end, through, work, count } = *lease;
    (end != 0).then_some(LeaseState { end, through, work, proof_count: count })
}

pub(super) fn block(block: &ethers::types::Block<H256>) -> Result<Block, OutOfRange> {
    Ok(Block {
        number: block.number.ok_or(OutOfRange("block number"))?.as_u64(),
        hash: word(block.hash.ok_or(OutOfRange("block hash"))?.0),
        parent: word(block.parent_hash.0),
        time: u64(block.timestamp, "block time")?,
    })
}

pub(super) fn tx_receipt(receipt: &ethers::types::TransactionReceipt) -> Result<TxReceipt, OutOfRange> {
    Ok(TxReceipt {
        block_number: receipt.block_number.ok_or(OutOfRange("block number"))?.as_u64(),
        block_hash: word(receipt.block_hash.ok_or(OutOfRange("block hash"))?.0),
        succeeded: receipt.status.ok_or(OutOfRange("status"))?.as_u64() == 1,
        gas_used: u64(receipt.gas_used.ok_or(OutOfRange("gas used"))?, "gas used")?,
        effective_gas_price: u128(receipt.effective_gas_price.ok_or(OutOfRange("gas price"))?, "gas price")?,
    })
}

/// Returns where a log stands and what it says. The caller has checked that the log is the escrow's.
pub(super) fn logged_event(log: &ethers::types::Log, event: EscrowEvent) -> Result<LoggedEvent, OutOfRange> {
    Ok(LoggedEvent {
        block_number: log.block_number.ok_or(OutOfRange("block number"))?.as_u64(),
        block_hash: word(log.block_hash.ok_or(OutOfRange("block hash"))?.0),
        tx_hash: word(log.transaction_hash.ok_or(OutOfRange("transaction hash"))?.0),
        log_index: u64(log.log_index.ok_or(OutOfRange("log index"))?, "log index")?,
        event,
    })
}

fn side(number: u8) -> Option<Side> {
    match number {
        0 => Some(Side::Ask),
        1 => Some(Side::Bid),
        _ => None,
    }
}

/// Returns what the escrow said, or none where it is nothing that the node follows: what it can derive itself, and amounts
/// over 128 bits, which only a token made to break things has. (Such an event must not stop the others.)
pub(super) fn event(event: &escrow::LeaseEscrowEvents) -> Option<EscrowEvent> {
    use escrow::LeaseEscrowEvents as Logged;
    let narrow = |amount: EthU256| u128::try_from(amount).ok();
    Some(match event {
        Logged::DepositedFilter(e) => {
            EscrowEvent::Deposited { account: address(e.account), token: address(e.token), amount: narrow(e.amount)? }
        }
        Logged::WithdrawnFilter(e) => {
            EscrowEvent::Withdrawn { account: address(e.account), token: address(e.token), amount: narrow(e.amount)? }
        }
        Logged::OrderCancelledFilter(e) => EscrowEvent::OrderCancelled { maker: address(e.maker), salt: word(e.salt) },
        Logged::EpochBumpedFilter(e) => EscrowEvent::EpochBumped { maker: address(e.maker), epoch: e.epoch },
        Logged::LeaseOpenedFilter(e) => EscrowEvent::LeaseOpened { id: word(e.id), terms: Box::new(terms(&e.terms)) },
        Logged::SettledFilter(e) => {
            EscrowEvent::Settled { id: word(e.id), work: e.work, through: e.through, paid: narrow(e.paid)? }
        }
        Logged::ProvenFilter(e) => {
            EscrowEvent::Proven { id: word(e.id), count: u64::try_from(e.count).ok()?, last: word(e.last) }
        }
        Logged::CancelledFilter(e) => EscrowEvent::Cancelled { id: word(e.id), end: e.end },
        Logged::ClosedFilter(e) => EscrowEvent::Closed {
            id: word(e.id),
            work: narrow(e.work)?,
            proven_work: narrow(e.proven_work)?,
            earned: narrow(e.earned)?,
            fee: narrow(e.fee)?,
            refund: narrow(e.refund)?,
            penalty: narrow(e.penalty)?,
        },
        Logged::OrderFilledFilter(e) => EscrowEvent::OrderFilled {
            side: side(e.side)?,
            maker: address(e.maker),
            salt: word(e.salt),
            filled: u64::try_from(e.filled).ok()?,
        },
        Logged::OperatorSetFilter(_) => return None,
    })
}
