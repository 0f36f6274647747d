//! The market: the book, what comes into it, what is offered by this node, and what is opened.

mod admission;
mod asks;
mod capacity;
mod engine;
mod handle;
mod makers;
mod offers;
mod own;

pub use admission::{OrderRefusal, RefusalReason};
pub use engine::{Parts, start};
pub use handle::{BookView, Market, MarketError};
pub use offers::{AskTerms, OwnView};
