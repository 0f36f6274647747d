// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Ask, Bid, ILeaseEscrow, Side} from "../../src/interfaces/ILeaseEscrow.sol";
import {Fixture} from "../utils/Fixture.sol";

/// @notice What makes an order good for a fill: its expiry, epoch, salt and what is left of it.
contract OrdersTest is Fixture {
    function test_FillsAreCountedBySideMakerAndSalt() external {
        Ask memory ask = _ask();
        Bid memory bid = _bid();
        _open(ask, bid, 10);
        assertEq(escrow.filled(Side.Ask, seller, ask.salt), 10, "ask");
        assertEq(escrow.filled(Side.Bid, buyer, bid.salt), 10, "bid");
        assertEq(escrow.filled(Side.Bid, seller, ask.salt), 0, "other side");

        // A re-signed order has what the older one left.
        ask.price -= 1;
        bid.salt = keccak256("another");
        _open(ask, bid, 20);
        assertEq(escrow.filled(Side.Ask, seller, ask.salt), 30, "ask at a new price");
        assertEq(escrow.filled(Side.Bid, buyer, bid.salt), 20, "bid with a new salt");
    }

    function test_FillEmitsTheTotal() external {
        _open(_ask(), _bid(), 5);
        (bytes memory askSig, bytes memory bidSig) = _signatures(_ask(), _bid());
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.OrderFilled(Side.Ask, seller, _ask().salt, 10);
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.OrderFilled(Side.Bid, buyer, _bid().salt, 10);
        vm.prank(matcher);
        escrow.open(_ask(), askSig, _bid(), bidSig, 5);
    }

    function test_RefusesAnAskFromItsExpiryOn() external {
        Ask memory ask = _ask();
        ask.expiry = uint40(START + 10);
        vm.warp(START + 10);
        _expectNoLease(
            ask, _bid(), 10, abi.encodeWithSelector(ILeaseEscrow.OrderExpired.selector, Side.Ask, ask.expiry)
        );
        vm.warp(START + 9);
        _open(ask, _bid(), 10);
    }

    function test_RefusesABidFromItsExpiryOn() external {
        Bid memory bid = _bid();
        bid.expiry = uint40(START + 10);
        vm.warp(START + 10);
        _expectNoLease(
            _ask(), bid, 10, abi.encodeWithSelector(ILeaseEscrow.OrderExpired.selector, Side.Bid, bid.expiry)
        );
        vm.warp(START + 9);
        _open(_ask(), bid, 10);
    }

    function test_BumpEpochEndsAllOrdersOfTheCaller() external {
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.EpochBumped(seller, 1);
        vm.prank(seller);
        escrow.bumpEpoch();
        assertEq(escrow.epochOf(seller), 1, "epoch");
        Ask memory ask = _ask();
        _expectNoLease(ask, _bid(), 10, abi.encodeWithSelector(ILeaseEscrow.WrongEpoch.selector, Side.Ask, 0, 1));
        ask.epoch = 1;
        _open(ask, _bid(), 10);
    }

    function test_RefusesABidOfAnEpochToCome() external {
        Bid memory bid = _bid();
        bid.epoch = 1;
        _expectNoLease(_ask(), bid, 10, abi.encodeWithSelector(ILeaseEscrow.WrongEpoch.selector, Side.Bid, 1, 0));
    }

    function test_CancelOrderEndsAnAsk() external {
        bytes32 salt = _ask().salt;
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.OrderCancelled(seller, salt);
        vm.prank(seller);
        escrow.cancelOrder(salt);
        assertEq(escrow.filled(Side.Ask, seller, salt), type(uint256).max, "filled");
        _expectNoLease(_ask(), _bid(), 10, _tooHigh(Side.Ask, 10, 0));
    }

    function test_CancelOrderEndsABid() external {
        bytes32 salt = _bid().salt;
        vm.prank(buyer);
        escrow.cancelOrder(salt);
        _expectNoLease(_ask(), _bid(), 10, _tooHigh(Side.Bid, 10, 0));
    }

    function test_CancelOrderLeavesOtherMakersAlone() external {
        vm.prank(stranger);
        escrow.cancelOrder(_ask().salt);
        _lease();
    }

    function test_RefusesLessThanTheMinimumOfAnAsk() external {
        _expectNoLease(_ask(), _bid(), 4, abi.encodeWithSelector(ILeaseEscrow.HashrateTooLow.selector, Side.Ask, 4, 5));
    }

    function test_RefusesLessThanTheMinimumOfABid() external {
        Bid memory bid = _bid();
        bid.minHashrate = 6;
        _expectNoLease(_ask(), bid, 5, abi.encodeWithSelector(ILeaseEscrow.HashrateTooLow.selector, Side.Bid, 5, 6));
    }

    function test_RefusesMoreThanIsLeftOfAnAsk() external {
        _open(_ask(), _bid(), 20);
        Bid memory bid = _bid();
        bid.salt = keccak256("another");
        _expectNoLease(_ask(), bid, 11, _tooHigh(Side.Ask, 11, 10));
    }

    function test_RefusesMoreThanIsLeftOfABid() external {
        _expectNoLease(_ask(), _bid(), 21, _tooHigh(Side.Bid, 21, 20));
    }

    function test_ASmallerOrderWithAFilledSaltHasNothingLeft() external {
        _open(_ask(), _bid(), 20);
        Ask memory ask = _ask();
        ask.hashrate = 15;
        Bid memory bid = _bid();
        bid.salt = keccak256("another");
        _expectNoLease(ask, bid, 10, _tooHigh(Side.Ask, 10, 0));
    }

    function test_RefusesToLeaveAnAskLessThanItsMinimum() external {
        Bid memory bid = _bid();
        bid.hashrate = 40;
        _expectNoLease(_ask(), bid, 26, abi.encodeWithSelector(ILeaseEscrow.RestTooSmall.selector, Side.Ask, 4, 5));
        _open(_ask(), bid, 25);
    }

    function test_RefusesToLeaveABidLessThanItsMinimum() external {
        _expectNoLease(_ask(), _bid(), 17, abi.encodeWithSelector(ILeaseEscrow.RestTooSmall.selector, Side.Bid, 3, 4));
        _open(_ask(), _bid(), 16);
    }

    function test_AFillMayLeaveNothing() external {
        _open(_ask(), _bid(), 20);
        Bid memory bid = _bid();
        bid.salt = keccak256("another");
        _open(_ask(), bid, 10);
        assertEq(escrow.filled(Side.Ask, seller, _ask().salt), 30, "all of the ask");
    }

    function _tooHigh(Side side, uint64 hashrate, uint256 available) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILeaseEscrow.HashrateTooHigh.selector, side, hashrate, available);
    }
}
