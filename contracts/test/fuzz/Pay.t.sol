// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Lease, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Pay} from "../../src/libraries/Pay.sol";
import {Test} from "../utils/Test.sol";

/// @notice Gives the library terms in calldata.
contract PayCaller {
    function outcome(Terms calldata terms, Lease memory lease) external pure returns (Pay.Outcome memory) {
        return Pay.outcome(terms, lease);
    }

    function settledWork(Terms calldata terms, Lease memory lease, uint128 work) external pure returns (uint128) {
        return Pay.settledWork(terms, lease, work);
    }

    function proofWork(Terms calldata terms) external pure returns (uint256) {
        return Pay.proofWork(terms);
    }
}

/// @notice Money of a lease over the whole range of terms: nothing overflows, nothing is lost, more work never earns less.
contract PayTest is Test {
    struct Case {
        uint128 price;
        uint64 hashrate;
        uint32 duration;
        uint32 ran;
        uint16 slaBps;
        uint16 bondBps;
        uint16 proofBps;
        uint16 matcherFeeBps;
        uint16 proofShares;
        uint128 work;
        uint48 count;
    }

    PayCaller internal pay = new PayCaller();

    function testFuzz_NothingIsLostAndNothingMade(Case memory c) external view {
        (Terms memory terms, Lease memory lease, uint256 lock, uint256 feeLock) = _make(c);
        Pay.Outcome memory o = pay.outcome(terms, lease);
        assertTrue(o.earned <= lock, "earned fits the lock");
        assertTrue(o.fee <= feeLock, "fee fits its lock");
        assertTrue(o.penalty <= terms.bond, "penalty fits the bond");
        assertTrue(o.earned >= Pay.paidDown(terms.price, lease.work), "what was paid stays paid");
        assertEq(o.earned + o.fee + o.refund, lock + feeLock, "locks");
    }

    function testFuzz_TheFormulaOfTheProtocolHolds(Case memory c) external view {
        (Terms memory terms, Lease memory lease,,) = _make(c);
        Pay.Outcome memory o = pay.outcome(terms, lease);
        uint256 contracted = uint256(terms.hashrate) * (lease.end - terms.start);
        uint256 w = uint256(terms.hashrate) * (terms.end - terms.start) / terms.proofShares;
        if (w == 0) w = 1;
        assertEq(pay.proofWork(terms), w, "W");
        uint256 settled = lease.work < contracted ? lease.work : contracted;
        uint256 proven = w * lease.count;
        if (proven > contracted - settled) proven = contracted - settled;
        assertEq(o.provenWork, proven, "proven");
        uint256 earned = terms.price * (settled * 1e4 + proven * terms.proofBps) / (Pay.UNIT * 1e4);
        uint256 paid = Pay.paidDown(terms.price, lease.work);
        assertEq(o.earned, earned > paid ? earned : paid, "earned");
        assertEq(o.fee, o.earned * terms.matcherFeeBps / 1e4, "fee");
    }

    function testFuzz_MoreWorkNeverEarnsLessNorCostsMoreBond(Case memory c, uint128 more, uint48 moreShares)
        external
        view
    {
        (Terms memory terms, Lease memory lease,,) = _make(c);
        Pay.Outcome memory before = pay.outcome(terms, lease);

        lease.count = uint48(bound(moreShares, lease.count, type(uint48).max));
        Pay.Outcome memory proven = pay.outcome(terms, lease);
        assertTrue(proven.earned >= before.earned && proven.penalty <= before.penalty, "more shares");

        lease.work = pay.settledWork(terms, lease, more);
        Pay.Outcome memory settled = pay.outcome(terms, lease);
        assertTrue(settled.earned >= proven.earned && settled.penalty <= proven.penalty, "more settled");
    }

    function testFuzz_ACancellationNeverCostsTheSellerMoreBond(Case memory c, uint32 later) external view {
        (Terms memory terms, Lease memory lease,,) = _make(c);
        lease.work = 0;
        lease.count = 0;
        Pay.Outcome memory cancelled = pay.outcome(terms, lease);
        lease.end = uint40(bound(later, lease.end, terms.end));
        assertTrue(pay.outcome(terms, lease).penalty >= cancelled.penalty, "pro rata to the time that ran");
    }

    function testFuzz_SettledWorkNeverFallsAndIsCapped(Case memory c, uint128 work) external view {
        (Terms memory terms, Lease memory lease,,) = _make(c);
        uint256 settled = pay.settledWork(terms, lease, work);
        uint256 contracted = uint256(terms.hashrate) * (lease.end - terms.start);
        uint256 capped = work < contracted ? work : contracted;
        assertEq(settled, capped > lease.work ? capped : lease.work, "what is contracted, and no less than before");
    }

    /// @dev A lease that the escrow could hold: its lock fits 128 bits, and its work was settled before a cancellation or after.
    function _make(Case memory c)
        private
        pure
        returns (Terms memory terms, Lease memory lease, uint256 lock, uint256 feeLock)
    {
        terms.hashrate = uint64(bound(c.hashrate, 1, type(uint64).max));
        uint256 duration = bound(c.duration, 1, type(uint32).max);
        uint256 cap = uint256(terms.hashrate) * duration;
        uint256 most = type(uint128).max * Pay.UNIT / cap;
        terms.price = uint128(bound(c.price, 1, most < type(uint128).max ? most : type(uint128).max));
        terms.start = 1_790_000_000;
        terms.end = uint40(terms.start + duration);
        terms.slaBps = uint16(bound(c.slaBps, 0, 1e4));
        terms.proofBps = uint16(bound(c.proofBps, 0, 1e4));
        terms.matcherFeeBps = uint16(bound(c.matcherFeeBps, 0, 1e4));
        terms.proofShares = uint16(bound(c.proofShares, 1, type(uint16).max));
        lock = Pay.lockUp(terms.price, terms.hashrate, duration);
        feeLock = Pay.feeLockUp(lock, terms.matcherFeeBps);
        terms.bond = uint128(Pay.bondDown(lock, uint16(bound(c.bondBps, 0, 1e4))));
        lease.end = uint40(terms.start + bound(c.ran, 0, duration));
        lease.through = terms.start;
        lease.work = uint128(bound(c.work, 0, cap));
        lease.count = c.count;
    }
}
