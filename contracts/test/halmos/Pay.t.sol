// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Lease, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Pay} from "../../src/libraries/Pay.sol";
import {Vm} from "../utils/Vm.sol";

/// @notice Proofs by halmos, run by scripts/check-contracts: each holds for every input that `open` lets in. An overflow in one, or a division by
/// zero, counts as a counterexample, too.
contract PayProof {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    // ------------------------------------------------------------------ open

    function check_TheLockIsThePriceRoundedUp(uint128 price, uint64 hashrate, uint32 duration) external pure {
        uint256 lock = Pay.lockUp(price, hashrate, duration);
        uint256 exact = uint256(price) * hashrate * duration;
        assert(lock * Pay.UNIT >= exact);
        assert(lock == 0 || (lock - 1) * Pay.UNIT < exact);
    }

    function check_TheFeeLockIsTheShareRoundedUp(uint128 lock, uint16 matcherFeeBps) external pure {
        vm.assume(matcherFeeBps <= Pay.ONE);
        uint256 feeLock = Pay.feeLockUp(lock, matcherFeeBps);
        assert(feeLock <= lock);
        assert(feeLock * Pay.ONE >= uint256(lock) * matcherFeeBps);
        assert(feeLock == 0 || (feeLock - 1) * Pay.ONE < uint256(lock) * matcherFeeBps);
    }

    function check_TheBondIsAtMostTheLock(uint128 lock, uint16 bondBps) external pure {
        vm.assume(bondBps <= Pay.ONE);
        assert(Pay.bondDown(lock, bondBps) <= lock);
    }

    // ------------------------------------------------------------------ settle

    function check_SettledWorkNeverFallsAndIsCapped(Terms calldata terms, Lease memory lease, uint128 work)
        external
        pure
    {
        _assumeOpen(terms, lease);
        uint256 contracted = uint256(terms.hashrate) * (lease.end - terms.start);
        uint256 settled = Pay.settledWork(terms, lease, work);
        assert(settled >= lease.work);
        assert(settled == lease.work || settled == work || settled == contracted);
        assert(settled == lease.work || (settled <= work && settled <= contracted));
    }

    /// @dev With the proof before: settled work stays within what was agreed.
    function check_ACancellationContractsLess(Terms calldata terms, Lease memory lease) external pure {
        _assumeOpen(terms, lease);
        assert(
            uint256(terms.hashrate) * (lease.end - terms.start) <= uint256(terms.hashrate) * (terms.end - terms.start)
        );
    }

    function check_PayUpToATimeNeverFalls(uint128 price, uint128 work, uint128 more) external pure {
        vm.assume(work <= more && more < 2 ** 96);
        assert(Pay.paidDown(price, work) <= Pay.paidDown(price, more));
    }

    // ------------------------------------------------------------------ close

    function check_EarningsFitTheLock(Terms calldata terms, Lease memory lease) external pure {
        uint256 lock = _assumeOpen(terms, lease);
        assert(Pay.outcome(terms, lease).earned <= lock);
    }

    function check_WhatWasPaidStaysPaid(Terms calldata terms, Lease memory lease) external pure {
        _assumeOpen(terms, lease);
        assert(Pay.outcome(terms, lease).earned >= Pay.paidDown(terms.price, lease.work));
    }

    function check_LocksGoOutToTheUnit(Terms calldata terms, Lease memory lease) external pure {
        uint256 lock = _assumeOpen(terms, lease);
        Pay.Outcome memory o = Pay.outcome(terms, lease);
        assert(o.earned + o.fee + o.refund == lock + Pay.feeLockUp(lock, terms.matcherFeeBps));
    }

    function check_ThePenaltyFitsTheBond(Terms calldata terms, Lease memory lease) external pure {
        _assumeOpen(terms, lease);
        uint256 ran = lease.end - terms.start;
        uint256 required = uint256(terms.hashrate) * ran * terms.slaBps / Pay.ONE;
        // A step on the way, which the solver doesn't find by itself.
        assert(terms.bond * ran * required <= terms.bond * Pay.duration(terms) * required);
        assert(Pay.outcome(terms, lease).penalty <= terms.bond);
    }

    function check_MoreSharesNeverProveLess(Terms calldata terms, Lease memory lease, uint48 more) external pure {
        _assumeOpen(terms, lease);
        vm.assume(more >= lease.count);
        uint256 before = Pay.outcome(terms, lease).provenWork;
        lease.count = more;
        assert(Pay.outcome(terms, lease).provenWork >= before);
    }

    /// @dev The formula of `earned`, written again: with the proof before, more shares never pay less.
    function check_MoreProvenWorkNeverPaysLess(
        uint128 price,
        uint96 settled,
        uint96 proven,
        uint96 more,
        uint16 proofBps
    ) external pure {
        vm.assume(proofBps <= Pay.ONE && proven <= more);
        uint256 less_ = settled * Pay.ONE + uint256(proven) * proofBps;
        uint256 more_ = settled * Pay.ONE + uint256(more) * proofBps;
        // Steps on the way, which the solver doesn't find by itself.
        assert(less_ <= more_);
        assert(price * less_ <= price * more_);
        assert(price * less_ / (Pay.UNIT * Pay.ONE) <= price * more_ / (Pay.UNIT * Pay.ONE));
    }

    /// @dev The weight of work in `earned`, written again: a hash that moves from proven to settled never pays less.
    function check_MoreSettledWorkNeverWeighsLess(
        uint96 settled,
        uint96 more,
        uint96 contracted,
        uint160 shown,
        uint16 proofBps
    ) external pure {
        vm.assume(proofBps <= Pay.ONE && settled <= more && more <= contracted);
        uint256 proven = shown < contracted - settled ? shown : contracted - settled;
        uint256 rest = shown < contracted - more ? shown : contracted - more;
        // Steps on the way, which the solver doesn't find by itself.
        assert(proven <= rest + (more - settled));
        assert(proven * proofBps <= (rest + (more - settled)) * proofBps);
        assert(uint256(more - settled) * proofBps <= uint256(more - settled) * Pay.ONE);
        assert(settled * Pay.ONE + proven * proofBps <= more * Pay.ONE + rest * proofBps);
    }

    /// @dev The formula of `penalty`, written again.
    function check_MoreDeliveredWorkNeverCostsMoreBond(
        uint128 bond,
        uint32 ran,
        uint32 agreed,
        uint96 required,
        uint96 delivered,
        uint96 more
    ) external pure {
        vm.assume(0 < agreed && delivered <= more && more < required);
        uint256 before = uint256(bond) * ran * (required - delivered);
        uint256 later = uint256(bond) * ran * (required - more);
        // A step on the way, which the solver doesn't find by itself.
        assert(later <= before);
        assert(later / (uint256(agreed) * required) <= before / (uint256(agreed) * required));
    }

    /// @dev A lease that the escrow could hold: `open` checked its ratios and its lock, and settled work was capped when it settled.
    function _assumeOpen(Terms calldata terms, Lease memory lease) private pure returns (uint256 lock) {
        vm.assume(terms.start < terms.end && terms.end - terms.start <= type(uint32).max);
        vm.assume(terms.start <= lease.end && lease.end <= terms.end);
        vm.assume(terms.slaBps <= Pay.ONE && terms.proofBps <= Pay.ONE && terms.matcherFeeBps <= Pay.ONE);
        vm.assume(terms.proofShares > 0 && terms.hashrate > 0);
        vm.assume(lease.work <= uint256(terms.hashrate) * (terms.end - terms.start));
        lock = Pay.lockUp(terms.price, terms.hashrate, terms.end - terms.start);
        vm.assume(lock <= type(uint128).max && terms.bond <= lock);
    }
}
