// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ILeaseEscrow, Lease, Receipt, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Fixture} from "../utils/Fixture.sol";

contract SettleTest is Fixture {
    Terms internal terms;
    bytes32 internal id;

    function setUp() public override {
        super.setUp();
        terms = _lease();
        id = escrow.leaseId(terms);
    }

    function test_PaysTheDifferenceAtOnce() external {
        _settle(terms, 1_000, START + 100);
        assertEq(_balance(payee), 1e18, "first");
        _settle(terms, 1_500, START + 150);
        assertEq(_balance(payee), 1.5e18, "second");
        Lease memory lease = _state(terms);
        assertEq(lease.work, 1_500, "work");
        assertEq(lease.through, START + 150, "through");
        assertEq(lease.end, terms.end, "end");
    }

    function test_EmitsTheReceiptAndWhatThisCallPaid() external {
        _settle(terms, 1_000, START + 100);
        Receipt memory receipt = _receipt(terms, 1_500, START + 150);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.Settled(id, 1_500, uint40(START + 150), 0.5e18);
        vm.prank(stranger);
        escrow.settle(terms, receipt, sellerSig, agentSig);
    }

    function test_PaysNoMoreThanIsContracted() external {
        _settle(terms, type(uint128).max, START + 100);
        assertEq(_balance(payee), 2.56e18, "paid");
        assertEq(_state(terms).work, 2_560, "work");
        _settle(terms, 2_560, START + 101);
        assertEq(_balance(payee), 2.56e18, "paid once");
    }

    function test_MovesThroughWithoutNewWork() external {
        _settle(terms, 1_000, START + 100);
        _settle(terms, 1_000, START + 101);
        assertEq(_balance(payee), 1e18, "paid once");
        assertEq(_state(terms).through, START + 101, "through");
    }

    function test_PaymentsRoundDownTheSumAndNotEachStep() external {
        // A little less than a seventh of a unit for a hash.
        Terms memory fine = _withPrice(uint128(UNIT / 7));
        for (uint256 work = 1; work <= 7; ++work) {
            _settle(fine, work, START + work);
            assertEq(_balance(payee), 0, "less than a unit");
        }
        _settle(fine, 8, START + 8);
        assertEq(_balance(payee), 1, "a unit and a bit");
        _settle(fine, 15, START + 9);
        assertEq(_balance(payee), 2, "two units and a bit");
    }

    function test_KeepsWhatWasPaidWhereACancellationContractsLess() external {
        _settle(terms, 2_000, START + 100);
        vm.warp(START + 100);
        vm.prank(buyer);
        escrow.cancel(terms);
        _settle(terms, 2_100, START + 120);
        assertEq(_balance(payee), 2e18, "no more, no less");
        assertEq(_state(terms).work, 2_000, "work");
        vm.warp(START + 120);
        escrow.close(terms);
        assertEq(_balance(payee), 2e18, "earned what was paid");
    }

    function test_TakesAReceiptUntilHalfTheWindowIsOver() external {
        vm.warp(terms.end + 29);
        _settle(terms, 1_000, terms.end);
        assertEq(_balance(payee), 1e18, "paid");
    }

    function test_RefusesAReceiptFromHalfTheWindowOn() external {
        vm.warp(terms.end + 30);
        _expectNoSettlement(
            _receipt(terms, 1_000, terms.end),
            abi.encodeWithSelector(ILeaseEscrow.SettlePhaseOver.selector, id, terms.end + 30)
        );
    }

    function test_RefusesAReceiptThatIsNotNewer() external {
        _expectNoSettlement(
            _receipt(terms, 1_000, START),
            abi.encodeWithSelector(ILeaseEscrow.ReceiptNotNewer.selector, id, START, START)
        );
        _settle(terms, 1_000, START + 100);
        _expectNoSettlement(
            _receipt(terms, 2_000, START + 100),
            abi.encodeWithSelector(ILeaseEscrow.ReceiptNotNewer.selector, id, START + 100, START + 100)
        );
    }

    function test_RefusesAReceiptWithLessWork() external {
        _settle(terms, 1_000, START + 100);
        _expectNoSettlement(
            _receipt(terms, 999, START + 101),
            abi.encodeWithSelector(ILeaseEscrow.ReceiptTooLow.selector, id, 999, 1_000)
        );
    }

    function test_RefusesAReceiptOfAnotherLease() external {
        Receipt memory receipt = _receipt(terms, 1_000, START + 100);
        bytes32[3] memory others = [escrow.leaseId(_lease()), bytes32(uint256(id) - 1), bytes32(uint256(id) + 1)];
        for (uint256 i = 0; i < others.length; ++i) {
            receipt.leaseId = others[i];
            _expectNoSettlement(receipt, abi.encodeWithSelector(ILeaseEscrow.WrongLease.selector, id, others[i]));
        }
    }

    function test_RefusesTermsThatWereNotOpened() external {
        Receipt memory receipt = _receipt(terms, 1_000, START + 100);
        terms.price += 1;
        _expectNoSettlement(receipt, abi.encodeWithSelector(ILeaseEscrow.NoSuchLease.selector, escrow.leaseId(terms)));
    }

    function test_RefusesAReceiptThatTheSellerDidNotSign() external {
        Receipt memory receipt = _receipt(terms, 1_000, START + 100);
        bytes32 digest = escrow.receiptHash(receipt);
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.InvalidSignature.selector, seller, digest));
        escrow.settle(terms, receipt, _sign(AGENT_KEY, digest), _sign(AGENT_KEY, digest));
    }

    function test_RefusesAReceiptThatTheAgentDidNotSign() external {
        Receipt memory receipt = _receipt(terms, 1_000, START + 100);
        bytes32 digest = escrow.receiptHash(receipt);
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.InvalidSignature.selector, agent, digest));
        escrow.settle(terms, receipt, _sign(SELLER_KEY, digest), _sign(BUYER_KEY, digest));
    }

    function _expectNoSettlement(Receipt memory receipt, bytes memory why) private {
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        vm.expectRevert(why);
        escrow.settle(terms, receipt, sellerSig, agentSig);
    }
}
