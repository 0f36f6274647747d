// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {TestToken} from "../../src/TestToken.sol";
import {Ask, Bid, ILeaseEscrow, Lease, Receipt, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Test} from "./Test.sol";
import {Vm} from "./Vm.sol";

/// @notice An escrow, a token and the parties of a lease, with funds and orders that cross.
abstract contract Fixture is Test {
    uint256 internal constant UNIT = 1e15 * 86_400;
    uint256 internal constant START = 1_790_000_000;
    uint256 internal constant FUNDS = 1e24;

    uint256 internal constant SELLER_KEY = 0x5e11e2;
    uint256 internal constant BUYER_KEY = 0xb0b;
    uint256 internal constant AGENT_KEY = 0xa6e27;
    uint256 internal constant STRANGER_KEY = 0x57a6e2;

    address internal seller = vm.addr(SELLER_KEY);
    address internal buyer = vm.addr(BUYER_KEY);
    address internal agent = vm.addr(AGENT_KEY);
    address internal payee = address(0x9a7ee);
    address internal matcher = address(0x3a7c4);
    address internal stranger = vm.addr(STRANGER_KEY);

    ILeaseEscrow internal escrow;
    TestToken internal token;

    function setUp() public virtual {
        vm.warp(START);
        vm.roll(1_000);
        escrow = ILeaseEscrow(vm.deployCode("LeaseEscrow.sol:LeaseEscrow"));
        token = new TestToken();
        _fund(seller, FUNDS);
        _fund(buyer, FUNDS);
    }

    function _fund(address account, uint256 amount) internal {
        token.mint(account, amount);
        vm.prank(account);
        token.approve(address(escrow), amount);
        vm.prank(account);
        escrow.deposit(address(token), amount, account);
    }

    // ------------------------------------------------------------------ orders

    /// @dev 2,560 hashes in 256 seconds and 256 proof shares, so that a proof share is 10 hashes of work and is found at once.
    function _ask() internal view returns (Ask memory ask) {
        ask.seller = seller;
        ask.payee = payee;
        ask.token = address(token);
        ask.price = 1e18 * uint128(UNIT) / 1_000;
        ask.hashrate = 30;
        ask.minHashrate = 5;
        ask.minDuration = 100;
        ask.maxDuration = 1_000;
        ask.slaBps = 8_000;
        ask.bondBps = 2_000;
        ask.proofBps = 9_000;
        ask.cancelNotice = 20;
        ask.proofWindow = 60;
        ask.proofShares = 256;
        ask.tags = 7;
        ask.details = keccak256("ask");
        ask.expiry = uint40(START + 600);
        ask.salt = keccak256("ask salt");
    }

    function _bid() internal view returns (Bid memory bid) {
        bid.buyer = buyer;
        bid.agent = agent;
        bid.token = address(token);
        bid.maxPrice = 2e18 * uint128(UNIT) / 1_000;
        bid.hashrate = 20;
        bid.minHashrate = 4;
        bid.duration = 256;
        bid.minSlaBps = 7_000;
        bid.minBondBps = 1_000;
        bid.maxProofBps = 9_500;
        bid.maxCancelNotice = 30;
        bid.maxProofWindow = 90;
        bid.minProofShares = 100;
        bid.requiredTags = 5;
        bid.matcher = matcher;
        bid.matcherFeeBps = 100;
        bid.details = keccak256("bid");
        bid.expiry = uint40(START + 300);
        bid.salt = keccak256("bid salt");
    }

    // ------------------------------------------------------------------ leases

    function _signatures(Ask memory ask, Bid memory bid) internal view returns (bytes memory, bytes memory) {
        return (_sign(SELLER_KEY, escrow.askHash(ask)), _sign(BUYER_KEY, escrow.bidHash(bid)));
    }

    function _open(Ask memory ask, Bid memory bid, uint64 hashrate) internal returns (Terms memory terms) {
        (bytes memory askSig, bytes memory bidSig) = _signatures(ask, bid);
        vm.recordLogs();
        vm.prank(matcher);
        bytes32 id = escrow.open(ask, askSig, bid, bidSig, hashrate);
        terms = _openedTerms();
        assertEq(escrow.leaseId(terms), id, "id of the terms in the event");
    }

    function _expectNoLease(Ask memory ask, Bid memory bid, uint64 hashrate, bytes memory why) internal {
        (bytes memory askSig, bytes memory bidSig) = _signatures(ask, bid);
        vm.expectRevert(why);
        vm.prank(matcher);
        escrow.open(ask, askSig, bid, bidSig, hashrate);
    }

    /// @dev The terms in the LeaseOpened event of the last call.
    function _openedTerms() internal returns (Terms memory) {
        bytes memory data = _dataOf(ILeaseEscrow.LeaseOpened.selector);
        return abi.decode(data, (Terms));
    }

    function _dataOf(bytes32 selector) internal returns (bytes memory) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = logs.length; i > 0; --i) {
            if (logs[i - 1].topics[0] == selector) return logs[i - 1].data;
        }
        revert NotTrue("event emitted");
    }

    /// @dev A lease of 10 H/s for 256 s: lock 2.56 tokens, fee lock 0.0256, bond 0.512.
    function _lease() internal returns (Terms memory) {
        return _open(_ask(), _bid(), 10);
    }

    /// @dev The same at another price.
    function _withPrice(uint128 price) internal returns (Terms memory) {
        Ask memory ask = _ask();
        ask.price = price;
        return _open(ask, _bid(), 10);
    }

    function _receipt(Terms memory terms, uint256 work, uint256 through) internal view returns (Receipt memory) {
        return Receipt({leaseId: escrow.leaseId(terms), work: uint128(work), through: uint40(through)});
    }

    function _signatures(Receipt memory receipt) internal view returns (bytes memory, bytes memory) {
        bytes32 digest = escrow.receiptHash(receipt);
        return (_sign(SELLER_KEY, digest), _sign(AGENT_KEY, digest));
    }

    function _settle(Terms memory terms, uint256 work, uint256 through) internal {
        Receipt memory receipt = _receipt(terms, work, through);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        escrow.settle(terms, receipt, sellerSig, agentSig);
    }

    function _settleAndClose(Terms memory terms, uint256 work, uint256 through) internal {
        Receipt memory receipt = _receipt(terms, work, through);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        escrow.settleAndClose(terms, receipt, sellerSig, agentSig);
    }

    function _state(Terms memory terms) internal view returns (Lease memory) {
        return escrow.leaseOf(escrow.leaseId(terms));
    }

    function _balance(address account) internal view returns (uint256) {
        return escrow.balanceOf(account, address(token));
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}
