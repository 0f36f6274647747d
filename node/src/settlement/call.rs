//! The calls that a node or its owner's wallet sends.

use alloy_primitives::{Address, B256, Bytes, U256};
use ethers::abi::AbiEncode;
use hashlease_domain::{Ask, Bid, LeaseJob, Signed, Terms, receipt::SignedReceipt};
use serde::{Deserialize, Serialize};

use super::{
    bindings::{lease_escrow as escrow, test_token as token},
    convert::{to_ask, to_bid, to_h160, to_receipt, to_signed_job, to_terms, to_u256},
};

/// A call of the escrow or of a token (section 3). Amounts in token base units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Call {
    /// Lets the escrow take tokens from the sender.
    Approve {
        /// Token.
        token: Address,
        /// Most that it may take from now on.
        amount: U256,
    },
    /// Makes tokens out of nothing: the test token of local chains alone can.
    Mint {
        /// Test token.
        token: Address,
        /// Who gets them.
        to: Address,
        /// How much.
        amount: U256,
    },
    /// Moves approved tokens of the sender into the escrow.
    Deposit {
        /// Token.
        token: Address,
        /// How much.
        amount: U256,
        /// Whose balance it becomes.
        account: Address,
    },
    /// Moves free balance of the sender out of the escrow.
    Withdraw {
        /// Token.
        token: Address,
        /// How much.
        amount: U256,
        /// Who gets it.
        to: Address,
    },
    /// Opens a lease.
    Open {
        /// The seller's offer.
        ask: Box<Signed<Ask>>,
        /// The buyer's order.
        bid: Box<Signed<Bid>>,
        /// Hashes per second that the lease takes from both.
        hashrate: u64,
    },
    /// Pays what a newer receipt adds.
    Settle {
        /// Lease.
        terms: Box<Terms>,
        /// Newest receipt.
        receipt: SignedReceipt,
    },
    /// Pays what a newer receipt adds, and closes the lease.
    SettleAndClose {
        /// Lease.
        terms: Box<Terms>,
        /// Last receipt.
        receipt: SignedReceipt,
    },
    /// Pays what is proven, judges the service level and returns the rest.
    Close {
        /// Lease.
        terms: Box<Terms>,
    },
    /// Brings the end of a lease forward.
    Cancel {
        /// Lease.
        terms: Box<Terms>,
    },
    /// Ends the sender's orders with a salt, on both sides.
    CancelOrder {
        /// Salt.
        salt: B256,
    },
    /// Ends all of the sender's orders.
    BumpEpoch,
    /// Lets a watchtower prove for the sender's leases, or no longer.
    SetOperator {
        /// Watchtower.
        operator: Address,
        /// Whether it may.
        allowed: bool,
    },
    /// Shows proof shares.
    Prove {
        /// Lease.
        terms: Box<Terms>,
        /// The last hash counted; zero starts anew.
        after: B256,
        /// Jobs that the shares refer to by index.
        jobs: Vec<Signed<LeaseJob>>,
        /// Shares in strictly ascending order of their hashes, packed as the escrow's interface says.
        shares: Bytes,
    },
}

impl Call {
    /// Returns the called contract and the call data.
    pub fn encode(&self, escrow: Address) -> (Address, Bytes) {
        let to = match self {
            Self::Approve { token, .. } | Self::Mint { token, .. } => *token,
            _ => escrow,
        };
        (to, self.calldata(escrow).into())
    }

    fn calldata(&self, spender: Address) -> Vec<u8> {
        match self {
            Self::Approve { amount, .. } => {
                token::ApproveCall { spender: to_h160(spender), value: to_u256(*amount) }.encode()
            }
            Self::Mint { to, amount, .. } => token::MintCall { to: to_h160(*to), amount: to_u256(*amount) }.encode(),
            Self::Deposit { token, amount, account } => {
                escrow::DepositCall { token: to_h160(*token), amount: to_u256(*amount), account: to_h160(*account) }
                    .encode()
            }
            Self::Withdraw { token, amount, to } => {
                escrow::WithdrawCall { token: to_h160(*token), amount: to_u256(*amount), to: to_h160(*to) }.encode()
            }
            Self::Open { ask, bid, hashrate } => open(ask, bid, *hashrate).encode(),
            Self::Settle { terms, receipt } => settle(terms, receipt).encode(),
            Self::SettleAndClose { terms, receipt } => settle_and_close(terms, receipt).encode(),
            Self::Close { terms } => escrow::CloseCall { terms: to_terms(terms) }.encode(),
            Self::Cancel { terms } => escrow::CancelCall { terms: to_terms(terms) }.encode(),
            Self::CancelOrder { salt } => escrow::CancelOrderCall { salt: salt.0 }.encode(),
            Self::BumpEpoch => escrow::BumpEpochCall.encode(),
            Self::SetOperator { operator, allowed } => {
                escrow::SetOperatorCall { operator: to_h160(*operator), allowed: *allowed }.encode()
            }
            Self::Prove { terms, after, jobs, shares } => escrow::ProveCall {
                terms: to_terms(terms),
                last: after.0,
                jobs: jobs.iter().map(to_signed_job).collect(),
                shares: shares.to_vec().into(),
            }
            .encode(),
        }
    }
}

fn open(ask: &Signed<Ask>, bid: &Signed<Bid>, hashrate: u64) -> escrow::OpenCall {
    escrow::OpenCall {
        ask: to_ask(&ask.order),
        ask_sig: ask.signature.clone().into(),
        bid: to_bid(&bid.order),
        bid_sig: bid.signature.clone().into(),
        hashrate,
    }
}

fn settle(terms: &Terms, signed: &SignedReceipt) -> escrow::SettleCall {
    escrow::SettleCall {
        terms: to_terms(terms),
        receipt: to_receipt(&signed.receipt),
        seller_sig: signed.seller.as_bytes().into(),
        agent_sig: signed.agent.as_bytes().into(),
    }
}

fn settle_and_close(terms: &Terms, signed: &SignedReceipt) -> escrow::SettleAndCloseCall {
    let escrow::SettleCall { terms, receipt, seller_sig, agent_sig } = settle(terms, signed);
    escrow::SettleAndCloseCall { terms, receipt, seller_sig, agent_sig }
}
