//! Orders that wait for the market's verdict before they are forwarded.

use libp2p::{
    PeerId,
    gossipsub::{MessageAcceptance, MessageId},
};
use tokio::sync::OwnedSemaphorePermit;

/// Orders that may wait for a verdict at once, in the event queue and in the market's hands. A
/// verdict costs a signature check, so this many are worked off in well under a second.
pub(super) const MAX_AWAITING: usize = 256;

/// What the market says of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Valid: forward it.
    Accept,
    /// Not to be forwarded, and nobody's fault: expired, already known, no funds any more.
    Ignore,
    /// Invalid whatever the time: the peer that forwarded it did not check it, and is held to it.
    Reject,
}

/// Names one order that awaits its [`Verdict`]. Dropped without one, the order is not forwarded.
#[derive(Debug)]
pub struct MessageToken {
    pub(super) id: MessageId,
    pub(super) from: PeerId,
    /// Frees the order's place when the verdict has been handled.
    pub(super) _place: OwnedSemaphorePermit,
}

impl From<Verdict> for MessageAcceptance {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accept => Self::Accept,
            Verdict::Ignore => Self::Ignore,
            Verdict::Reject => Self::Reject,
        }
    }
}
