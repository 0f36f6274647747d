//! What the node shows: book, orders, leases, miners, itself.

use super::{
    Context,
    error::Error,
    output::{Field, Record, View},
};
use crate::{
    api::types::{
        BookAsk, BookBid, DeliveryView, LeaseDetail, LeaseSummary, MinerView, OwnOrder, Payouts, Status, Time, WorkView,
    },
    config::Config,
};
use hashlease_domain::{tags::Tags, units};
use serde::Serialize;

pub(super) async fn book(context: &Context) -> Result<View, Error> {
    let book = context.client.book().await?;
    let asks = book.asks.iter().map(|ask| book_ask(ask, &context.config)).collect();
    let bids = book.bids.iter().map(|bid| book_bid(bid, &context.config)).collect();
    Ok(View::Lists(vec![
        ("asks", asks, "none: the node may still be looking for peers, see `hashlease status`"),
        ("bids", bids, "none"),
    ]))
}

pub(super) async fn orders(context: &Context) -> Result<View, Error> {
    let orders = context.client.orders().await?;
    let records = orders.iter().map(|order| own_order(order, &context.config)).collect();
    Ok(View::Many(records, "no orders: place one with `hashlease ask` or `hashlease bid`"))
}

pub(super) async fn leases(context: &Context) -> Result<View, Error> {
    let leases = context.client.leases().await?;
    let records = leases.iter().map(|lease| summary(lease, &context.config)).collect();
    Ok(View::Many(records, "no leases: they open where an ask and a bid meet, see `hashlease book`"))
}

pub(super) async fn lease(context: &Context, id: alloy_primitives::B256) -> Result<View, Error> {
    Ok(View::One(detail(&context.client.lease(id).await?, &context.config)))
}

pub(super) async fn miners(context: &Context) -> Result<View, Error> {
    let miners = context.client.miners().await?;
    Ok(View::Many(
        miners.iter().map(miner).collect(),
        "no miners: point them at farm.stratum, or run the node with --mine N",
    ))
}

pub(super) async fn status(context: &Context) -> Result<View, Error> {
    Ok(View::One(node(&context.client.status().await?)))
}

fn book_ask(entry: &BookAsk, config: &Config) -> Record {
    let ask = &entry.ask;
    let duration =
        format!("{} to {}", units::format_duration(ask.min_duration), units::format_duration(ask.max_duration));
    vec![
        ("id", Field::text(entry.id)),
        ("price", Field::price(ask.price, ask.token, config)),
        ("remaining", Field::hashrate(entry.remaining)),
        ("minHashrate", Field::hashrate(ask.min_hashrate)),
        ("duration", Field::text(duration)),
        ("sla", Field::text(units::format_percent(ask.sla_bps))),
        ("bond", Field::text(units::format_percent(ask.bond_bps))),
        ("tags", Field::text(Tags(ask.tags))),
        ("seller", Field::text(ask.seller)),
        ("expiresAt", Field::text(Time(ask.expiry))),
    ]
}

fn book_bid(entry: &BookBid, config: &Config) -> Record {
    let bid = &entry.bid;
    vec![
        ("id", Field::text(entry.id)),
        ("maxPrice", Field::price(bid.max_price, bid.token, config)),
        ("remaining", Field::hashrate(entry.remaining)),
        ("minHashrate", Field::hashrate(bid.min_hashrate)),
        ("duration", Field::text(units::format_duration(bid.duration))),
        ("minSla", Field::text(units::format_percent(bid.min_sla_bps))),
        ("minBond", Field::text(units::format_percent(bid.min_bond_bps))),
        ("requiredTags", Field::text(Tags(bid.required_tags))),
        ("buyer", Field::text(bid.buyer)),
        ("expiresAt", Field::text(Time(bid.expiry))),
    ]
}

fn own_order(order: &OwnOrder, config: &Config) -> Record {
    vec![
        ("side", named(&order.side)),
        ("state", named(&order.state)),
        ("price", Field::price(order.price, order.token, config)),
        ("offered", Field::hashrate(order.offered)),
        ("hashrate", Field::hashrate(order.hashrate)),
        ("leased", Field::hashrate(order.filled)),
        ("maker", Field::text(order.maker)),
        ("salt", Field::text(order.salt)),
        ("expiresAt", Field::text(order.expires_at)),
    ]
}

fn summary(lease: &LeaseSummary, config: &Config) -> Record {
    vec![
        ("id", Field::text(lease.id)),
        ("party", named(&lease.party)),
        ("stage", named(&lease.stage)),
        ("hashrate", Field::hashrate(lease.hashrate)),
        ("price", Field::price(lease.price, lease.token, config)),
        ("startsAt", Field::text(lease.starts_at)),
        ("endsAt", Field::text(lease.ends_at)),
        ("contracted", Field::work(lease.contracted)),
        ("receipted", Field::work(lease.receipted)),
        ("delivery", delivery(&lease.delivery)),
        ("paid", Field::amount(alloy_primitives::U256::from(lease.paid), lease.token, config)),
    ]
}

fn detail(lease: &LeaseDetail, config: &Config) -> Record {
    let terms = &lease.terms;
    let receipt = lease.receipt.as_ref().map(|receipt| {
        Field::record(vec![
            ("work", Field::work(receipt.work)),
            ("through", Field::text(Time(receipt.through))),
            ("sellerSignature", named(&receipt.seller_signature)),
            ("agentSignature", named(&receipt.agent_signature)),
        ])
    });
    let destination = lease.destination.as_ref().map(|destination| {
        Field::record(vec![
            ("kind", named(&destination.kind)),
            ("accepted", Field::number(destination.accepted)),
            ("refused", Field::counts(&destination.refused)),
        ])
    });
    let blocks = lease.blocks.iter().map(|block| {
        Field::record(vec![("hash", Field::text(&block.hash)), ("height", Field::number(block.height.into()))])
    });
    let transactions = lease.transactions.iter().map(|transaction| {
        Field::record(vec![
            ("kind", named(&transaction.kind)),
            ("hash", Field::text(transaction.hash)),
            ("gasUsed", Field::optional(transaction.gas_used.map(Field::number))),
        ])
    });
    vec![
        ("id", Field::text(lease.id)),
        ("party", named(&lease.party)),
        ("stage", named(&lease.stage)),
        ("buyer", Field::text(terms.buyer)),
        ("agent", Field::text(terms.agent)),
        ("seller", Field::text(terms.seller)),
        ("payee", Field::text(terms.payee)),
        ("matcher", Field::text(terms.matcher)),
        ("hashrate", Field::hashrate(terms.hashrate)),
        ("price", Field::price(terms.price, terms.token, config)),
        ("startsAt", Field::text(Time(terms.start))),
        ("endsAt", Field::text(lease.ends_at)),
        ("delivery", delivery(&lease.delivery)),
        ("work", work(&lease.work)),
        ("receipt", Field::optional(receipt)),
        ("payouts", payouts(&lease.payouts, terms.token, config)),
        ("destination", Field::optional(destination)),
        ("blocks", Field::list(blocks)),
        ("transactions", Field::list(transactions)),
    ]
}

fn delivery(delivery: &DeliveryView) -> Field {
    Field::record(vec![
        ("delivered", Field::work(delivery.delivered)),
        ("due", Field::work(delivery.due)),
        ("hashrate", Field::hashrate(delivery.hashrate)),
        ("ofContracted", Field::text(units::format_percent(delivery.bps))),
    ])
}

fn work(work: &WorkView) -> Field {
    Field::record(vec![
        ("contracted", Field::work(work.contracted)),
        ("accepted", Field::work(work.accepted)),
        ("claimed", Field::work(work.claimed)),
        ("receipted", Field::work(work.receipted)),
        ("settled", Field::work(work.settled)),
        ("proven", Field::work(work.proven)),
        ("standby", Field::work(work.standby)),
        ("onStandby", Field::text(if work.on_standby { "yes" } else { "no" })),
        ("proofShares", Field::number(work.proof_shares)),
        ("provenShares", Field::number(work.proven_shares)),
        ("rejectedShares", Field::counts(&work.rejected_shares)),
        ("refusedJobs", Field::counts(&work.refused_jobs)),
        ("refusedClaims", Field::counts(&work.refused_claims)),
        ("staleShares", Field::number(work.stale_shares)),
        ("inFlightShares", Field::number(work.in_flight_shares)),
    ])
}

fn payouts(payouts: &Payouts, token: alloy_primitives::Address, config: &Config) -> Field {
    let amount = |amount: u128| Field::amount(alloy_primitives::U256::from(amount), token, config);
    let at_close = |value: Option<u128>| Field::optional(value.map(amount));
    Field::record(vec![
        ("lock", amount(payouts.lock)),
        ("feeLock", amount(payouts.fee_lock)),
        ("bond", amount(payouts.bond)),
        ("paid", amount(payouts.paid)),
        ("earned", at_close(payouts.earned)),
        ("fee", at_close(payouts.fee)),
        ("refund", at_close(payouts.refund)),
        ("penalty", at_close(payouts.penalty)),
    ])
}

fn miner(miner: &MinerView) -> Record {
    vec![
        ("worker", Field::text(&miner.worker)),
        ("program", Field::optional(miner.user_agent.as_ref().map(Field::text))),
        ("remote", Field::text(&miner.remote)),
        ("lease", Field::optional(miner.lease.map(Field::text))),
        ("difficulty", Field::optional(miner.difficulty.map(Field::decimal))),
        ("hashrate", Field::hashrate(miner.hashrate)),
        ("hashrateError", Field::hashrate(miner.hashrate_error)),
        ("work", Field::work(miner.work)),
        ("accepted", Field::number(miner.accepted)),
        ("stale", Field::number(miner.stale)),
        ("rejected", Field::counts(&miner.rejected)),
        ("lastShareAt", Field::optional(miner.last_share_at.map(Field::text))),
        ("connectedAt", Field::text(miner.connected_at)),
    ]
}

fn node(status: &Status) -> Record {
    let head = status
        .head
        .map(|head| Field::record(vec![("number", Field::number(head.number)), ("time", Field::text(head.time))]));
    let idle_pool = status.idle_pool.as_ref().map(|idle| {
        Field::record(vec![
            ("url", Field::optional(idle.url.as_ref().map(Field::text))),
            ("accepted", Field::number(idle.accepted)),
            ("refused", Field::counts(&idle.refused)),
            ("jobAgeS", Field::optional(idle.job_age_s.map(Field::number))),
            ("problem", Field::optional(idle.problem.as_ref().map(Field::text))),
        ])
    });
    vec![
        ("version", Field::text(&status.version)),
        ("protocol", Field::number(status.protocol.into())),
        ("roles", Field::list(status.roles.iter().map(named))),
        ("address", Field::text(status.address)),
        ("chainId", Field::number(status.chain_id)),
        ("escrow", Field::text(status.escrow)),
        ("head", Field::optional(head)),
        ("lastBlockAgeS", Field::optional(status.last_block_age_s.map(Field::number))),
        ("peerId", Field::text(&status.peer_id)),
        ("listen", Field::list(status.listen.iter().map(Field::text))),
        ("peers", Field::number(status.peers.into())),
        ("refusedOrders", Field::counts(&status.refused_orders)),
        ("authorityKey", Field::optional(status.authority_key.as_ref().map(Field::text))),
        ("idlePool", Field::optional(idle_pool)),
    ]
}

/// A value by its name in the API.
pub(super) fn named(value: &impl Serialize) -> Field {
    let json = serde_json::to_value(value).unwrap_or_default();
    Field::text(json.as_str().unwrap_or_default())
}
