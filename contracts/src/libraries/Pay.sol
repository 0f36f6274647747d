// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Lease, Terms} from "../interfaces/ILeaseEscrow.sol";

/// @title Arithmetic of a lease's money
/// @dev Nothing here overflows, which the widths show: contracted work is below 2^96 (64-bit hashrate, 32-bit duration), a price, lock and
/// bond are below 2^128, and ratios at most 1e4 < 2^14.
library Pay {
    /// @dev Hashes in a PH/s·day, which prices refer to.
    uint256 internal constant UNIT = 1e15 * 86_400;
    /// @dev Basis points in one.
    uint256 internal constant ONE = 1e4;

    /// @notice Where the money of a lease goes when it closes.
    struct Outcome {
        /// Hashes paid by proof shares.
        uint256 provenWork;
        /// To the payee, over the whole lease.
        uint256 earned;
        /// To the matcher.
        uint256 fee;
        /// To the buyer, from both locks.
        uint256 refund;
        /// To the buyer, from the bond.
        uint256 penalty;
    }

    function duration(Terms calldata terms) internal pure returns (uint256) {
        return terms.end - terms.start;
    }

    /// @notice Work of one proof share.
    function proofWork(Terms calldata terms) internal pure returns (uint256) {
        return Math.max(1, uint256(terms.hashrate) * duration(terms) / terms.proofShares);
    }

    /// @notice Price of work, rounded up, and not yet known to fit 128 bits.
    function lockUp(uint128 price, uint64 hashrate, uint256 seconds_) internal pure returns (uint256) {
        return Math.ceilDiv(uint256(price) * hashrate * seconds_, UNIT);
    }

    function feeLockUp(uint256 lock, uint16 matcherFeeBps) internal pure returns (uint256) {
        return Math.ceilDiv(lock * matcherFeeBps, ONE);
    }

    function bondDown(uint256 lock, uint16 bondBps) internal pure returns (uint256) {
        return lock * bondBps / ONE;
    }

    /// @notice What of a receipt's work is settled: no more than is contracted, no less than was settled before.
    function settledWork(Terms calldata terms, Lease memory lease, uint128 work) internal pure returns (uint128) {
        uint256 contracted = uint256(terms.hashrate) * (lease.end - terms.start);
        return uint128(Math.max(lease.work, Math.min(work, contracted)));
    }

    /// @notice What settled work has earned.
    function paidDown(uint128 price, uint256 work) internal pure returns (uint256) {
        return price * work / UNIT;
    }

    /// @dev `lease.work` is capped at what was contracted when it settled, so it is paid in full even where a cancellation has since
    /// contracted less, and "never less than was already paid" needs no memory of its own.
    function outcome(Terms calldata terms, Lease memory lease) internal pure returns (Outcome memory result) {
        uint256 agreed = duration(terms);
        uint256 ran = lease.end - terms.start;
        uint256 contracted = uint256(terms.hashrate) * ran;
        uint256 shown = proofWork(terms) * lease.count;

        result.provenWork = Math.min(shown, Math.saturatingSub(contracted, lease.work));
        result.earned = terms.price * (lease.work * ONE + result.provenWork * terms.proofBps) / (UNIT * ONE);
        result.fee = result.earned * terms.matcherFeeBps / ONE;

        uint256 lock = lockUp(terms.price, terms.hashrate, agreed);
        result.refund = lock + feeLockUp(lock, terms.matcherFeeBps) - result.earned - result.fee;

        // What is required is a whole number of hashes by definition, rounded down before anything is judged by it.
        // slither-disable-next-line divide-before-multiply
        uint256 required = contracted * terms.slaBps / ONE;
        uint256 delivered = lease.work + shown;
        if (delivered < required) {
            result.penalty = terms.bond * ran * (required - delivered) / (agreed * required);
        }
    }
}
