// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Ask, Bid, ILeaseEscrow, Receipt, SignedJob, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Fixture} from "../utils/Fixture.sol";
import {Miner} from "../utils/Miner.sol";

contract CloseTest is Fixture {
    uint256 internal constant LOCK = 2.56e18;
    uint256 internal constant FEE_LOCK = 0.0256e18;
    uint256 internal constant BOND = 0.512e18;

    Terms internal terms;
    bytes32 internal id;

    function setUp() public override {
        super.setUp();
        terms = _lease();
        id = escrow.leaseId(terms);
    }

    // ------------------------------------------------------------------ who pays whom

    function test_FullDeliveryPaysAllAndReturnsTheBond() external {
        vm.warp(terms.end);
        _settleAndClose(terms, 2_560, terms.end);
        assertEq(_balance(payee), LOCK, "payee");
        assertEq(_balance(matcher), FEE_LOCK, "matcher");
        assertEq(_balance(buyer), FUNDS - LOCK - FEE_LOCK, "buyer");
        assertEq(_balance(seller), FUNDS, "seller");
        assertEq(_state(terms).end, 0, "closed");
    }

    function test_SettleAndCloseEmitsBoth() external {
        vm.warp(terms.end);
        Receipt memory receipt = _receipt(terms, 2_300, terms.end);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.Settled(id, 2_300, terms.end, 2.3e18);
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.Closed(id, 2_300, 0, 2.3e18, 0.023e18, 0.2626e18, 0);
        escrow.settleAndClose(terms, receipt, sellerSig, agentSig);
    }

    function test_WorkBeyondTheContractEarnsNothing() external {
        vm.warp(terms.end);
        _settleAndClose(terms, 3_000, terms.end);
        assertEq(_balance(payee), LOCK, "payee");
    }

    function test_DeliveryAtTheServiceLevelCostsNoBond() external {
        vm.warp(terms.end);
        _settleAndClose(terms, 2_048, terms.end);
        assertEq(_balance(seller), FUNDS, "seller");
    }

    function test_DeliveryBelowTheServiceLevelCostsBondInProportion() external {
        vm.warp(terms.end);
        _settleAndClose(terms, 1_536, terms.end);
        // A quarter of the 2,048 required is missing.
        assertEq(_balance(seller), FUNDS - BOND / 4, "seller");
        assertEq(_balance(payee), 1.536e18, "payee");
        assertEq(_balance(matcher), 0.01536e18, "matcher");
        assertEq(_balance(buyer), FUNDS - 1.536e18 - 0.01536e18 + BOND / 4, "buyer");
    }

    function test_NoDeliveryCostsTheWholeBond() external {
        vm.warp(terms.end + 60);
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.Closed(id, 0, 0, 0, 0, LOCK + FEE_LOCK, BOND);
        escrow.close(terms);
        assertEq(_balance(buyer), FUNDS + BOND, "buyer");
        assertEq(_balance(seller), FUNDS - BOND, "seller");
        assertEq(_balance(matcher), 0, "matcher");
    }

    function test_CancellationCostsBondForTheTimeThatRanAlone() external {
        vm.warp(START + 44);
        vm.prank(buyer);
        escrow.cancel(terms);
        vm.warp(START + 64 + 60);
        escrow.close(terms);
        // 64 of 256 seconds ran.
        assertEq(_balance(buyer), FUNDS + BOND / 4, "buyer");
        assertEq(_balance(seller), FUNDS - BOND / 4, "seller");
    }

    function test_CancellationAtOnceWithoutNoticeCostsNothing() external {
        Ask memory ask = _ask();
        ask.cancelNotice = 0;
        Terms memory brief = _open(ask, _bid(), 10);
        vm.prank(buyer);
        escrow.cancel(brief);
        vm.warp(START + 60);
        escrow.close(brief);
        assertEq(_balance(buyer), FUNDS - LOCK - FEE_LOCK, "buyer, with the first lease still open");
        assertEq(_balance(seller), FUNDS - BOND, "seller");
    }

    function test_SettledPaymentsCountAtClose() external {
        _settle(terms, 2_000, START + 200);
        vm.warp(terms.end);
        _settleAndClose(terms, 2_560, terms.end);
        assertEq(_balance(payee), LOCK, "payee");
    }

    function test_AServiceLevelOfZeroCostsNoBond() external {
        Ask memory ask = _ask();
        ask.slaBps = 0;
        Bid memory bid = _bid();
        bid.minSlaBps = 0;
        Terms memory lax = _open(ask, bid, 10);
        vm.warp(lax.end + 60);
        escrow.close(lax);
        assertEq(_balance(seller), FUNDS - BOND, "seller, with the first lease still open");
    }

    function test_WithoutABondThereIsNoPenalty() external {
        Ask memory ask = _ask();
        ask.bondBps = 0;
        Bid memory bid = _bid();
        bid.minBondBps = 0;
        Terms memory free = _open(ask, bid, 10);
        vm.warp(free.end + 60);
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.Closed(escrow.leaseId(free), 0, 0, 0, 0, LOCK + FEE_LOCK, 0);
        escrow.close(free);
    }

    function test_WithoutAFeeTheMatcherGetsNothing() external {
        Bid memory bid = _bid();
        bid.matcherFeeBps = 0;
        Terms memory free = _open(_ask(), bid, 10);
        vm.warp(free.end);
        _settleAndClose(free, 2_560, free.end);
        assertEq(_balance(matcher), 0, "matcher");
        assertEq(_balance(payee), LOCK, "payee");
    }

    function test_ProofsCountForTheServiceLevel() external {
        vm.warp(terms.end);
        _settle(terms, 2_040, terms.end - 1);
        vm.warp(terms.end + 30);
        bytes memory item = Miner.standby(id, 0, uint32(terms.end), type(uint256).max / 10, true).item;
        vm.prank(seller);
        escrow.prove(terms, 0, new SignedJob[](0), item);
        vm.warp(terms.end + 60);
        escrow.close(terms);
        assertEq(_balance(seller), FUNDS, "2,050 of 2,048 required");
        assertEq(_balance(payee), 2.04e18 + 0.009e18, "payee");
    }

    // ------------------------------------------------------------------ who may close when

    function test_AnyoneClosesWhenTheWindowIsOver() external {
        vm.warp(terms.end + 59);
        _expectTooEarly(stranger, terms.end + 60);
        vm.warp(terms.end + 60);
        vm.prank(stranger);
        escrow.close(terms);
        assertEq(_state(terms).end, 0, "closed");
    }

    function test_AnyoneClosesFromTheEndWhereReceiptsReachIt() external {
        _settle(terms, 2_560, terms.end);
        vm.warp(terms.end - 1);
        _expectTooEarly(stranger, terms.end);
        vm.warp(terms.end);
        vm.prank(stranger);
        escrow.close(terms);
        assertEq(_state(terms).end, 0, "closed");
    }

    function test_SellerClosesFromTheEndAndWaivesTheRest() external {
        _settle(terms, 2_100, START + 200);
        vm.warp(terms.end - 1);
        _expectTooEarly(seller, terms.end);
        vm.warp(terms.end);
        vm.prank(seller);
        escrow.close(terms);
        assertEq(_balance(payee), 2.1e18, "payee");
    }

    function test_BuyerWaitsForTheWindow() external {
        _settle(terms, 2_560, terms.end - 1);
        vm.warp(terms.end);
        _expectTooEarly(buyer, terms.end + 60);
    }

    function test_SettleAndCloseRefusesAReceiptShortOfTheEnd() external {
        vm.warp(terms.end);
        Receipt memory receipt = _receipt(terms, 2_560, terms.end - 1);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.CloseTooEarly.selector, id, terms.end + 60));
        escrow.settleAndClose(terms, receipt, sellerSig, agentSig);
    }

    function test_SettleAndCloseBySellerTakesAReceiptShortOfTheEnd() external {
        vm.warp(terms.end);
        Receipt memory receipt = _receipt(terms, 2_560, terms.end - 1);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        vm.prank(seller);
        escrow.settleAndClose(terms, receipt, sellerSig, agentSig);
        assertEq(_balance(payee), LOCK, "payee");
    }

    function test_SettleAndCloseRefusesAReceiptBeforeTheEnd() external {
        Receipt memory receipt = _receipt(terms, 2_560, terms.end);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        vm.warp(terms.end - 1);
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.CloseTooEarly.selector, id, terms.end));
        escrow.settleAndClose(terms, receipt, sellerSig, agentSig);
        assertEq(_balance(payee), 0, "nor is it settled");
    }

    function test_SettleAndCloseRefusesAReceiptFromHalfTheWindowOn() external {
        Receipt memory receipt = _receipt(terms, 2_560, terms.end);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        vm.warp(terms.end + 30);
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.SettlePhaseOver.selector, id, terms.end + 30));
        escrow.settleAndClose(terms, receipt, sellerSig, agentSig);
    }

    function test_SettleAndCloseRefusesAReceiptThatIsStale() external {
        _settle(terms, 2_000, terms.end);
        Receipt memory receipt = _receipt(terms, 2_560, terms.end);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        vm.warp(terms.end);
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.ReceiptNotNewer.selector, id, terms.end, terms.end));
        escrow.settleAndClose(terms, receipt, sellerSig, agentSig);
    }

    function test_SettleAndCloseClosesOnce() external {
        vm.warp(terms.end);
        _settleAndClose(terms, 2_560, terms.end);
        Receipt memory receipt = _receipt(terms, 2_560, terms.end + 1);
        (bytes memory sellerSig, bytes memory agentSig) = _signatures(receipt);
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.NoSuchLease.selector, id));
        escrow.settleAndClose(terms, receipt, sellerSig, agentSig);
    }

    function test_RefusesTermsThatWereNotOpened() external {
        vm.warp(terms.end + 60);
        terms.bond += 1;
        bytes32 other = escrow.leaseId(terms);
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.NoSuchLease.selector, other));
        escrow.close(terms);
    }

    function test_ALeaseClosesOnce() external {
        vm.warp(terms.end + 60);
        escrow.close(terms);
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.NoSuchLease.selector, id));
        escrow.close(terms);
    }

    function test_WithoutAProofWindowTheEndClosesAll() external {
        Ask memory ask = _ask();
        ask.proofWindow = 0;
        Terms memory bare = _open(ask, _bid(), 10);
        vm.warp(bare.end);
        vm.prank(stranger);
        escrow.close(bare);
        assertEq(_state(bare).end, 0, "closed");
    }

    function _expectTooEarly(address caller, uint256 from) private {
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.CloseTooEarly.selector, id, from));
        vm.prank(caller);
        escrow.close(terms);
    }
}
