// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Ask, Bid, ILeaseEscrow, Receipt, SignedJob, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Fixture} from "../utils/Fixture.sol";

/// @notice Every boundary second of both phases, as tables: which calls a second allows. A call that isn't in the row is refused for its time.
/// `s` settle, `p` prove, `b` settleAndClose (both), `a` close by anyone, `w` close by the seller (which waives).
contract BoundariesTest is Fixture {
    Terms internal terms;

    function test_SecondsOfAnEvenWindow() external {
        _open(60);
        _expectAt(-256, "s");
        _expectAt(-1, "s");
        _expectAt(0, "sbw");
        _expectAt(29, "sbw");
        _expectAt(30, "pw");
        _expectAt(59, "pw");
        _expectAt(60, "aw");
        _expectAt(1e9, "aw");
    }

    function test_SecondsOfAnOddWindow() external {
        _open(61);
        _expectAt(-1, "s");
        _expectAt(0, "sbw");
        _expectAt(29, "sbw");
        _expectAt(30, "pw");
        _expectAt(60, "pw");
        _expectAt(61, "aw");
    }

    function test_SecondsWithoutAWindow() external {
        _open(0);
        _expectAt(-1, "s");
        _expectAt(0, "aw");
        _expectAt(1, "aw");
    }

    function test_SecondsOfAWindowOfOne() external {
        _open(1);
        _expectAt(-1, "s");
        _expectAt(0, "pw");
        _expectAt(1, "aw");
    }

    function test_SecondsOfAWindowOfTwo() external {
        _open(2);
        _expectAt(-1, "s");
        _expectAt(0, "sbw");
        _expectAt(1, "pw");
        _expectAt(2, "aw");
    }

    function test_SecondsOfAWindowOfThree() external {
        _open(3);
        _expectAt(-1, "s");
        _expectAt(0, "sbw");
        _expectAt(1, "pw");
        _expectAt(2, "pw");
        _expectAt(3, "aw");
    }

    function test_SecondsOfTheLongestWindow() external {
        _open(type(uint32).max);
        int256 window = int256(uint256(type(uint32).max));
        _expectAt(0, "sbw");
        _expectAt(window / 2 - 1, "sbw");
        _expectAt(window / 2, "pw");
        _expectAt(window - 1, "pw");
        _expectAt(window, "aw");
    }

    function test_SecondsAfterACancellationCountFromItsEnd() external {
        _open(60);
        vm.warp(START + 80);
        vm.prank(buyer);
        escrow.cancel(terms);
        int256 end = 100 - 256;
        _expectAt(end - 1, "s");
        _expectAt(end, "sbw");
        _expectAt(end + 29, "sbw");
        _expectAt(end + 30, "pw");
        _expectAt(end + 59, "pw");
        _expectAt(end + 60, "aw");
    }

    /// @dev A receipt that reaches the end opens the close to all from the end on; it leaves nothing to prove.
    function test_SecondsOfALeaseWhoseReceiptsReachTheEnd() external {
        _open(60);
        _settle(terms, 1_000, terms.end);
        _expectAt(-1, "s");
        _expectAt(0, "sbaw");
        _expectAt(29, "sbaw");
        _expectAt(30, "paw");
        _expectAt(60, "aw");
    }

    // ------------------------------------------------------------------ helpers

    function _open(uint32 window) private {
        Ask memory ask = _ask();
        ask.proofWindow = window;
        Bid memory bid = _bid();
        bid.maxProofWindow = window;
        terms = _open(ask, bid, 10);
    }

    /// @param offset Seconds from the agreed end.
    function _expectAt(int256 offset, string memory allowed) private {
        vm.warp(uint256(int256(uint256(terms.end)) + offset));
        // Work enough, and newer than any before.
        Receipt memory receipt = _receipt(terms, 1_000, uint256(terms.end) + 1);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        _expect(stranger, abi.encodeCall(ILeaseEscrow.settle, (terms, receipt, sellerSig, agentSig)), allowed, "s");
        _expect(
            stranger, abi.encodeCall(ILeaseEscrow.settleAndClose, (terms, receipt, sellerSig, agentSig)), allowed, "b"
        );
        _expect(seller, abi.encodeCall(ILeaseEscrow.prove, (terms, 0, new SignedJob[](0), "")), allowed, "p");
        _expect(stranger, abi.encodeCall(ILeaseEscrow.close, (terms)), allowed, "a");
        _expect(buyer, abi.encodeCall(ILeaseEscrow.close, (terms)), allowed, "a");
        _expect(seller, abi.encodeCall(ILeaseEscrow.close, (terms)), allowed, "w");
    }

    /// @dev Makes the call and undoes it.
    function _expect(address caller, bytes memory call, string memory allowed, string memory letter) private {
        uint256 snapshot = vm.snapshotState();
        vm.prank(caller);
        (bool ok, bytes memory result) = address(escrow).call(call);
        assertEq(ok ? 1 : 0, _contains(allowed, letter) ? 1 : 0, string.concat(letter, " in ", allowed));
        bytes4 why = bytes4(result);
        assertTrue(
            ok || why == ILeaseEscrow.SettlePhaseOver.selector || why == ILeaseEscrow.CloseTooEarly.selector
                || why == ILeaseEscrow.NotProvePhase.selector,
            "refused for its time"
        );
        vm.revertToState(snapshot);
    }

    function _contains(string memory letters, string memory letter) private pure returns (bool) {
        for (uint256 i = 0; i < bytes(letters).length; ++i) {
            if (bytes(letters)[i] == bytes(letter)[0]) return true;
        }
        return false;
    }
}
