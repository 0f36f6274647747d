//! `/v1/destinations/test`: a look at a pool or a Bitcoin node, before anything is leased for it.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use tokio::sync::Semaphore;

use super::{
    Answer, Failure, Node,
    types::{DestinationReport, DestinationTest},
};
use crate::{
    config::ProbeArgs,
    destination::{DestinationUrl, Password},
};

/// Looks at the same time: each holds a connection for up to 20 seconds.
static LOOKS: Semaphore = Semaphore::const_new(4);

pub(super) async fn test(
    State(node): State<Node>,
    body: Result<Json<DestinationTest>, JsonRejection>,
) -> Answer<DestinationReport> {
    let Json(DestinationTest { url, user, password, payout }) = body?;
    let busy =
        |_| Failure::new(StatusCode::TOO_MANY_REQUESTS, "busy", "others are being looked at: try again in 20 seconds");
    let _turn = LOOKS.try_acquire().map_err(busy)?;
    let url: DestinationUrl = url.parse()?;
    let probe = node.config.probe(url.clone(), ProbeArgs { user, password: password.map(Password::new), payout })?;
    Ok(Json(DestinationReport::new(&url, probe.look().await?)))
}
