//! `/v1/status`: what the node is and what it sees.

use std::collections::BTreeMap;

use axum::{Json, extract::State};

use super::{
    Answer, Failure, Node,
    types::{HeadView, IdlePoolView, PROTOCOL, Role, Status, Time},
};
use crate::{clock, delivery::IdlePool};

pub(super) async fn status(State(node): State<Node>) -> Answer<Status> {
    let head = *node.registry.head().borrow();
    let seen = head.number > 0 || head.time > 0;
    let domain = node.config.chain.domain;
    let roles = [
        (node.farm.is_some(), Role::Seller),
        (node.config.bitcoin.is_some() || node.config.pool.is_some(), Role::Agent),
        (node.config.opens, Role::Matcher),
    ];
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
        chain_id: domain.chain_id,
        escrow: domain.escrow,
        address: node.address,
        peer_id: node.net.peer_id().to_string(),
        listen: node.net.listen_addrs().await.iter().map(ToString::to_string).collect(),
        peers: u32::try_from(node.net.peers().await.len()).unwrap_or(u32::MAX),
        refused_orders: refused_orders(&node).await?,
        idle_pool: node.delivery.idle_pool().map(idle_pool),
        head: seen.then_some(HeadView { number: head.number, time: Time(head.time) }),
        roles: roles.into_iter().filter_map(|(is, role)| is.then_some(role)).collect(),
        details: node.details.clone(),
        last_block_age_s: seen.then(|| clock::now_s().saturating_sub(head.time)),
        authority_key: node.authority_key.clone(),
    }))
}

fn idle_pool(idle: IdlePool) -> IdlePoolView {
    IdlePoolView {
        url: idle.pool.map(|pool| pool.to_string()),
        accepted: idle.shares.accepted,
        refused: idle.shares.refused,
        job_age_s: idle.health.age.map(|age| age.as_secs()),
        problem: idle.health.failure,
    }
}

/// The reasons of the market, and those for which the network passes no order on to it.
async fn refused_orders(node: &Node) -> Result<BTreeMap<String, u64>, Failure> {
    let by_market = node.market.refused().await?;
    let by_net = node.net.orders().await;
    let by_net =
        [("malformed", by_net.malformed), ("peer over its rate", by_net.limited), ("market busy", by_net.crowded)];
    let by_net = by_net.into_iter().filter(|(_, count)| *count > 0).map(|(reason, count)| (reason.to_owned(), count));
    Ok(by_market.into_iter().map(|(reason, count)| (reason.to_string(), count)).chain(by_net).collect())
}
