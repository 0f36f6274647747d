//! `/v1/book`: the live orders.

use axum::{Json, extract::State};

use super::{
    Answer, Node,
    types::{BookAsk, BookBid, BookView},
};

pub(super) async fn book(State(node): State<Node>) -> Answer<BookView> {
    let view = node.market.book().await?;
    let text = |document: &[u8]| String::from_utf8_lossy(document).into_owned();
    let asks = view.asks.into_iter().map(|listed| BookAsk {
        id: listed.id,
        remaining: listed.remaining(),
        details: text(&listed.details),
        ask: listed.signed.order,
    });
    let bids = view.bids.into_iter().map(|listed| BookBid {
        id: listed.id,
        remaining: listed.remaining(),
        details: text(&listed.details),
        bid: listed.signed.order,
    });
    Ok(Json(BookView { asks: asks.collect(), bids: bids.collect() }))
}
