//! The market: the book, what comes into it, what is offered by this node, and what is opened.

mod admission;
mod engine;
mod offers;

pub use admission::OrderRefusal;
pub use engine::{BookView, Market, MarketError, Parts, start};
pub use offers::{AskTerms, OwnView};
