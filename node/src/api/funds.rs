//! `/v1/balances`, `/v1/deposits`, `/v1/withdrawals`, `/v1/calls`: money, and what moves it.

use alloy_primitives::{Address, U256};
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::StatusCode,
};
use serde::Deserialize;

use super::{
    Answer, Failure, Node,
    types::{self, Balances, CallAccepted, CallView, TokenBalance, TransferRequest},
};
use crate::{
    registry::{CallState, Origin, RegistryError},
    settlement::{Call, Contracts, Transactions},
};

/// Query of the balances.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    account: Option<Address>,
}

pub(super) async fn balances(
    State(node): State<Node>,
    query: Result<Query<Whose>, QueryRejection>,
) -> Answer<Balances> {
    let Query(Whose { account }) = query?;
    let account = account.unwrap_or(node.address);
    let native = node.evm.native_balance(account).await?;
    let mut tokens = Vec::new();
    for token in node.config.tokens.values().map(|token| token.address) {
        let escrow = node.evm.escrow_balance(account, token).await?;
        let wallet = node.evm.token_balance(account, token).await?;
        tokens.push(TokenBalance { token, escrow, wallet });
    }
    Ok(Json(Balances { account, native, tokens }))
}

/// The number of a call that was queued.
pub(super) type Queued = Result<(StatusCode, Json<CallAccepted>), Failure>;

pub(super) async fn deposit(State(node): State<Node>, body: Result<Json<TransferRequest>, JsonRejection>) -> Queued {
    let Json(TransferRequest { token, amount, .. }) = body?;
    let amount = U256::from(amount);
    if node.evm.token_allowance(node.address, token).await? < amount {
        node.registry.queue(Origin::Owner, Call::Approve { token, amount }).await?;
    }
    queue(&node, Call::Deposit { token, amount, account: node.address }).await
}

pub(super) async fn withdraw(State(node): State<Node>, body: Result<Json<TransferRequest>, JsonRejection>) -> Queued {
    let Json(TransferRequest { token, amount, to }) = body?;
    queue(&node, Call::Withdraw { token, amount: U256::from(amount), to: to.unwrap_or(node.address) }).await
}

/// Queues a call of the owner's.
pub(super) async fn queue(node: &Node, call: Call) -> Queued {
    let call = node.registry.queue(Origin::Owner, call).await?;
    Ok((StatusCode::ACCEPTED, Json(CallAccepted { call })))
}

pub(super) async fn call(State(node): State<Node>, path: Result<Path<u64>, PathRejection>) -> Answer<CallView> {
    let Path(number) = path?;
    let call = node.registry.call(number).await.ok_or(RegistryError::UnknownCall(number))?;
    let nothing = CallView { number, state: types::CallState::Queued, hash: None, gas_used: None, reason: None };
    Ok(Json(match call.state {
        CallState::Queued => nothing,
        CallState::Intended { .. } => CallView { state: types::CallState::Sent, ..nothing },
        CallState::Sent { raw, .. } => CallView { state: types::CallState::Sent, hash: Some(raw.hash), ..nothing },
        CallState::Mined { hash, succeeded, gas_used, .. } => CallView {
            state: if succeeded { types::CallState::Mined } else { types::CallState::Refused },
            hash: Some(hash),
            gas_used: Some(gas_used),
            reason: (!succeeded).then(|| "the transaction reverted".to_owned()),
            ..nothing
        },
        CallState::Refused { reason } => CallView { state: types::CallState::Refused, reason: Some(reason), ..nothing },
    }))
}
