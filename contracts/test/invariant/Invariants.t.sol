// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {TestToken} from "../../src/TestToken.sol";
import {ILeaseEscrow} from "../../src/interfaces/ILeaseEscrow.sol";
import {Test} from "../utils/Test.sol";
import {Ledger} from "./Ledger.sol";
import {Liar} from "./Liar.sol";

/// @notice The invariants of the protocol's section 3.3, after every call. 1 and 4 are checked here, 2, 3 and 5 by the handler in each call.
/// One function, for each would be a campaign of its own.
contract InvariantsTest is Test {
    uint256 internal constant TOKENS = 3;

    ILeaseEscrow internal escrow;
    Liar internal handler;

    function setUp() external {
        vm.warp(1_790_000_000);
        vm.roll(1_000);
        escrow = ILeaseEscrow(vm.deployCode("LeaseEscrow.sol:LeaseEscrow"));
        handler = new Liar(escrow);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev What is done here is undone before the next call.
    function invariant_MoneyIsConservedAndEveryLeaseCloses() external {
        _checkHoldings();
        _closeAll();
        _checkHoldingsOfBalances();
    }

    /// @notice After each run everybody takes what is theirs.
    function afterInvariant() external {
        _closeAll();
        _withdrawAll();
    }

    /// @dev A campaign of fixed steps, to show that none is idle: each call did what it is for, and each lie was told and refused.
    function test_NothingInTheCampaignIsIdle() external {
        for (uint256 step = 0; step < 3_000; ++step) {
            uint256 random = uint256(keccak256(abi.encode(step)));
            _step(random % 16, random >> 8, random >> 32, random >> 128);
        }
        bytes32[19] memory calls = [
            bytes32("deposit"),
            "withdraw",
            "open",
            "openAgain",
            "open refused",
            "bumpEpoch",
            "cancelOrder",
            "setOperator",
            "settle",
            "settle refused",
            "settleAndClose",
            "prove anew",
            "prove on",
            "prove by operator",
            "reordered row refused",
            "cancel",
            "close by seller",
            "close by stranger",
            "close refused"
        ];
        bytes32[27] memory lies = [
            bytes32("overdraw"),
            "ask altered",
            "bid altered",
            "bid signed by agent",
            "opened by another",
            "beyond its fill",
            "order of an old epoch",
            "cancelled order",
            "receipt too late",
            "stale receipt",
            "receipt of less work",
            "another lease's receipt",
            "receipt without agent",
            "receipt altered",
            "closed before the end",
            "proof out of its time",
            "proof by another",
            "proof by no operator",
            "run with a wrong last",
            "share of a settled second",
            "share after the end",
            "hash above the target",
            "header twice in a row",
            "closed twice",
            "terms altered",
            "closed too early",
            "cancel by another"
        ];
        string memory idle;
        for (uint256 i = 0; i < calls.length; ++i) {
            if (handler.done(calls[i]) < 5) idle = string(abi.encodePacked(idle, calls[i]));
        }
        for (uint256 i = 0; i < lies.length; ++i) {
            if (handler.refused(lies[i]) < 5) idle = string(abi.encodePacked(idle, lies[i]));
        }
        assertEq(bytes(idle).length, 0, idle);
        _checkHoldings();
        _closeAll();
        _withdrawAll();
    }

    function _step(uint256 call, uint256 a, uint256 b, uint256 c) private {
        if (call == 0) handler.passTime(a, b, c);
        else if (call == 1) handler.deposit(a, b, c);
        else if (call == 2) handler.withdraw(a, b, c);
        else if (call == 3) handler.open(a, b, c, uint256(keccak256(abi.encode(a))));
        else if (call == 4) handler.openAgain(a, b);
        else if (call == 5) handler.bumpEpoch(a, b);
        else if (call == 6) handler.cancelOrder(a, b % 2 == 0);
        else if (call == 7) handler.setOperator(a, b % 2 == 0);
        else if (call == 8) handler.settle(a, b, c, c % 3 == 0);
        else if (call == 9) handler.prove(a, b, b % 2 == 0, c);
        else if (call == 10) handler.cancel(a, b);
        else if (call == 11) c % 2 == 0 ? handler.close(a, b) : handler.overdraw(a, b, c);
        else if (call == 12) handler.lieAboutOrders(a, b);
        else if (call == 13) handler.lieAboutReceipts(a, b, c);
        else if (call == 14) handler.lieAboutProofs(a, b, c);
        else handler.lieAboutLeases(a, b, c);
    }

    /// @dev 1: what is owed is what is held.
    function _checkHoldings() private view {
        for (uint256 t = 0; t < TOKENS; ++t) {
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
            assertEq(escrow.leaseOf(lease.id).end, 0, "state remains");
            assertEq(escrow.lastHashOf(lease.id), 0, "hash remains");
        }
    }

    /// @dev With every lease closed, balances are all there is.
    function _checkHoldingsOfBalances() private view {
        for (uint256 t = 0; t < TOKENS; ++t) {
            TestToken token = handler.tokens(t);
            uint256 sum = 0;
            for (uint256 i = 0; i < handler.accountCount(); ++i) {
                sum += escrow.balanceOf(handler.accounts(i), address(token));
            }
            assertEq(sum, token.balanceOf(address(escrow)), "balances");
        }
    }

    /// @dev Everybody can take what is theirs, until nothing is left.
    function _withdrawAll() private {
        for (uint256 t = 0; t < TOKENS; ++t) {
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
