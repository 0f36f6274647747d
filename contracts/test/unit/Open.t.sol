// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Ask, Bid, ILeaseEscrow, Lease, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Fixture} from "../utils/Fixture.sol";

contract OpenTest is Fixture {
    // ------------------------------------------------------------------ what it does

    function test_TermsAreTheOrders() external {
        Ask memory ask = _ask();
        Bid memory bid = _bid();
        Terms memory terms = _open(ask, bid, 10);
        assertEq(terms.buyer, buyer, "buyer");
        assertEq(terms.agent, agent, "agent");
        assertEq(terms.seller, seller, "seller");
        assertEq(terms.payee, payee, "payee");
        assertEq(terms.matcher, matcher, "matcher");
        assertEq(terms.token, address(token), "token");
        assertEq(terms.price, ask.price, "price");
        assertEq(terms.hashrate, 10, "hashrate");
        assertEq(terms.start, START, "start");
        assertEq(terms.end, START + 256, "end");
        assertEq(terms.slaBps, 8_000, "slaBps");
        assertEq(terms.proofBps, 9_000, "proofBps");
        assertEq(terms.matcherFeeBps, 100, "matcherFeeBps");
        assertEq(terms.proofShares, 256, "proofShares");
        assertEq(terms.cancelNotice, 20, "cancelNotice");
        assertEq(terms.proofWindow, 60, "proofWindow");
        assertEq(terms.bond, 0.512e18, "bond");
        assertEq(terms.askId, escrow.askHash(ask), "askId");
        assertEq(terms.bidId, escrow.bidHash(bid), "bidId");
        assertEq(terms.entropy, keccak256(abi.encode(blockhash(999), uint256(1))), "entropy");
    }

    function test_LocksFromBothSides() external {
        Terms memory terms = _lease();
        assertEq(_balance(buyer), FUNDS - 2.56e18 - 0.0256e18, "buyer");
        assertEq(_balance(seller), FUNDS - 0.512e18, "seller");
        Lease memory lease = _state(terms);
        assertEq(lease.end, terms.end, "end");
        assertEq(lease.through, terms.start, "through");
        assertEq(lease.work, 0, "work");
        assertEq(lease.count, 0, "count");
    }

    function test_LocksRoundUpAndBondDown() external {
        Ask memory ask = _ask();
        ask.price = uint128(UNIT / 2_560) - 1;
        ask.bondBps = 9_999;
        Bid memory bid = _bid();
        bid.matcherFeeBps = 1;
        Terms memory terms = _open(ask, bid, 10);
        assertEq(_balance(buyer), FUNDS - 1 - 1, "lock and fee lock");
        assertEq(terms.bond, 0, "bond");
    }

    function test_OneBlockOpensTheSameOrdersTwiceAsTwoLeases() external {
        Terms memory first = _open(_ask(), _bid(), 10);
        Terms memory second = _open(_ask(), _bid(), 10);
        assertTrue(escrow.leaseId(first) != escrow.leaseId(second), "ids differ");
        assertTrue(first.entropy != second.entropy, "entropy differs");
    }

    function test_AnyoneOpensWhereTheBidNamesNoMatcher() external {
        Bid memory bid = _bid();
        bid.matcher = address(0);
        (bytes memory askSig, bytes memory bidSig) = _signatures(_ask(), bid);
        vm.recordLogs();
        vm.prank(stranger);
        escrow.open(_ask(), askSig, bid, bidSig, 10);
        assertEq(_openedTerms().matcher, stranger, "matcher");
    }

    function test_ABidMayNameItsSeller() external {
        Bid memory bid = _bid();
        bid.seller = seller;
        _open(_ask(), bid, 10);
    }

    function test_ALeaseThatWasNotOpenedIsEmpty() external {
        Terms memory terms = _lease();
        terms.start += 1;
        Lease memory lease = _state(terms);
        assertEq(uint256(lease.end) | lease.through | lease.work | lease.count, 0, "state");
        assertEq(escrow.lastHashOf(escrow.leaseId(terms)), 0, "last hash");
    }

    function test_ABidMayRequireNoTags() external {
        (Ask memory ask, Bid memory bid) = (_ask(), _bid());
        (ask.tags, bid.requiredTags) = (0, 0);
        _open(ask, bid, 10);
    }

    // ------------------------------------------------------------------ signatures

    function test_RefusesAnAskThatTheSellerDidNotSign() external {
        (, bytes memory bidSig) = _signatures(_ask(), _bid());
        bytes32 digest = escrow.askHash(_ask());
        bytes memory forged = _sign(STRANGER_KEY, digest);
        vm.expectRevert(_invalid(seller, digest));
        vm.prank(matcher);
        escrow.open(_ask(), forged, _bid(), bidSig, 10);
    }

    function test_RefusesABidThatTheBuyerDidNotSign() external {
        (bytes memory askSig,) = _signatures(_ask(), _bid());
        bytes32 digest = escrow.bidHash(_bid());
        bytes memory forged = _sign(AGENT_KEY, digest);
        vm.expectRevert(_invalid(buyer, digest));
        vm.prank(matcher);
        escrow.open(_ask(), askSig, _bid(), forged, 10);
    }

    // ------------------------------------------------------------------ fields that must not be zero, ratios, lock

    function test_RefusesAZeroBuyer() external {
        Bid memory bid = _bid();
        bid.buyer = address(0);
        _expectNoLease(_ask(), bid, 10, _zero("buyer"));
    }

    function test_RefusesAZeroAgent() external {
        Bid memory bid = _bid();
        bid.agent = address(0);
        _expectNoLease(_ask(), bid, 10, _zero("agent"));
    }

    function test_RefusesAZeroSeller() external {
        Ask memory ask = _ask();
        ask.seller = address(0);
        _expectNoLease(ask, _bid(), 10, _zero("seller"));
    }

    function test_RefusesAZeroPayee() external {
        Ask memory ask = _ask();
        ask.payee = address(0);
        _expectNoLease(ask, _bid(), 10, _zero("payee"));
    }

    function test_RefusesZeroHashrate() external {
        Ask memory ask = _ask();
        ask.minHashrate = 0;
        Bid memory bid = _bid();
        bid.minHashrate = 0;
        _expectNoLease(ask, bid, 0, _zero("hashrate"));
    }

    function test_RefusesZeroDuration() external {
        Ask memory ask = _ask();
        ask.minDuration = 0;
        Bid memory bid = _bid();
        bid.duration = 0;
        _expectNoLease(ask, bid, 10, _zero("duration"));
    }

    function test_RefusesZeroProofShares() external {
        Ask memory ask = _ask();
        ask.proofShares = 0;
        Bid memory bid = _bid();
        bid.minProofShares = 0;
        _expectNoLease(ask, bid, 10, _zero("proofShares"));
    }

    function test_RefusesAZeroLock() external {
        Ask memory ask = _ask();
        ask.price = 0;
        _expectNoLease(ask, _bid(), 10, _zero("lock"));
    }

    function test_RefusesRatiosAboveOne() external {
        Ask memory ask = _ask();
        ask.slaBps = 10_001;
        _expectNoLease(ask, _bid(), 10, _ratio("slaBps"));
        ask = _ask();
        ask.bondBps = 10_001;
        _expectNoLease(ask, _bid(), 10, _ratio("bondBps"));
        ask = _ask();
        ask.proofBps = 10_001;
        _expectNoLease(ask, _bid(), 10, _ratio("proofBps"));
        Bid memory bid = _bid();
        bid.matcherFeeBps = 10_001;
        _expectNoLease(_ask(), bid, 10, _ratio("matcherFeeBps"));
    }

    function test_TakesRatiosOfOne() external {
        Ask memory ask = _ask();
        (ask.slaBps, ask.bondBps, ask.proofBps) = (10_000, 10_000, 10_000);
        Bid memory bid = _bid();
        (bid.maxProofBps, bid.matcherFeeBps) = (10_000, 10_000);
        assertEq(_open(ask, bid, 10).bond, 2.56e18, "bond");
        assertEq(_balance(buyer), FUNDS - 2 * 2.56e18, "lock and fee lock");
    }

    function test_RefusesALockThatDoesNotFit128Bits() external {
        Ask memory ask = _ask();
        ask.price = type(uint128).max;
        ask.hashrate = type(uint64).max;
        Bid memory bid = _bid();
        bid.maxPrice = type(uint128).max;
        bid.hashrate = type(uint64).max;
        uint64 hashrate = type(uint64).max;
        uint256 cost = uint256(ask.price) * hashrate * bid.duration;
        _expectNoLease(
            ask, bid, hashrate, abi.encodeWithSelector(ILeaseEscrow.LockTooLarge.selector, (cost - 1) / UNIT + 1)
        );
    }

    // ------------------------------------------------------------------ limits that cross

    function test_RefusesAnotherToken() external {
        Bid memory bid = _bid();
        bid.token = stranger;
        _expectNoLease(
            _ask(), bid, 10, abi.encodeWithSelector(ILeaseEscrow.TokenMismatch.selector, address(token), stranger)
        );
    }

    function test_RefusesAPriceAboveTheBids() external {
        Bid memory bid = _bid();
        bid.maxPrice = _ask().price - 1;
        _expectNoLease(
            _ask(), bid, 10, abi.encodeWithSelector(ILeaseEscrow.PriceTooHigh.selector, _ask().price, bid.maxPrice)
        );
        bid.maxPrice += 1;
        _open(_ask(), bid, 10);
    }

    function test_RefusesADurationOutsideTheAsks() external {
        Ask memory ask = _ask();
        ask.minDuration = 257;
        _expectNoLease(ask, _bid(), 10, _duration(257, 1_000));
        (ask.minDuration, ask.maxDuration) = (100, 255);
        _expectNoLease(ask, _bid(), 10, _duration(100, 255));
        (ask.minDuration, ask.maxDuration) = (256, 256);
        _open(ask, _bid(), 10);
    }

    function test_RefusesASlaBelowTheBids() external {
        Bid memory bid = _bid();
        bid.minSlaBps = 8_001;
        _expectNoLease(_ask(), bid, 10, abi.encodeWithSelector(ILeaseEscrow.SlaTooLow.selector, 8_000, 8_001));
        bid.minSlaBps = 8_000;
        _open(_ask(), bid, 10);
    }

    function test_RefusesABondBelowTheBids() external {
        Bid memory bid = _bid();
        bid.minBondBps = 2_001;
        _expectNoLease(_ask(), bid, 10, abi.encodeWithSelector(ILeaseEscrow.BondTooLow.selector, 2_000, 2_001));
        bid.minBondBps = 2_000;
        _open(_ask(), bid, 10);
    }

    function test_RefusesProofPayAboveTheBids() external {
        Bid memory bid = _bid();
        bid.maxProofBps = 8_999;
        _expectNoLease(_ask(), bid, 10, abi.encodeWithSelector(ILeaseEscrow.ProofPayTooHigh.selector, 9_000, 8_999));
        bid.maxProofBps = 9_000;
        _open(_ask(), bid, 10);
    }

    function test_RefusesACancelNoticeAboveTheBids() external {
        Bid memory bid = _bid();
        bid.maxCancelNotice = 19;
        _expectNoLease(_ask(), bid, 10, abi.encodeWithSelector(ILeaseEscrow.CancelNoticeTooLong.selector, 20, 19));
        bid.maxCancelNotice = 20;
        _open(_ask(), bid, 10);
    }

    function test_RefusesAProofWindowAboveTheBids() external {
        Bid memory bid = _bid();
        bid.maxProofWindow = 59;
        _expectNoLease(_ask(), bid, 10, abi.encodeWithSelector(ILeaseEscrow.ProofWindowTooLong.selector, 60, 59));
        bid.maxProofWindow = 60;
        _open(_ask(), bid, 10);
    }

    function test_RefusesFewerProofSharesThanTheBids() external {
        Bid memory bid = _bid();
        bid.minProofShares = 257;
        _expectNoLease(_ask(), bid, 10, abi.encodeWithSelector(ILeaseEscrow.ProofSharesTooFew.selector, 256, 257));
        bid.minProofShares = 256;
        _open(_ask(), bid, 10);
    }

    function test_RefusesAnAskThatLacksATag() external {
        Bid memory bid = _bid();
        bid.requiredTags = 5 | 1 << 255;
        _expectNoLease(_ask(), bid, 10, abi.encodeWithSelector(ILeaseEscrow.TagsMissing.selector, uint256(1 << 255)));
    }

    function test_RefusesASellerThatTheBidDoesNotName() external {
        Bid memory bid = _bid();
        bid.seller = stranger;
        _expectNoLease(_ask(), bid, 10, abi.encodeWithSelector(ILeaseEscrow.SellerNotWanted.selector, seller, stranger));
    }

    function test_RefusesACallerThatTheBidDoesNotName() external {
        Bid memory bid = _bid();
        bid.matcher = stranger;
        _expectNoLease(_ask(), bid, 10, abi.encodeWithSelector(ILeaseEscrow.NotMatcher.selector, matcher, stranger));
    }

    // ------------------------------------------------------------------ funds

    function test_RefusesABuyerWithoutTheLocks() external {
        vm.prank(buyer);
        escrow.withdraw(address(token), FUNDS - 2.5856e18 + 1, buyer);
        _expectNoLease(_ask(), _bid(), 10, _insufficient(buyer, 2.5856e18 - 1, 2.5856e18));
    }

    function test_RefusesASellerWithoutTheBond() external {
        vm.prank(seller);
        escrow.withdraw(address(token), FUNDS - 0.512e18 + 1, seller);
        _expectNoLease(_ask(), _bid(), 10, _insufficient(seller, 0.512e18 - 1, 0.512e18));
    }

    // ------------------------------------------------------------------ errors

    function _zero(string memory field) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILeaseEscrow.ZeroField.selector, field);
    }

    function _ratio(string memory field) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILeaseEscrow.RatioTooHigh.selector, field, 10_001);
    }

    function _duration(uint32 min, uint32 max) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILeaseEscrow.DurationOutOfRange.selector, 256, min, max);
    }

    function _invalid(address signer, bytes32 digest) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILeaseEscrow.InvalidSignature.selector, signer, digest);
    }

    function _insufficient(address account, uint256 balance, uint256 needed) private view returns (bytes memory) {
        return
            abi.encodeWithSelector(ILeaseEscrow.InsufficientBalance.selector, account, address(token), balance, needed);
    }
}
