// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {TestToken} from "../../src/TestToken.sol";
import {ILeaseEscrow} from "../../src/interfaces/ILeaseEscrow.sol";
import {Fixture} from "../utils/Fixture.sol";

contract BalancesTest is Fixture {
    function test_DepositCreditsTheAccountNamed() external {
        token.mint(stranger, 5);
        vm.prank(stranger);
        token.approve(address(escrow), 5);

        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.Deposited(payee, address(token), 5);
        vm.prank(stranger);
        uint256 received = escrow.deposit(address(token), 5, payee);

        assertEq(received, 5, "received");
        assertEq(_balance(payee), 5, "account named");
        assertEq(_balance(stranger), 0, "caller");
        assertEq(escrow.owed(address(token)), 2 * FUNDS + 5, "owed");
    }

    function test_DepositRefusesTheZeroAccount() external {
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.ZeroField.selector, "account"));
        escrow.deposit(address(token), 0, address(0));
    }

    function test_DepositWithPermitNeedsNoApproval() external {
        (uint8 v, bytes32 r, bytes32 s) = _permit(7);
        vm.prank(stranger);
        assertEq(escrow.depositWithPermit(address(token), 7, stranger, START, v, r, s), 7, "received");
        assertEq(_balance(stranger), 7, "balance");
    }

    function test_DepositWithPermitWorksWhereAFrontRunnerUsedThePermit() external {
        (uint8 v, bytes32 r, bytes32 s) = _permit(7);
        token.permit(stranger, address(escrow), 7, START, v, r, s);
        vm.prank(stranger);
        escrow.depositWithPermit(address(token), 7, stranger, START, v, r, s);
        assertEq(_balance(stranger), 7, "balance");
    }

    function test_DepositWithPermitUsesAnApprovalWhereThePermitIsBad() external {
        token.mint(stranger, 7);
        vm.prank(stranger);
        token.approve(address(escrow), 7);
        vm.prank(stranger);
        escrow.depositWithPermit(address(token), 7, stranger, START, 27, bytes32(0), bytes32(0));
        assertEq(_balance(stranger), 7, "balance");
    }

    function test_DepositWithPermitRefusesABadPermitWithoutApproval() external {
        (uint8 v, bytes32 r, bytes32 s) = _permit(7);
        vm.expectRevert(_noAllowance(8));
        vm.prank(stranger);
        escrow.depositWithPermit(address(token), 8, stranger, START, v, r, s);
        vm.warp(START + 1);
        vm.expectRevert(_noAllowance(7));
        vm.prank(stranger);
        escrow.depositWithPermit(address(token), 7, stranger, START, v, r, s);
    }

    function test_DepositWithPermitTakesNobodyElsesTokens() external {
        (uint8 v, bytes32 r, bytes32 s) = _permit(7);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(escrow), 0, 7));
        vm.prank(payee);
        escrow.depositWithPermit(address(token), 7, payee, START, v, r, s);
    }

    function test_DepositWithPermitRefusesTheZeroAccount() external {
        (uint8 v, bytes32 r, bytes32 s) = _permit(7);
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.ZeroField.selector, "account"));
        vm.prank(stranger);
        escrow.depositWithPermit(address(token), 7, address(0), START, v, r, s);
    }

    function test_DepositOfNothingCreditsNothing() external {
        vm.prank(stranger);
        assertEq(escrow.deposit(address(token), 0, stranger), 0, "received");
        assertEq(_balance(stranger), 0, "balance");
    }

    function test_DepositRefusesWhatWasNotApproved() external {
        token.mint(stranger, 5);
        vm.expectRevert(_noAllowance(5));
        vm.prank(stranger);
        escrow.deposit(address(token), 5, stranger);
    }

    function test_DepositRefusesATokenWithoutCode() external {
        vm.expectRevert();
        escrow.deposit(address(0x70cea), 5, stranger);
    }

    function test_WithdrawOfNothingChangesNothing() external {
        vm.prank(stranger);
        escrow.withdraw(address(token), 0, stranger);
        assertEq(escrow.owed(address(token)), 2 * FUNDS, "owed");
    }

    function test_WithdrawRefusesAnotherTokensBalance() external {
        TestToken other = new TestToken();
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.InsufficientBalance.selector, buyer, address(other), 0, 1));
        vm.prank(buyer);
        escrow.withdraw(address(other), 1, buyer);
    }

    function test_WithdrawSendsWhatIsFree() external {
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.Withdrawn(buyer, address(token), payee, 11);
        vm.prank(buyer);
        escrow.withdraw(address(token), 11, payee);
        assertEq(token.balanceOf(payee), 11, "sent");
        assertEq(_balance(buyer), FUNDS - 11, "left");
        assertEq(escrow.owed(address(token)), 2 * FUNDS - 11, "owed");
    }

    function test_WithdrawRefusesMoreThanTheBalance() external {
        vm.expectRevert(
            abi.encodeWithSelector(ILeaseEscrow.InsufficientBalance.selector, buyer, address(token), FUNDS, FUNDS + 1)
        );
        vm.prank(buyer);
        escrow.withdraw(address(token), FUNDS + 1, buyer);
    }

    function test_WithdrawRefusesTheZeroReceiver() external {
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.ZeroField.selector, "to"));
        vm.prank(buyer);
        escrow.withdraw(address(token), 1, address(0));
    }

    function test_WithdrawRefusesWhatIsLocked() external {
        _lease();
        vm.expectRevert(
            abi.encodeWithSelector(
                ILeaseEscrow.InsufficientBalance.selector, buyer, address(token), FUNDS - 2.5856e18, FUNDS
            )
        );
        vm.prank(buyer);
        escrow.withdraw(address(token), FUNDS, buyer);
    }

    function _noAllowance(uint256 needed) private view returns (bytes memory) {
        return abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(escrow), 0, needed);
    }

    function _permit(uint256 amount) private returns (uint8 v, bytes32 r, bytes32 s) {
        token.mint(stranger, amount);
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 message = keccak256(abi.encode(typehash, stranger, address(escrow), amount, uint256(0), START));
        return vm.sign(STRANGER_KEY, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), message)));
    }
}
