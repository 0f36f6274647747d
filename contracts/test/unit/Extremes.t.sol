// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Ask, Bid, ILeaseEscrow, Job, SignedJob, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Fixture} from "../utils/Fixture.sol";
import {Miner, Share} from "../utils/Miner.sol";

/// @notice Terms at the ends of what they may be, parties that are one, and calls of a size that nobody needs.
contract ExtremesTest is Fixture {
    // ------------------------------------------------------------------ terms

    function test_LeastTermsOpenSettleAndClose() external {
        (Ask memory ask, Bid memory bid) = _least();
        // A unit for the one hash.
        ask.price = uint128(UNIT);
        bid.maxPrice = uint128(UNIT);
        Terms memory terms = _open(ask, bid, 1);
        assertEq(terms.bond, 0, "bond");
        assertEq(_balance(buyer), FUNDS - 1, "lock alone");
        _settle(terms, 1, START + 1);
        assertEq(_balance(payee), 1, "paid");
        vm.warp(START + 1);
        escrow.close(terms);
        assertEq(_balance(buyer) + _balance(payee), FUNDS, "nothing is lost");
    }

    function test_TheLeastPriceLocksAUnit() external {
        (Ask memory ask, Bid memory bid) = _least();
        (ask.price, bid.maxPrice) = (1, 1);
        Terms memory terms = _open(ask, bid, 1);
        assertEq(_balance(buyer), FUNDS - 1, "a unit");
        _settle(terms, 1, START + 1);
        vm.warp(START + 1);
        escrow.close(terms);
        assertEq(_balance(payee), 0, "less than a unit is earned");
        assertEq(_balance(buyer), FUNDS, "and comes back");
    }

    function test_GreatestTermsSettleAndClose() external {
        Terms memory terms = _greatest();
        uint256 lock = _lockOf(terms);
        uint256 contracted = uint256(type(uint64).max) * type(uint32).max;
        assertTrue(lock > uint256(type(uint128).max) * 99 / 100, "close to the most");
        vm.warp(terms.end);
        _settleAndClose(terms, type(uint128).max, type(uint40).max);
        assertEq(_balance(payee), contracted * terms.price / UNIT, "payee");
        assertEq(_balance(matcher), contracted * terms.price / UNIT, "matcher: as much again");
        _assertNothingLost();
    }

    function test_GreatestTermsWithoutDeliveryCostTheWholeBond() external {
        Terms memory terms = _greatest();
        uint256 before = _balance(buyer);
        vm.warp(uint256(terms.end) + type(uint32).max);
        escrow.close(terms);
        assertEq(_balance(buyer), before + 2 * _lockOf(terms) + terms.bond, "buyer: locks and bond");
        _assertNothingLost();
    }

    function test_GreatestTermsWithMostProofsPayOnce() external {
        Terms memory terms = _greatest();
        // More shares than any call can hold, each of the most work that one can stand for.
        bytes32 slot = keccak256(abi.encode(escrow.leaseId(terms), uint256(6)));
        uint256 state = uint256(vm.load(address(escrow), slot));
        vm.store(address(escrow), slot, bytes32(state | uint256(type(uint48).max) << 208));
        assertEq(_state(terms).count, type(uint48).max, "count");
        vm.warp(uint256(terms.end) + type(uint32).max);
        escrow.close(terms);
        assertEq(_balance(payee), uint256(type(uint64).max) * type(uint32).max * terms.price / UNIT, "payee");
        _assertNothingLost();
    }

    function test_RatiosAboveOneAreRefusedToTheirEnd() external {
        for (uint256 i = 0; i < 4; ++i) {
            for (uint256 j = 0; j < 2; ++j) {
                uint16 bps = j == 0 ? 10_001 : type(uint16).max;
                Ask memory ask = _ask();
                Bid memory bid = _bid();
                bid.maxProofBps = type(uint16).max;
                string memory field;
                if (i == 0) (ask.slaBps, field) = (bps, "slaBps");
                if (i == 1) (ask.bondBps, field) = (bps, "bondBps");
                if (i == 2) (ask.proofBps, field) = (bps, "proofBps");
                if (i == 3) (bid.matcherFeeBps, field) = (bps, "matcherFeeBps");
                _expectNoLease(
                    ask, bid, 10, abi.encodeWithSelector(ILeaseEscrow.RatioTooHigh.selector, field, uint256(bps))
                );
            }
        }
    }

    function test_LimitsAboveOneCrossNothingOrEverything() external {
        Bid memory bid = _bid();
        bid.minSlaBps = type(uint16).max;
        _expectNoLease(
            _ask(), bid, 10, abi.encodeWithSelector(ILeaseEscrow.SlaTooLow.selector, 8_000, type(uint16).max)
        );
        bid = _bid();
        bid.minBondBps = type(uint16).max;
        _expectNoLease(
            _ask(), bid, 10, abi.encodeWithSelector(ILeaseEscrow.BondTooLow.selector, 2_000, type(uint16).max)
        );
        bid = _bid();
        bid.maxProofBps = type(uint16).max;
        _open(_ask(), bid, 10);
    }

    // ------------------------------------------------------------------ parties

    /// @dev Buyer, agent, seller, payee and matcher: whatever one pays itself, it ends with what it had.
    function test_OneAccountInEveryRoleGainsNothing() external {
        Terms[3] memory own = [_own("first"), _own("second"), _own("third")];
        uint256 others = _balance(buyer);
        uint256 locked = own[0].bond + _lockOf(own[0]) * 101 / 100;
        assertEq(_balance(seller), FUNDS - 3 * locked, "locks");
        vm.warp(own[0].end);
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 digest = escrow.receiptHash(_receipt(own[i], type(uint128).max, own[i].end - i));
            bytes memory sig = _sign(SELLER_KEY, digest);
            escrow.settle(own[i], _receipt(own[i], type(uint128).max, own[i].end - i), sig, sig);
        }
        vm.warp(own[0].end + 30);
        Share memory share = Miner.standby(escrow.leaseId(own[2]), 0, uint32(own[2].end), type(uint256).max / 10, true);
        vm.prank(seller);
        escrow.prove(own[2], 0, new SignedJob[](0), share.item);
        vm.warp(own[0].end + 60);
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(seller);
            escrow.close(own[i]);
        }
        assertEq(_balance(seller), FUNDS, "all of it, no more");
        assertEq(_balance(buyer), others, "others");
    }

    function test_ThePartiesGainNothingFromThirdOnesByColluding() external {
        Terms memory terms = _lease();
        _fund(stranger, FUNDS);
        _settle(terms, type(uint128).max, type(uint40).max);
        vm.warp(terms.end);
        escrow.close(terms);
        assertEq(_balance(buyer) + _balance(seller) + _balance(payee) + _balance(matcher), 2 * FUNDS, "theirs");
        assertEq(_balance(stranger), FUNDS, "another's");
    }

    // ------------------------------------------------------------------ sizes

    function test_AThousandSharesCostAThousandTimesOne() external {
        (Ask memory ask, Bid memory bid) = (_ask(), _bid());
        // Every hash is a proof share of one hash of work.
        (ask.proofShares, ask.proofWindow) = (type(uint16).max, 60);
        Terms memory terms = _open(ask, bid, 10);
        vm.warp(terms.end + 30);
        bytes32 id = escrow.leaseId(terms);
        Share[] memory shares = new Share[](1_000);
        for (uint256 i = 0; i < shares.length; ++i) {
            shares[i] = Miner.standby(id, bytes32(i), uint32(START + 1), type(uint256).max, true);
        }
        _sort(shares, 0, 999);
        bytes memory one = Miner.join(shares, 0, 1);
        bytes memory half = _join(shares, 500);
        bytes memory all = _join(shares, 1_000);
        uint256 base = _gasOf(terms, one);
        uint256 first = _gasOf(terms, half) - base;
        uint256 whole = _gasOf(terms, all) - base;
        assertEq(_state(terms).count, 1_000, "count");
        assertTrue(whole * 499 <= first * 999 * 101 / 100, "gas grows no faster than the row");
    }

    function test_ManyJobsAreTakenAndBeyondTheirIndexNoneIs() external {
        Terms memory terms = _lease();
        vm.warp(terms.end + 30);
        SignedJob[] memory jobs = new SignedJob[](300);
        jobs[0].job.leaseId = escrow.leaseId(terms);
        jobs[0].signature = _sign(AGENT_KEY, escrow.jobHash(jobs[0].job));
        for (uint256 i = 1; i < jobs.length; ++i) {
            jobs[i] = jobs[0];
        }
        // Index 0xfe is the last of a job; 0xff is a standby share's.
        Share memory share = Miner.onJob(jobs[0].job, 0xfe, 0, uint32(START + 1), "", type(uint256).max / 10, true);
        vm.prank(seller);
        escrow.prove(terms, 0, jobs, share.item);
        assertEq(_state(terms).count, 1, "count");
        share.item[0] = 0xff;
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.ShareCutShort.selector, 0));
        vm.prank(seller);
        escrow.prove(terms, 0, jobs, share.item);
    }

    function test_AJobOfHugePartsIsTakenAtItsSendersCost() external {
        Terms memory terms = _lease();
        vm.warp(terms.end + 30);
        SignedJob[] memory jobs = new SignedJob[](1);
        Job memory job = jobs[0].job;
        job.leaseId = escrow.leaseId(terms);
        job.coinbasePrefix = new bytes(100_000);
        job.coinbaseSuffix = new bytes(100_000);
        job.extranonceSize = 255;
        job.branch = new bytes32[](256);
        jobs[0].signature = _sign(AGENT_KEY, escrow.jobHash(job));
        Share memory share = Miner.onJob(job, 0, 0, uint32(START + 1), new bytes(255), type(uint256).max / 10, true);
        vm.prank(seller);
        escrow.prove(terms, 0, jobs, share.item);
        assertEq(_state(terms).count, 1, "count");
    }

    /// @dev Lengths and offsets that point out of calldata.
    function test_CalldataThatLiesAboutItsSizesIsRefused() external {
        Terms memory terms = _lease();
        vm.warp(terms.end + 30);
        bytes memory call = abi.encodeCall(ILeaseEscrow.prove, (terms, 0, new SignedJob[](1), hex"ff"));
        // After the selector and the terms: last, offset of jobs, offset of shares, jobs.length, offset of the job.
        uint256 head = 4 + 20 * 32;
        uint256[4] memory places = [head + 32, head + 64, head + 96, head + 128];
        uint256[4] memory lies = [uint256(1 << 40), 1 << 64, 1 << 255, type(uint256).max];
        for (uint256 i = 0; i < places.length; ++i) {
            for (uint256 j = 0; j < lies.length; ++j) {
                bytes memory broken = bytes.concat(call);
                (uint256 place, uint256 lie) = (places[i] + 32, lies[j]);
                assembly ("memory-safe") {
                    mstore(add(broken, place), lie)
                }
                vm.prank(seller);
                (bool ok,) = address(escrow).call{gas: 10_000_000}(broken);
                assertTrue(!ok, "taken");
            }
        }
    }

    // ------------------------------------------------------------------ helpers

    function _least() private view returns (Ask memory ask, Bid memory bid) {
        ask.seller = seller;
        ask.payee = payee;
        ask.token = address(token);
        ask.hashrate = 1;
        ask.maxDuration = 1;
        ask.proofShares = 1;
        ask.expiry = uint40(START + 1);
        bid.buyer = buyer;
        bid.agent = agent;
        bid.token = address(token);
        bid.hashrate = 1;
        bid.duration = 1;
        bid.expiry = uint40(START + 1);
    }

    /// @dev Every number at its most, but the price, which the lock limits.
    function _greatest() private returns (Terms memory) {
        uint256 funds = type(uint256).max / 4;
        _fund(buyer, funds);
        _fund(seller, funds);
        Ask memory ask = _ask();
        ask.hashrate = type(uint64).max;
        ask.minHashrate = type(uint64).max;
        (ask.minDuration, ask.maxDuration) = (type(uint32).max, type(uint32).max);
        ask.price = uint128(type(uint128).max * UNIT / (uint256(type(uint64).max) * type(uint32).max));
        (ask.slaBps, ask.bondBps, ask.proofBps) = (10_000, 10_000, 10_000);
        (ask.cancelNotice, ask.proofWindow) = (type(uint32).max, type(uint32).max);
        ask.proofShares = 1;
        ask.tags = type(uint256).max;
        ask.expiry = type(uint40).max;
        Bid memory bid = _bid();
        bid.hashrate = type(uint64).max;
        bid.minHashrate = type(uint64).max;
        bid.duration = type(uint32).max;
        bid.maxPrice = type(uint128).max;
        (bid.minSlaBps, bid.minBondBps, bid.maxProofBps) = (10_000, 10_000, 10_000);
        (bid.maxCancelNotice, bid.maxProofWindow) = (type(uint32).max, type(uint32).max);
        bid.minProofShares = 1;
        bid.requiredTags = type(uint256).max;
        bid.matcherFeeBps = 10_000;
        bid.expiry = type(uint40).max;
        return _open(ask, bid, type(uint64).max);
    }

    function _lockOf(Terms memory terms) private pure returns (uint256) {
        uint256 cost = uint256(terms.price) * terms.hashrate * (terms.end - terms.start);
        return (cost + UNIT - 1) / UNIT;
    }

    function _assertNothingLost() private view {
        uint256 sum = _balance(buyer) + _balance(seller) + _balance(payee) + _balance(matcher);
        assertEq(sum, token.balanceOf(address(escrow)), "nothing is lost");
    }

    function _own(string memory salt) private returns (Terms memory) {
        Ask memory ask = _ask();
        Bid memory bid = _bid();
        (ask.payee, bid.buyer, bid.agent, bid.matcher) = (seller, seller, seller, seller);
        (ask.salt, bid.salt) = (keccak256(bytes(salt)), keccak256(bytes(salt)));
        bytes memory askSig = _sign(SELLER_KEY, escrow.askHash(ask));
        bytes memory bidSig = _sign(SELLER_KEY, escrow.bidHash(bid));
        vm.recordLogs();
        vm.prank(seller);
        escrow.open(ask, askSig, bid, bidSig, 10);
        return _openedTerms();
    }

    function _gasOf(Terms memory terms, bytes memory row) private returns (uint256) {
        vm.prank(seller);
        uint256 before = gasleft();
        escrow.prove(terms, 0, new SignedJob[](0), row);
        return before - gasleft();
    }

    /// @dev The first shares, by one allocation.
    function _join(Share[] memory shares, uint256 size) private pure returns (bytes memory row) {
        uint256 itemSize = shares[0].item.length;
        row = new bytes(size * itemSize);
        for (uint256 i = 0; i < size * itemSize; ++i) {
            row[i] = shares[i / itemSize].item[i % itemSize];
        }
    }

    /// @dev Quicksort: {Miner-sort} is for a few.
    function _sort(Share[] memory shares, int256 low, int256 high) private pure {
        if (low >= high) return;
        (int256 i, int256 j) = (low, high);
        bytes32 pivot = shares[uint256(low + (high - low) / 2)].hash;
        while (i <= j) {
            while (shares[uint256(i)].hash < pivot) ++i;
            while (shares[uint256(j)].hash > pivot) --j;
            if (i <= j) {
                (shares[uint256(i)], shares[uint256(j)]) = (shares[uint256(j)], shares[uint256(i)]);
                ++i;
                --j;
            }
        }
        _sort(shares, low, j);
        _sort(shares, i, high);
    }
}
