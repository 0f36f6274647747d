// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Ask, Bid, ILeaseEscrow, Job, Receipt, SignedJob, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Fixture} from "../utils/Fixture.sol";

/// @notice A signature has one form, and holds on one chain and for one escrow.
contract SignaturesTest is Fixture {
    uint256 internal constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    // ------------------------------------------------------------------ one form

    function test_AnAskHasOneSignature() external {
        (, bytes memory bidSig) = _signatures(_ask(), _bid());
        bytes32 digest = escrow.askHash(_ask());
        bytes[] memory others = _otherForms(SELLER_KEY, digest);
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(_invalid(seller, digest));
            vm.prank(matcher);
            escrow.open(_ask(), others[i], _bid(), bidSig, 10);
        }
        _lease();
    }

    function test_ABidHasOneSignature() external {
        (bytes memory askSig,) = _signatures(_ask(), _bid());
        bytes32 digest = escrow.bidHash(_bid());
        bytes[] memory others = _otherForms(BUYER_KEY, digest);
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(_invalid(buyer, digest));
            vm.prank(matcher);
            escrow.open(_ask(), askSig, _bid(), others[i], 10);
        }
        _lease();
    }

    function test_AReceiptHasOneSignatureOfEachParty() external {
        Terms memory terms = _lease();
        Receipt memory receipt = _receipt(terms, 1_000, START + 100);
        bytes32 digest = escrow.receiptHash(receipt);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        bytes[] memory others = _otherForms(SELLER_KEY, digest);
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(_invalid(seller, digest));
            escrow.settle(terms, receipt, others[i], agentSig);
        }
        others = _otherForms(AGENT_KEY, digest);
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(_invalid(agent, digest));
            escrow.settle(terms, receipt, sellerSig, others[i]);
        }
        vm.warp(terms.end);
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(_invalid(agent, digest));
            escrow.settleAndClose(terms, receipt, sellerSig, others[i]);
        }
        escrow.settle(terms, receipt, sellerSig, agentSig);
    }

    function test_AJobHasOneSignature() external {
        Terms memory terms = _lease();
        vm.warp(terms.end + 30);
        SignedJob[] memory jobs = new SignedJob[](1);
        jobs[0].job.leaseId = escrow.leaseId(terms);
        bytes32 digest = escrow.jobHash(jobs[0].job);
        bytes[] memory others = _otherForms(AGENT_KEY, digest);
        for (uint256 i = 0; i < others.length; ++i) {
            jobs[0].signature = others[i];
            vm.expectRevert(_invalid(agent, digest));
            vm.prank(seller);
            escrow.prove(terms, 0, jobs, "");
        }
        jobs[0].signature = _sign(AGENT_KEY, digest);
        vm.prank(seller);
        escrow.prove(terms, 0, jobs, "");
    }

    /// @dev A signature of one party in the place of the other's.
    function test_PartiesDoNotSignForEachOther() external {
        Terms memory terms = _lease();
        Receipt memory receipt = _receipt(terms, 1_000, START + 100);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        vm.expectRevert(_invalid(seller, escrow.receiptHash(receipt)));
        escrow.settle(terms, receipt, agentSig, sellerSig);
    }

    function test_AHugeSignatureIsRefused() external {
        (bytes memory askSig, bytes memory bidSig) = _signatures(_ask(), _bid());
        bytes memory huge = new bytes(100_000);
        for (uint256 i = 0; i < 65; ++i) {
            huge[i] = askSig[i];
        }
        vm.expectRevert(_invalid(seller, escrow.askHash(_ask())));
        vm.prank(matcher);
        escrow.open(_ask(), huge, _bid(), bidSig, 10);
        vm.expectRevert(_invalid(buyer, escrow.bidHash(_bid())));
        vm.prank(matcher);
        escrow.open(_ask(), askSig, _bid(), huge, 10);
    }

    // ------------------------------------------------------------------ one chain, one escrow

    function test_OrdersOfAnotherChainAreRefused() external {
        (bytes memory askSig, bytes memory bidSig) = _signatures(_ask(), _bid());
        vm.chainId(1);
        bytes32 digest = escrow.askHash(_ask());
        vm.expectRevert(_invalid(seller, digest));
        vm.prank(matcher);
        escrow.open(_ask(), askSig, _bid(), bidSig, 10);
        askSig = _sign(SELLER_KEY, digest);
        digest = escrow.bidHash(_bid());
        vm.expectRevert(_invalid(buyer, digest));
        vm.prank(matcher);
        escrow.open(_ask(), askSig, _bid(), bidSig, 10);
    }

    function test_OrdersForAnotherEscrowAreRefused() external {
        (bytes memory askSig, bytes memory bidSig) = _signatures(_ask(), _bid());
        ILeaseEscrow other = ILeaseEscrow(vm.deployCode("LeaseEscrow.sol:LeaseEscrow"));
        bytes32 digest = other.askHash(_ask());
        vm.expectRevert(_invalid(seller, digest));
        vm.prank(matcher);
        other.open(_ask(), askSig, _bid(), bidSig, 10);
    }

    /// @dev On a chain that forks off and takes an id of its own, leases opened before are known by the id of the old chain alone: nothing that
    /// was signed or proven for one chain counts on both. Free balances can be withdrawn on either.
    function test_ALeaseDoesNotCarryOverToAForkWithAnotherChainId() external {
        Terms memory terms = _lease();
        bytes32 id = escrow.leaseId(terms);
        Receipt memory receipt = _receipt(terms, 1_000, START + 100);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        vm.chainId(10_001);
        bytes32 forked = escrow.leaseId(terms);
        assertTrue(forked != id, "another id");
        bytes memory why = abi.encodeWithSelector(ILeaseEscrow.NoSuchLease.selector, forked);
        vm.expectRevert(why);
        escrow.settle(terms, receipt, sellerSig, agentSig);
        vm.expectRevert(why);
        vm.prank(buyer);
        escrow.cancel(terms);
        vm.warp(terms.end + 60);
        vm.expectRevert(why);
        escrow.close(terms);
        vm.prank(buyer);
        escrow.withdraw(address(token), FUNDS - 2.5856e18, buyer);

        vm.chainId(31_337);
        vm.warp(terms.end);
        escrow.settle(terms, receipt, sellerSig, agentSig);
        assertEq(_balance(payee), 1e18, "on the chain that it was signed for");
    }

    function test_AReceiptOfAForkIsRefused() external {
        Terms memory terms = _lease();
        Receipt memory receipt = _receipt(terms, 1_000, START + 100);
        vm.chainId(10_001);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        vm.chainId(31_337);
        vm.expectRevert(_invalid(seller, escrow.receiptHash(receipt)));
        escrow.settle(terms, receipt, sellerSig, agentSig);
    }

    // ------------------------------------------------------------------ helpers

    /// @dev What else one could make of a signature, or pass for one.
    function _otherForms(uint256 key, bytes32 digest) private pure returns (bytes[] memory forms) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        bytes32 highS = bytes32(ORDER - uint256(s));
        uint8 other = 55 - v;
        forms = new bytes[](14);
        forms[0] = abi.encodePacked(r, highS, other);
        forms[1] = abi.encodePacked(r, highS, v);
        forms[2] = abi.encodePacked(r, s, other);
        forms[3] = abi.encodePacked(r, s, uint8(v - 27));
        forms[4] = abi.encodePacked(r, s, uint8(0));
        forms[5] = abi.encodePacked(r, s, uint8(1));
        // EIP-2098, with and without the bit of v.
        forms[6] = abi.encodePacked(r, bytes32(uint256(s) | uint256(v - 27) << 255));
        forms[7] = abi.encodePacked(r, s);
        forms[8] = abi.encodePacked(r, s, v, uint8(0));
        forms[9] = abi.encodePacked(uint8(0), r, s, v);
        forms[10] = "";
        forms[11] = new bytes(65);
        forms[12] = abi.encodePacked(bytes32(0), s, v);
        forms[13] = abi.encodePacked(r, bytes32(0), v);
    }

    function _invalid(address signer, bytes32 digest) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILeaseEscrow.InvalidSignature.selector, signer, digest);
    }
}
