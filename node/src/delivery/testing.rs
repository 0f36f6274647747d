//! What tests of this room share.

use alloy_primitives::{Address, B256};
use hashlease_domain::Terms;

/// A lease of an hour at a million hashes per second, from time 1,000 on.
pub(super) fn terms() -> Terms {
    let (nobody, none) = (Address::ZERO, B256::ZERO);
    Terms {
        buyer: nobody,
        agent: nobody,
        seller: nobody,
        payee: nobody,
        matcher: nobody,
        token: nobody,
        price: 1,
        hashrate: 1_000_000,
        start: 1_000,
        end: 4_600,
        sla_bps: 0,
        proof_bps: 9_000,
        matcher_fee_bps: 0,
        proof_shares: 256,
        cancel_notice: 0,
        proof_window: 600,
        bond: 0,
        ask_id: none,
        bid_id: none,
        entropy: none,
    }
}
