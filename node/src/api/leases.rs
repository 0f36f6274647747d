//! `/v1/leases`: work, receipts and pay.

use alloy_primitives::{B256, U256};
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::StatusCode,
};
use hashlease_domain::{
    lease::{Lease, Party},
    pay::{Locks, ONE_BPS},
};

use super::{
    Answer, Failure, Node,
    funds::{Queued, queue},
    page::Paging,
    types::{
        CallAccepted, DeliveryView, DestinationKind, DestinationView, FoundBlock, LeaseDetail, LeaseSummary,
        LeaseTransaction, Page, Payouts, ReceiptView, Time, TransactionKind, WorkView,
    },
};
use crate::{
    clock,
    delivery::Status,
    net::wire::ShareRefusal,
    registry::{CallState, LeaseView, QueuedCall, RegistryError},
    settlement::Call,
};

pub(super) async fn list(
    State(node): State<Node>,
    query: Result<Query<Paging>, QueryRejection>,
) -> Answer<Page<LeaseSummary>> {
    let Query(paging) = query?;
    let mut leases = node.registry.leases().await;
    leases.sort_by_key(|lease| (std::cmp::Reverse(lease.terms.start), lease.id));
    let now = clock::now_s();
    let leases = leases.iter().map(|lease| summary(lease, &node.delivery.status(lease.id), now)).collect();
    Ok(Json(paging.cut(leases, |lease: &LeaseSummary| lease.id.to_string())))
}

fn summary(lease: &Lease, status: &Status, now: u64) -> LeaseSummary {
    LeaseSummary {
        id: lease.id,
        party: lease.party,
        stage: lease.stage,
        token: lease.terms.token,
        price: lease.terms.price,
        hashrate: lease.terms.hashrate,
        starts_at: Time(lease.terms.start),
        ends_at: Time(lease.on_chain.end),
        contracted: lease.terms.contracted(lease.on_chain.end),
        receipted: lease.receipted_work(),
        delivery: delivery(lease, status, now),
        paid: paid(lease),
    }
}

/// What was delivered until `now`, unix seconds, against what was due.
fn delivery(lease: &Lease, status: &Status, now: u64) -> DeliveryView {
    let until = now.min(lease.on_chain.end);
    let due = lease.terms.contracted(until);
    let delivered = accepted(lease, status).saturating_add(status.standby_work);
    let elapsed = u128::from(until.saturating_sub(lease.terms.start)).max(1);
    DeliveryView {
        delivered,
        due,
        hashrate: u64::try_from(delivered / elapsed).unwrap_or(u64::MAX),
        bps: u16::try_from(delivered.saturating_mul(ONE_BPS.into()) / due.max(1)).unwrap_or(u16::MAX),
    }
}

/// Work in the node's ledger; of a lease that was over before the node started, only its receipts are known.
fn accepted(lease: &Lease, status: &Status) -> u128 {
    status.accepted_work.max(lease.receipted_work())
}

/// What the payee has on chain so far.
fn paid(lease: &Lease) -> u128 {
    lease.on_chain.payout.map_or(lease.on_chain.delivered.paid, |payout| payout.earned)
}

pub(super) async fn one(State(node): State<Node>, path: Result<Path<B256>, PathRejection>) -> Answer<LeaseDetail> {
    let Path(id) = path?;
    let view = node.registry.lease_view(id).await.ok_or(RegistryError::UnknownLease(id))?;
    let blocks = node.delivery.blocks(id)?;
    let blocks =
        blocks.into_iter().map(|block| FoundBlock { hash: block.hash.to_string(), height: block.height }).collect();
    let status = node.delivery.status(id);
    let kind = match node.config.pool {
        Some(_) => DestinationKind::Pool,
        None => DestinationKind::Solo,
    };
    let destination = (view.lease.party == Party::Agent).then(|| DestinationView {
        kind,
        accepted: status.destination.accepted,
        refused: status.destination.refused.clone(),
    });
    let proof_shares = node.registry.proof_shares(&view.lease)?;
    Ok(Json(LeaseDetail { destination, ..detail(view, &status, proof_shares, blocks) }))
}

fn detail(view: LeaseView, status: &Status, proof_shares: u64, blocks: Vec<FoundBlock>) -> LeaseDetail {
    let LeaseView { lease, calls } = view;
    let Locks { lock, fee: fee_lock, bond } = lease.terms.locks().unwrap_or(Locks { lock: 0, fee: 0, bond: 0 });
    let payout = lease.on_chain.payout;
    let receipt = lease.receipt.map(|signed| ReceiptView {
        work: signed.receipt.work,
        through: signed.receipt.through,
        seller_signature: signed.seller,
        agent_signature: signed.agent,
    });
    LeaseDetail {
        id: lease.id,
        party: lease.party,
        stage: lease.stage,
        ends_at: Time(lease.on_chain.end),
        delivery: delivery(&lease, status, clock::now_s()),
        work: work(&lease, status, proof_shares),
        receipt,
        payouts: Payouts {
            lock,
            fee_lock,
            bond,
            paid: paid(&lease),
            earned: payout.map(|payout| payout.earned),
            fee: payout.map(|payout| payout.fee),
            refund: payout.map(|payout| payout.refund),
            penalty: payout.map(|payout| payout.penalty),
        },
        destination: None,
        blocks,
        transactions: calls.iter().filter_map(transaction).collect(),
        terms: lease.terms,
    }
}

fn work(lease: &Lease, status: &Status, proof_shares: u64) -> WorkView {
    let delivered = lease.on_chain.delivered;
    let proven = U256::from(lease.terms.proof_work()) * U256::from(delivered.proof_count);
    let claimed = lease.claim.map_or(0, |claim| claim.receipt.work).max(lease.receipted_work());
    WorkView {
        contracted: lease.terms.contracted(lease.on_chain.end),
        accepted: accepted(lease, status),
        claimed,
        receipted: lease.receipted_work(),
        settled: delivered.work,
        proven: u128::try_from(proven).unwrap_or(u128::MAX),
        standby: status.standby_work,
        on_standby: status.standby,
        proof_shares,
        proven_shares: delivered.proof_count,
        rejected_shares: status.rejected_shares.clone(),
        refused_jobs: status.refused_jobs.clone(),
        refused_claims: status.refused_claims.clone(),
        stale_shares: status.rejected_shares.get(&ShareRefusal::Stale.to_string()).copied().unwrap_or(0)
            + status.late_shares,
        in_flight_shares: status.in_flight_shares,
    }
}

fn transaction(call: &QueuedCall) -> Option<LeaseTransaction> {
    let kind = match &call.call {
        Call::Open { .. } => TransactionKind::Open,
        Call::Settle { .. } => TransactionKind::Settle,
        Call::SettleAndClose { .. } => TransactionKind::SettleAndClose,
        Call::Prove { .. } => TransactionKind::Prove,
        Call::Cancel { .. } => TransactionKind::Cancel,
        Call::Close { .. } => TransactionKind::Close,
        _ => return None,
    };
    match &call.state {
        CallState::Sent { raw, .. } => Some(LeaseTransaction { hash: raw.hash, kind, gas_used: None }),
        CallState::Mined { hash, gas_used, .. } => {
            Some(LeaseTransaction { hash: *hash, kind, gas_used: Some(*gas_used) })
        }
        CallState::Queued | CallState::Intended { .. } | CallState::Refused { .. } => None,
    }
}

pub(super) async fn cancel(State(node): State<Node>, path: Result<Path<B256>, PathRejection>) -> Queued {
    let Path(id) = path?;
    let call = node.registry.cancel(id).await?;
    Ok((StatusCode::ACCEPTED, Json(CallAccepted { call })))
}

/// Closes any lease, whoever its parties are: after the proof window anyone may (section 3).
pub(super) async fn close(State(node): State<Node>, path: Result<Path<B256>, PathRejection>) -> Queued {
    let Path(id) = path?;
    let known =
        node.registry.with_index(|index| Some((index.lease(&id)?.terms.clone(), index.lease(&id)?.progress))).await;
    let Some((terms, progress)) = known else {
        return Err(Failure::new(StatusCode::NOT_FOUND, "no-such-lease", format!("the escrow has no lease {id}")));
    };
    if progress.closed.is_some() {
        return Err(Failure::new(StatusCode::CONFLICT, "not-now", format!("lease {id} is closed")));
    }
    queue(&node, Call::Close { terms: Box::new(terms) }).await
}
