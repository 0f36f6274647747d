// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Ask, Bid, ILeaseEscrow, Receipt, SignedJob, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Fixture} from "../utils/Fixture.sol";
import {
    BlockingToken,
    BombToken,
    FeeToken,
    LyingToken,
    RefusingToken,
    ReentrantToken,
    ShrinkingToken,
    SilentToken
} from "../utils/Tokens.sol";

/// @notice What every token of {Tokens} that can be held has.
interface Mintable {
    function mint(address to, uint256 amount) external;
    function approve(address spender, uint256 amount) external returns (bool);
    function balanceOf(address account) external view returns (uint256);
}

/// @notice Tokens that misbehave: they harm no one but those who hold them, and stop no lease.
contract TokensTest is Fixture {
    uint256 internal constant AMOUNT = 10e18;

    // ------------------------------------------------------------------ fee on transfer, no answer, false

    function test_ADepositCreditsWhatArrivedOfATokenWithAFee() external {
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

    function test_AWithdrawalOfATokenWithAFeeIsBorneByItsReceiver() external {
        FeeToken fee = new FeeToken();
        _fundWith(address(fee), buyer);
        _fundWith(address(fee), seller);
        vm.prank(buyer);
        escrow.withdraw(address(fee), 1_000, stranger);
        assertEq(fee.balanceOf(stranger), 990, "received");
        assertEq(escrow.owed(address(fee)), fee.balanceOf(address(escrow)), "owed");
        assertEq(escrow.balanceOf(seller, address(fee)), AMOUNT / 100 * 99, "the others' balance");
    }

    function test_ATokenThatSaysFalseIsRefused() external {
        RefusingToken no = new RefusingToken();
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, no));
        escrow.deposit(address(no), 10, buyer);
    }

    // ------------------------------------------------------------------ hooks that call back

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

    function test_ADepositCannotReenterAWithdrawal() external {
        ReentrantToken re = _reentrant();
        escrow.deposit(address(re), 10, address(this));
        re.setAttack(abi.encodeCall(ILeaseEscrow.deposit, (address(re), 1, stranger)));
        vm.expectRevert(abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
        escrow.withdraw(address(re), 5, address(this));
    }

    function test_AWithdrawalCannotReenterADeposit() external {
        ReentrantToken re = _reentrant();
        escrow.deposit(address(re), 10, address(this));
        re.setAttack(abi.encodeCall(ILeaseEscrow.withdraw, (address(re), 0, stranger)));
        vm.expectRevert(abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
        escrow.deposit(address(re), 5, address(this));
    }

    /// @dev Calls that move no tokens may come in the middle of a transfer, and count as if they came after it.
    function test_AnOpeningInADepositMovesWhatItMovesElsewhere() external {
        (ReentrantToken re, Ask memory ask, Bid memory bid) = _reentrantMarket();
        bytes memory askSig = _sign(SELLER_KEY, escrow.askHash(ask));
        bytes memory bidSig = _sign(BUYER_KEY, escrow.bidHash(bid));
        re.setAttack(abi.encodeCall(ILeaseEscrow.open, (ask, askSig, bid, bidSig, 10)));
        assertEq(escrow.deposit(address(re), 7, buyer), 7, "received");
        assertEq(escrow.balanceOf(buyer, address(re)), AMOUNT + 7 - 2.5856e18, "buyer: deposit and locks");
        assertEq(escrow.balanceOf(seller, address(re)), AMOUNT - 0.512e18, "seller: bond");
        assertEq(escrow.owed(address(re)), re.balanceOf(address(escrow)), "owed");
    }

    function test_AnOpeningInAWithdrawalCannotSpendWhatLeaves() external {
        (ReentrantToken re, Ask memory ask, Bid memory bid) = _reentrantMarket();
        bytes memory askSig = _sign(SELLER_KEY, escrow.askHash(ask));
        bytes memory bidSig = _sign(BUYER_KEY, escrow.bidHash(bid));
        re.setAttack(abi.encodeCall(ILeaseEscrow.open, (ask, askSig, bid, bidSig, 10)));
        vm.expectRevert(
            abi.encodeWithSelector(ILeaseEscrow.InsufficientBalance.selector, buyer, address(re), 0, 2.5856e18)
        );
        vm.prank(buyer);
        escrow.withdraw(address(re), AMOUNT, buyer);
    }

    function test_ASettlementInATransferPaysOnce() external {
        (ReentrantToken re, Terms memory terms) = _reentrantLease();
        Receipt memory receipt = _receipt(terms, 1_000, START + 100);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        re.setAttack(abi.encodeCall(ILeaseEscrow.settle, (terms, receipt, sellerSig, agentSig)));
        escrow.deposit(address(re), 7, stranger);
        assertEq(escrow.balanceOf(stranger, address(re)), 7, "deposit");
        assertEq(escrow.balanceOf(payee, address(re)), 1e18, "payee");
        vm.expectRevert(
            abi.encodeWithSelector(
                ILeaseEscrow.ReceiptNotNewer.selector, escrow.leaseId(terms), START + 100, START + 100
            )
        );
        escrow.deposit(address(re), 7, stranger);
    }

    function test_ACloseInATransferPaysOnce() external {
        (ReentrantToken re, Terms memory terms) = _reentrantLease();
        re.setAttack(abi.encodeCall(ILeaseEscrow.close, (terms)));
        vm.warp(terms.end + 60);
        vm.prank(seller);
        escrow.withdraw(address(re), 1e18, seller);
        assertEq(escrow.balanceOf(buyer, address(re)), AMOUNT + terms.bond, "buyer: locks and bond");
        assertEq(escrow.balanceOf(seller, address(re)), AMOUNT - 1e18 - terms.bond, "seller");
        assertEq(escrow.owed(address(re)), re.balanceOf(address(escrow)), "owed");
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.NoSuchLease.selector, escrow.leaseId(terms)));
        vm.prank(seller);
        escrow.withdraw(address(re), 1e18, seller);
    }

    function test_ASettlementWithCloseInATransferPaysOnce() external {
        (ReentrantToken re, Terms memory terms) = _reentrantLease();
        Receipt memory receipt = _receipt(terms, 2_560, terms.end);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        re.setAttack(abi.encodeCall(ILeaseEscrow.settleAndClose, (terms, receipt, sellerSig, agentSig)));
        vm.warp(terms.end);
        escrow.deposit(address(re), 7, stranger);
        assertEq(escrow.balanceOf(payee, address(re)), 2.56e18, "payee");
        assertEq(escrow.balanceOf(seller, address(re)), AMOUNT, "seller");
        assertEq(escrow.owed(address(re)), re.balanceOf(address(escrow)), "owed");
    }

    function test_ATokenIsNobodysProverOrCanceller() external {
        (ReentrantToken re, Terms memory terms) = _reentrantLease();
        bytes32 id = escrow.leaseId(terms);
        re.setAttack(abi.encodeCall(ILeaseEscrow.cancel, (terms)));
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.NotBuyerOrAgent.selector, id, re));
        escrow.deposit(address(re), 7, stranger);
        re.setAttack(abi.encodeCall(ILeaseEscrow.prove, (terms, bytes32(0), new SignedJob[](0), "")));
        vm.warp(terms.end + 30);
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.NotProver.selector, id, re));
        escrow.deposit(address(re), 7, stranger);
    }

    // ------------------------------------------------------------------ accounts on a list, tokens that stop

    function test_ABlockedPayeeStopsNeitherSettlementNorClose() external {
        (BlockingToken list, Terms memory terms) = _blockingLease();
        list.setBlocked(payee, true);
        _settle(terms, 1_000, START + 100);
        vm.warp(terms.end + 60);
        vm.prank(stranger);
        escrow.close(terms);
        assertEq(escrow.balanceOf(payee, address(list)), 1e18, "payee's balance");

        vm.expectRevert(abi.encodeWithSelector(BlockingToken.Blocked.selector, payee));
        vm.prank(payee);
        escrow.withdraw(address(list), 1e18, payee);
        vm.prank(payee);
        escrow.withdraw(address(list), 1e18, stranger);
        assertEq(list.balanceOf(stranger), 1e18, "to another account");
    }

    function test_BlockedPartiesStopNobodyElse() external {
        (BlockingToken list, Terms memory terms) = _blockingLease();
        list.setBlocked(buyer, true);
        list.setBlocked(seller, true);
        list.setBlocked(matcher, true);
        vm.warp(terms.end);
        _settleAndClose(terms, 2_560, terms.end);
        vm.prank(payee);
        escrow.withdraw(address(list), 2.56e18, payee);
        assertEq(list.balanceOf(payee), 2.56e18, "payee");
        assertEq(escrow.balanceOf(matcher, address(list)), 0.0256e18, "matcher");
        assertEq(escrow.balanceOf(seller, address(list)), AMOUNT, "seller");
    }

    function test_AWithdrawalThatTheTokenRefusesLeavesTheBalance() external {
        (BlockingToken list,) = _blockingLease();
        list.setPaused(true);
        vm.expectRevert(abi.encodeWithSelector(BlockingToken.Paused.selector));
        vm.prank(seller);
        escrow.withdraw(address(list), 1, seller);
        assertEq(escrow.balanceOf(seller, address(list)), AMOUNT - 0.512e18, "balance");
        list.setPaused(false);
        vm.prank(seller);
        escrow.withdraw(address(list), AMOUNT - 0.512e18, seller);
        assertEq(escrow.balanceOf(seller, address(list)), 0, "withdrawn");
    }

    /// @dev No call of a lease asks the token anything.
    function test_ATokenThatAlwaysRevertsStopsNoLease() external {
        (BlockingToken list, Terms memory terms) = _blockingLease();
        list.setPaused(true);
        Ask memory ask = _ask();
        ask.token = address(list);
        Bid memory bid = _bid();
        bid.token = address(list);
        Terms memory second = _open(ask, bid, 10);
        _settle(terms, 1_000, START + 100);
        vm.prank(buyer);
        escrow.cancel(second);
        vm.warp(terms.end);
        _settleAndClose(terms, 2_000, terms.end);
        escrow.close(second);
        assertEq(escrow.balanceOf(payee, address(list)), 2e18, "payee");
    }

    // ------------------------------------------------------------------ lies and bombs

    function test_ATokenThatLiesCannotRaiseASumOfBalancesThatOverflows() external {
        LyingToken lying = new LyingToken();
        lying.setArrival(type(uint256).max);
        escrow.deposit(address(lying), 0, buyer);
        lying.transferFrom(buyer, address(escrow), 0);
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        escrow.deposit(address(lying), 0, seller);
    }

    function test_ATokenThatLiesHarmsItsHoldersAlone() external {
        LyingToken lying = new LyingToken();
        lying.setArrival(1e30);
        vm.prank(stranger);
        assertEq(escrow.deposit(address(lying), 1, stranger), 1e30, "credited what it pretends");
        vm.expectRevert(
            abi.encodeWithSelector(ILeaseEscrow.InsufficientBalance.selector, stranger, address(token), 0, 1)
        );
        vm.prank(stranger);
        escrow.withdraw(address(token), 1, stranger);
        assertEq(escrow.owed(address(token)), token.balanceOf(address(escrow)), "the other token");
    }

    function test_ADepositThatTakesFromTheEscrowIsRefused() external {
        ShrinkingToken shrinking = new ShrinkingToken();
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        escrow.deposit(address(shrinking), 1, stranger);
    }

    function test_APermitThatRevertsWithAMegabyteCostsTheEscrowNoMemory() external {
        BombToken bomb = new BombToken();
        bomb.mint(address(this), 5);
        bomb.approve(address(escrow), 5);
        uint256 before = gasleft();
        try bomb.permit(address(this), address(escrow), 5, START, 27, 0, 0) {} catch {}
        uint256 bombs = before - gasleft();
        before = gasleft();
        escrow.depositWithPermit(address(bomb), 5, stranger, START, 27, 0, 0);
        assertTrue(before - gasleft() < bombs + 200_000, "gas beyond the token's own");
        assertEq(escrow.balanceOf(stranger, address(bomb)), 5, "credited");
    }

    // ------------------------------------------------------------------ helpers

    function _fundWith(address token_, address account) private {
        Mintable(token_).mint(account, AMOUNT);
        vm.prank(account);
        Mintable(token_).approve(address(escrow), AMOUNT);
        vm.prank(account);
        escrow.deposit(token_, AMOUNT, account);
    }

    function _reentrant() private returns (ReentrantToken re) {
        re = new ReentrantToken(escrow);
        re.mint(address(this), 100);
        re.approve(address(escrow), 100);
    }

    function _ordersIn(address token_) private returns (Ask memory ask, Bid memory bid) {
        _fundWith(token_, buyer);
        _fundWith(token_, seller);
        (ask, bid) = (_ask(), _bid());
        (ask.token, bid.token) = (token_, token_);
    }

    function _reentrantMarket() private returns (ReentrantToken re, Ask memory ask, Bid memory bid) {
        re = _reentrant();
        (ask, bid) = _ordersIn(address(re));
        bid.matcher = address(0);
    }

    function _reentrantLease() private returns (ReentrantToken re, Terms memory terms) {
        Ask memory ask;
        Bid memory bid;
        (re, ask, bid) = _reentrantMarket();
        terms = _open(ask, bid, 10);
    }

    function _blockingLease() private returns (BlockingToken list, Terms memory terms) {
        list = new BlockingToken();
        (Ask memory ask, Bid memory bid) = _ordersIn(address(list));
        terms = _open(ask, bid, 10);
    }
}
