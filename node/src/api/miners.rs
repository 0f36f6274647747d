//! `/v1/miners`: the farm's connections.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};

use super::{
    Answer, Node,
    page::Paging,
    types::{MinerView, Page, Time},
};
use crate::{
    clock,
    farm::{RejectReason, SessionStatus},
};

pub(super) async fn list(
    State(node): State<Node>,
    query: Result<Query<Paging>, QueryRejection>,
) -> Answer<Page<MinerView>> {
    let Query(paging) = query?;
    let now = clock::now_s();
    let mut sessions = node.farm.as_ref().map(crate::farm::Farm::sessions).unwrap_or_default();
    sessions.reverse();
    let miners = sessions.into_iter().map(|session| entry(session, now)).collect();
    Ok(Json(paging.cut(miners, |miner: &MinerView| miner.id.to_string())))
}

fn entry(session: SessionStatus, now: u64) -> MinerView {
    MinerView {
        id: session.id,
        worker: session.worker,
        user_agent: Some(session.user_agent).filter(|name| !name.is_empty()),
        remote: session.remote.to_string(),
        lease: session.lease,
        difficulty: session.difficulty,
        last_share_at: session.last_share.map(|ago| Time(now.saturating_sub(ago.as_secs()))),
        accepted: session.accepted,
        stale: session.rejected.get(&RejectReason::Stale).copied().unwrap_or(0),
        rejected: session.rejected.into_iter().map(|(reason, count)| (reason.to_string(), count)).collect(),
        work: session.work,
        hashrate: session.hashrate,
        hashrate_error: session.hashrate_error,
        connected_at: Time(now.saturating_sub(session.connected_for.as_secs())),
    }
}
