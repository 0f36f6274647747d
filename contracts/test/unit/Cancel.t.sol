// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ILeaseEscrow, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Fixture} from "../utils/Fixture.sol";

contract CancelTest is Fixture {
    Terms internal terms;
    bytes32 internal id;

    function setUp() public override {
        super.setUp();
        terms = _lease();
        id = escrow.leaseId(terms);
        vm.warp(START + 50);
    }

    function test_BuyerBringsTheEndForwardByTheNotice() external {
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.Cancelled(id, uint40(START + 70));
        vm.prank(buyer);
        escrow.cancel(terms);
        assertEq(_state(terms).end, START + 70, "end");
    }

    function test_AgentCancelsToo() external {
        vm.prank(agent);
        escrow.cancel(terms);
        assertEq(_state(terms).end, START + 70, "end");
    }

    function test_TheFirstCancellationStands() external {
        vm.prank(buyer);
        escrow.cancel(terms);
        vm.warp(START + 60);
        vm.prank(buyer);
        escrow.cancel(terms);
        assertEq(_state(terms).end, START + 70, "end");
    }

    function test_NeverPutsTheEndLater() external {
        vm.warp(terms.end - 19);
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.Cancelled(id, terms.end);
        vm.prank(buyer);
        escrow.cancel(terms);
        assertEq(_state(terms).end, terms.end, "end");
    }

    function test_PhasesCountFromTheNewEnd() external {
        vm.prank(buyer);
        escrow.cancel(terms);
        vm.warp(START + 70 + 60);
        vm.prank(stranger);
        escrow.close(terms);
        assertEq(_state(terms).end, 0, "closed");
    }

    function test_FromTheEndOnItChangesNothing() external {
        vm.warp(terms.end + 10);
        vm.prank(agent);
        escrow.cancel(terms);
        assertEq(_state(terms).end, terms.end, "end");
    }

    function test_RefusesEverybodyElse() external {
        address[3] memory callers = [stranger, payee, matcher];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.NotBuyerOrAgent.selector, id, callers[i]));
            vm.prank(callers[i]);
            escrow.cancel(terms);
        }
    }

    function test_RefusesALeaseThatIsClosed() external {
        vm.warp(terms.end + 60);
        escrow.close(terms);
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.NoSuchLease.selector, id));
        vm.prank(buyer);
        escrow.cancel(terms);
    }

    function test_RefusesTheSeller() external {
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.NotBuyerOrAgent.selector, id, seller));
        vm.prank(seller);
        escrow.cancel(terms);
    }

    function test_RefusesTermsThatWereNotOpened() external {
        terms.buyer = stranger;
        bytes32 other = escrow.leaseId(terms);
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.NoSuchLease.selector, other));
        vm.prank(stranger);
        escrow.cancel(terms);
    }
}
