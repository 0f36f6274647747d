// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ILeaseEscrow} from "../../src/interfaces/ILeaseEscrow.sol";
import {Fixture} from "../utils/Fixture.sol";
import {FeeToken, LyingToken, ReentrantToken, SilentToken} from "../utils/Tokens.sol";

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

    function test_DepositCreditsWhatArrivedOfATokenWithAFee() external {
        FeeToken fee = new FeeToken();
        fee.mint(address(this), 1_000);
        fee.approve(address(escrow), 1_000);
        assertEq(escrow.deposit(address(fee), 1_000, buyer), 990, "received");
        assertEq(escrow.balanceOf(buyer, address(fee)), 990, "balance");
        assertEq(escrow.owed(address(fee)), fee.balanceOf(address(escrow)), "owed");
    }

    function test_TokensThatReturnNothingComeAndGo() external {
        SilentToken silent = new SilentToken();
        silent.mint(address(this), 10);
        silent.approve(address(escrow), 10);
        escrow.deposit(address(silent), 10, address(this));
        escrow.withdraw(address(silent), 4, stranger);
        assertEq(silent.balanceOf(stranger), 4, "withdrawn");
        assertEq(escrow.balanceOf(address(this), address(silent)), 6, "left");
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

    function test_TokenCallsCannotReenterADeposit() external {
        ReentrantToken re = _reentrant();
        re.setAttack(abi.encodeCall(ILeaseEscrow.deposit, (address(re), 1, stranger)));
        vm.expectRevert(abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
        escrow.deposit(address(re), 10, address(this));
    }

    function test_TokenCallsCannotReenterADepositWithPermit() external {
        ReentrantToken re = _reentrant();
        re.setAttack(
            abi.encodeCall(
                ILeaseEscrow.depositWithPermit, (address(re), 1, stranger, START, 27, bytes32(0), bytes32(0))
            )
        );
        vm.expectRevert(abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
        escrow.depositWithPermit(address(re), 10, address(this), START, 27, bytes32(0), bytes32(0));
    }

    function test_TokenCallsCannotReenterAWithdrawal() external {
        ReentrantToken re = _reentrant();
        escrow.deposit(address(re), 10, address(this));
        re.setAttack(abi.encodeCall(ILeaseEscrow.withdraw, (address(re), 1, stranger)));
        vm.expectRevert(abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
        escrow.withdraw(address(re), 5, address(this));
    }

    function test_ATokenThatLiesCannotRaiseASumOfBalancesThatOverflows() external {
        LyingToken lying = new LyingToken();
        lying.setArrival(type(uint256).max);
        escrow.deposit(address(lying), 0, buyer);
        lying.transferFrom(buyer, address(escrow), 0);
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        escrow.deposit(address(lying), 0, seller);
    }

    function _reentrant() private returns (ReentrantToken re) {
        re = new ReentrantToken(escrow);
        re.mint(address(this), 100);
        re.approve(address(escrow), 100);
    }

    function _permit(uint256 amount) private returns (uint8 v, bytes32 r, bytes32 s) {
        token.mint(stranger, amount);
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 message = keccak256(abi.encode(typehash, stranger, address(escrow), amount, uint256(0), START));
        return vm.sign(STRANGER_KEY, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), message)));
    }
}
