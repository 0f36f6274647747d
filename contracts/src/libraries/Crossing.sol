// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Ask, Bid, ILeaseEscrow} from "../interfaces/ILeaseEscrow.sol";
import {Pay} from "./Pay.sol";

/// @title Whether an ask and a bid may become a lease
library Crossing {
    /// @notice Reverts where a field of the lease to be is zero or a ratio above one.
    function requireSound(Ask calldata ask, Bid calldata bid, uint64 hashrate) internal pure {
        if (bid.buyer == address(0)) revert ILeaseEscrow.ZeroField("buyer");
        if (bid.agent == address(0)) revert ILeaseEscrow.ZeroField("agent");
        if (ask.seller == address(0)) revert ILeaseEscrow.ZeroField("seller");
        if (ask.payee == address(0)) revert ILeaseEscrow.ZeroField("payee");
        if (hashrate == 0) revert ILeaseEscrow.ZeroField("hashrate");
        if (bid.duration == 0) revert ILeaseEscrow.ZeroField("duration");
        if (ask.proofShares == 0) revert ILeaseEscrow.ZeroField("proofShares");
        _requireRatio("slaBps", ask.slaBps);
        _requireRatio("bondBps", ask.bondBps);
        _requireRatio("proofBps", ask.proofBps);
        _requireRatio("matcherFeeBps", bid.matcherFeeBps);
    }

    /// @notice Reverts where a limit of one order isn't met by the other, or by the caller who would match them.
    // One line for each limit reads better than functions that share them out.
    // slither-disable-next-line cyclomatic-complexity
    function requireCross(Ask calldata ask, Bid calldata bid, address caller) internal pure {
        if (ask.token != bid.token) revert ILeaseEscrow.TokenMismatch(ask.token, bid.token);
        if (ask.price > bid.maxPrice) revert ILeaseEscrow.PriceTooHigh(ask.price, bid.maxPrice);
        if (bid.duration < ask.minDuration || bid.duration > ask.maxDuration) {
            revert ILeaseEscrow.DurationOutOfRange(bid.duration, ask.minDuration, ask.maxDuration);
        }
        if (ask.slaBps < bid.minSlaBps) revert ILeaseEscrow.SlaTooLow(ask.slaBps, bid.minSlaBps);
        if (ask.bondBps < bid.minBondBps) revert ILeaseEscrow.BondTooLow(ask.bondBps, bid.minBondBps);
        if (ask.proofBps > bid.maxProofBps) revert ILeaseEscrow.ProofPayTooHigh(ask.proofBps, bid.maxProofBps);
        if (ask.cancelNotice > bid.maxCancelNotice) {
            revert ILeaseEscrow.CancelNoticeTooLong(ask.cancelNotice, bid.maxCancelNotice);
        }
        if (ask.proofWindow > bid.maxProofWindow) {
            revert ILeaseEscrow.ProofWindowTooLong(ask.proofWindow, bid.maxProofWindow);
        }
        if (ask.proofShares < bid.minProofShares) {
            revert ILeaseEscrow.ProofSharesTooFew(ask.proofShares, bid.minProofShares);
        }
        uint256 missing = bid.requiredTags & ~ask.tags;
        if (missing != 0) revert ILeaseEscrow.TagsMissing(missing);
        if (bid.seller != address(0) && bid.seller != ask.seller) {
            revert ILeaseEscrow.SellerNotWanted(ask.seller, bid.seller);
        }
        if (bid.matcher != address(0) && bid.matcher != caller) revert ILeaseEscrow.NotMatcher(caller, bid.matcher);
    }

    function _requireRatio(string memory field, uint16 bps) private pure {
        if (bps > Pay.ONE) revert ILeaseEscrow.RatioTooHigh(field, bps);
    }
}
