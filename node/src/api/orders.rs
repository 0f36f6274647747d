//! `/v1/orders`, `/v1/asks`, `/v1/bids`: the node's own orders and those of its buyers.

use alloy_primitives::B256;
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::StatusCode,
};
use hashlease_domain::Signed;

use super::{
    Answer, Failure, Node,
    page::Paging,
    types::{AskRequest, BidRequest, OrderPlaced, OrderSide, OrderState, OwnOrder, Page, Time},
};
use crate::{
    clock,
    market::{AskTerms, OwnView},
};

pub(super) async fn list(
    State(node): State<Node>,
    query: Result<Query<Paging>, QueryRejection>,
) -> Answer<Page<OwnOrder>> {
    let Query(paging) = query?;
    let now = clock::now_s();
    let orders = node.market.own_orders().await?.into_iter().map(|own| entry(own, now)).collect();
    Ok(Json(paging.cut(orders, |order: &OwnOrder| order.salt.to_string())))
}

fn entry(own: OwnView, now: u64) -> OwnOrder {
    let state = if own.cancelled {
        OrderState::Cancelled
    } else if own.withdrawn {
        OrderState::Withdrawn
    } else if own.filled >= own.hashrate {
        OrderState::Filled
    } else if own.expiry <= now {
        OrderState::Expired
    } else {
        OrderState::Live
    };
    OwnOrder {
        side: match own.side {
            hashlease_domain::Side::Ask => OrderSide::Ask,
            hashlease_domain::Side::Bid => OrderSide::Bid,
        },
        id: own.id,
        maker: own.maker,
        salt: own.salt,
        token: own.token,
        price: own.price,
        offered: own.offered,
        hashrate: own.hashrate,
        filled: own.filled,
        state,
        expires_at: Time(own.expiry),
    }
}

pub(super) async fn ask(
    State(node): State<Node>,
    body: Result<Json<AskRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<OrderPlaced>), Failure> {
    let Json(request) = body?;
    let Some(farm) = &node.config.farm else {
        let detail = "the node sells nothing: add a [farm] section to its configuration";
        return Err(Failure::new(StatusCode::CONFLICT, "no-farm", detail));
    };
    if node.config.token_at(request.token).is_none() {
        let detail = format!("token {} is not in the configuration: add a [tokens] section for it", request.token);
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown-token", detail));
    }
    let terms = AskTerms {
        payee: farm.payee.unwrap_or(node.address),
        token: request.token,
        price: request.price,
        hashrate: request.hashrate,
        min_hashrate: request.min_hashrate,
        min_duration: request.min_duration_s,
        max_duration: request.max_duration_s,
        sla_bps: request.sla_bps,
        bond_bps: request.bond_bps,
        proof_bps: request.proof_bps,
        cancel_notice: request.cancel_notice_s,
        proof_window: request.proof_window_s,
        proof_shares: request.proof_shares,
        tags: request.tags,
        region: request.region,
        rig: request.rig,
    };
    let (id, salt) = node.market.offer(terms).await?;
    Ok((StatusCode::CREATED, Json(OrderPlaced { id, salt })))
}

pub(super) async fn bid(
    State(node): State<Node>,
    body: Result<Json<BidRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<OrderPlaced>), Failure> {
    let Json(request) = body?;
    let salt = request.bid.salt;
    let signed = Signed { order: request.bid, signature: request.signature };
    let id = node.market.bid(signed, request.details.into_bytes()).await?;
    Ok((StatusCode::CREATED, Json(OrderPlaced { id, salt })))
}

pub(super) async fn cancel(
    State(node): State<Node>,
    path: Result<Path<B256>, PathRejection>,
) -> Result<StatusCode, Failure> {
    let Path(salt) = path?;
    node.market.cancel(salt).await?;
    Ok(StatusCode::NO_CONTENT)
}
