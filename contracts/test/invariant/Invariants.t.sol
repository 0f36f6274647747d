// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {TestToken} from "../../src/TestToken.sol";
import {ILeaseEscrow} from "../../src/interfaces/ILeaseEscrow.sol";
import {Test} from "../utils/Test.sol";
import {Handler} from "./Handler.sol";
import {Ledger} from "./Ledger.sol";

/// @notice The invariants of the protocol's section 3.3. One function, for each would be a campaign of its own: 2, 3 and 5 are checked by the
/// handler in each call.
contract InvariantsTest is Test {
    ILeaseEscrow internal escrow;
    Handler internal handler;

    function setUp() external {
        vm.warp(1_790_000_000);
        vm.roll(1_000);
        escrow = ILeaseEscrow(vm.deployCode("LeaseEscrow.sol:LeaseEscrow"));
        handler = new Handler(escrow);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_MoneyIsConservedAndEveryLeaseCloses() external {
        _checkHoldings();
        _closeAll();
        _withdrawAll();
    }

    /// @dev A campaign of fixed steps, to show that none is idle: each call did what it is for.
    function test_TheHandlerReachesEveryCall() external {
        for (uint256 step = 0; step < 600; ++step) {
            uint256 random = uint256(keccak256(abi.encode(step)));
            _step(random % 8, random >> 8, random >> 32);
        }
        bytes32[7] memory calls = [bytes32("withdraw"), "open", "settle", "settleAndClose", "prove", "cancel", "close"];
        for (uint256 i = 0; i < calls.length; ++i) {
            assertTrue(handler.done(calls[i]) > 9, string(abi.encodePacked(calls[i])));
        }
        _checkHoldings();
    }

    function _step(uint256 call, uint256 a, uint256 b) private {
        if (call == 0) handler.passTime(a, b, a);
        else if (call == 1) handler.withdraw(a, b, a);
        else if (call == 2) handler.open(a, b, a >> 8, b);
        else if (call == 3) handler.settle(a, b, type(uint256).max - a, false);
        else if (call == 4) handler.settle(a, b, a, true);
        else if (call == 5) handler.prove(a, b, b % 2 == 0, a);
        else if (call == 6) handler.cancel(a, b);
        else handler.close(a, b);
    }

    /// @dev 1: what is owed is what is held.
    function _checkHoldings() private view {
        for (uint256 t = 0; t < 2; ++t) {
            TestToken token = handler.tokens(t);
            uint256 held = token.balanceOf(address(escrow));
            assertEq(escrow.owed(address(token)), held, "owed");
            assertEq(handler.due(token), held, "held");
        }
    }

    /// @dev 4: from the end of the window on, whoever calls.
    function _closeAll() private {
        vm.warp(block.timestamp + 1_000);
        for (uint256 i = 0; i < handler.leaseCount(); ++i) {
            Ledger.Entry memory lease = handler.entry(i);
            if (lease.closed) continue;
            vm.prank(address(0xdead));
            escrow.close(lease.terms);
        }
    }

    /// @dev And then everybody can take what is theirs, until nothing is left.
    function _withdrawAll() private {
        for (uint256 t = 0; t < 2; ++t) {
            TestToken token = handler.tokens(t);
            for (uint256 i = 0; i < handler.accountCount(); ++i) {
                address account = handler.accounts(i);
                uint256 balance = escrow.balanceOf(account, address(token));
                vm.prank(account);
                escrow.withdraw(address(token), balance, account);
            }
            assertEq(token.balanceOf(address(escrow)), 0, "nothing is left");
        }
    }
}
