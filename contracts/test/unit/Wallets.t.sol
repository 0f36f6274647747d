// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Ask, Bid, ILeaseEscrow, Receipt, SignedJob, Job, Side, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Fixture} from "../utils/Fixture.sol";
import {HostileWallet, Wallet} from "../utils/Wallet.sol";

/// @notice Buyers that are contracts (ERC-1271), and accounts with delegated code (EIP-7702).
contract WalletsTest is Fixture {
    bytes4 internal constant YES = IERC1271.isValidSignature.selector;

    // ------------------------------------------------------------------ ERC-1271

    function test_AWalletContractBuysByErc1271() external {
        Wallet wallet = new Wallet();
        _fund(address(wallet), 10e18);
        Bid memory bid = _bid();
        bid.buyer = address(wallet);
        _expectNoLease(_ask(), bid, 10, _invalid(address(wallet), escrow.bidHash(bid)));
        wallet.approve(escrow.bidHash(bid));
        assertEq(_open(_ask(), bid, 10).buyer, address(wallet), "buyer");
    }

    function test_AYesWithMoreBytesAfterItIsAYes() external {
        HostileWallet wallet = _wallet(abi.encode(YES, uint256(1)));
        _openFor(wallet);
    }

    function test_AnAnswerThatIsNotYesIsANo() external {
        bytes[5] memory answers = [
            bytes(""),
            abi.encodePacked(YES),
            abi.encode(bytes4(0xffffffff)),
            abi.encode(true),
            abi.encode(uint256(uint32(YES)))
        ];
        for (uint256 i = 0; i < answers.length; ++i) {
            _expectNo(_wallet(answers[i]));
        }
        // Part of a word is no word.
        bytes memory short = new bytes(31);
        for (uint256 i = 0; i < 4; ++i) {
            short[i] = YES[i];
        }
        _expectNo(_wallet(short));
    }

    function test_AWalletThatRevertsIsANo() external {
        HostileWallet wallet = _wallet(abi.encode(YES));
        wallet.misbehave(HostileWallet.Misdeed.Revert);
        _expectNo(wallet);
        wallet.misbehave(HostileWallet.Misdeed.RevertWithMegabytes);
        _expectNo(wallet);
    }

    function test_AWalletThatBurnsAllGasIsANo() external {
        HostileWallet wallet = _wallet(abi.encode(YES));
        wallet.misbehave(HostileWallet.Misdeed.BurnGas);
        _expectNo(wallet);
    }

    function test_AWalletThatReturnsMegabytesCostsTheEscrowNoMemory() external {
        HostileWallet wallet = _wallet(abi.encode(YES));
        wallet.misbehave(HostileWallet.Misdeed.ReturnMegabytes);
        uint256 before = gasleft();
        (bool ok,) = address(wallet).call("");
        uint256 wallets = before - gasleft();
        assertTrue(ok, "the wallet answers");
        Bid memory bid = _bidOf(wallet);
        bytes memory askSig = _sign(SELLER_KEY, escrow.askHash(_ask()));
        before = gasleft();
        vm.prank(matcher);
        escrow.open(_ask(), askSig, bid, "", 10);
        assertTrue(before - gasleft() < wallets + 400_000, "gas beyond the wallet's own");
    }

    /// @dev It is asked in a static call: whatever it tries changes nothing, though the same call serves it outside of the question.
    function test_AWalletCannotReenterWhileItIsAsked() external {
        HostileWallet wallet = _wallet(abi.encode(YES));
        Terms memory other = _lease();
        vm.warp(other.end + 60);
        Ask memory ask = _ask();
        ask.expiry = uint40(other.end + 100);
        Bid memory bid = _bidOf(wallet);
        bid.matcher = address(0);
        bid.expiry = ask.expiry;
        bytes memory askSig = _sign(SELLER_KEY, escrow.askHash(ask));
        bytes[6] memory attacks = [
            abi.encodeCall(ILeaseEscrow.withdraw, (address(token), 1, address(wallet))),
            abi.encodeCall(ILeaseEscrow.deposit, (address(token), 1, address(wallet))),
            abi.encodeCall(ILeaseEscrow.cancelOrder, (keccak256("another salt"))),
            abi.encodeCall(ILeaseEscrow.bumpEpoch, ()),
            abi.encodeCall(ILeaseEscrow.setOperator, (stranger, true)),
            abi.encodeCall(ILeaseEscrow.close, (other))
        ];
        vm.prank(address(wallet));
        token.approve(address(escrow), 1);
        for (uint256 i = 0; i < attacks.length; ++i) {
            wallet.reenter(address(escrow), attacks[i]);
            uint256 snapshot = vm.snapshotState();
            vm.prank(matcher);
            // What tries to change something in a static call burns nearly all the gas.
            escrow.open{gas: 30_000_000}(ask, askSig, bid, "", 10);
            assertEq(escrow.balanceOf(address(wallet), address(token)), 10e18 - 2.5856e18, "one lease's locks");
            assertEq(escrow.epochOf(address(wallet)), 0, "epoch");
            assertTrue(!escrow.isOperator(address(wallet), stranger), "operator");
            vm.revertToState(snapshot);
            assertTrue(wallet.run(), "outside of the question the call serves");
            vm.revertToState(snapshot);
        }
    }

    function test_AWalletCannotOpenTwiceWhileItIsAsked() external {
        HostileWallet wallet = _wallet(abi.encode(YES));
        Bid memory bid = _bidOf(wallet);
        bid.matcher = address(0);
        bytes memory askSig = _sign(SELLER_KEY, escrow.askHash(_ask()));
        wallet.reenter(address(escrow), abi.encodeCall(ILeaseEscrow.open, (_ask(), askSig, bid, "", 10)));
        vm.prank(matcher);
        escrow.open(_ask(), askSig, bid, "", 10);
        assertEq(escrow.filled(Side.Bid, address(wallet), bid.salt), 10, "filled once");
    }

    /// @dev The wallet's yes counts at the opening alone.
    function test_AWalletThatChangesItsMindStopsNothing() external {
        HostileWallet wallet = _wallet(abi.encode(YES));
        Terms memory terms = _openFor(wallet);
        wallet.misbehave(HostileWallet.Misdeed.BurnGas);
        _settle(terms, 1_000, START + 100);
        vm.warp(terms.end);
        _settleAndClose(terms, 2_560, terms.end);
        assertEq(_balance(payee), 2.56e18, "payee");
    }

    function test_OnlyTheBuyerIsAskedByErc1271() external {
        HostileWallet wallet = _wallet(abi.encode(YES));
        Ask memory ask = _ask();
        ask.seller = address(wallet);
        _expectNoLease(ask, _bid(), 10, _invalid(address(wallet), escrow.askHash(ask)));

        Bid memory bid = _bid();
        bid.agent = address(wallet);
        Terms memory terms = _open(_ask(), bid, 10);
        Receipt memory receipt = _receipt(terms, 1_000, START + 100);
        bytes32 digest = escrow.receiptHash(receipt);
        bytes memory sellerSig = _sign(SELLER_KEY, digest);
        vm.expectRevert(_invalid(address(wallet), digest));
        escrow.settle(terms, receipt, sellerSig, "");

        vm.warp(terms.end + 30);
        SignedJob[] memory jobs = new SignedJob[](1);
        jobs[0].job.leaseId = escrow.leaseId(terms);
        digest = escrow.jobHash(jobs[0].job);
        vm.expectRevert(_invalid(address(wallet), digest));
        vm.prank(seller);
        escrow.prove(terms, 0, jobs, "");
    }

    // ------------------------------------------------------------------ EIP-7702

    function test_AnAccountWithDelegatedCodeBuysByItsKey() external {
        vm.signAndAttachDelegation(address(new Wallet()), BUYER_KEY);
        _lease();
        assertEq(buyer.code.length, 23, "delegated");
    }

    function test_AnAccountWithDelegatedCodeBuysByItsCode() external {
        vm.signAndAttachDelegation(address(new Wallet()), BUYER_KEY);
        Wallet(buyer).approve(escrow.bidHash(_bid()));
        assertEq(buyer.code.length, 23, "delegated");
        bytes memory askSig = _sign(SELLER_KEY, escrow.askHash(_ask()));
        vm.prank(matcher);
        escrow.open(_ask(), askSig, _bid(), "", 10);
        assertEq(_balance(buyer), FUNDS - 2.5856e18, "locks");
    }

    function test_AnAccountWithDelegatedCodeSellsAndAnswersByItsKeyAlone() external {
        Wallet code = new Wallet();
        vm.signAndAttachDelegation(address(code), SELLER_KEY);
        Wallet(seller).approve(escrow.askHash(_ask()));
        assertEq(seller.code.length, 23, "delegated");
        bytes memory bidSig = _sign(BUYER_KEY, escrow.bidHash(_bid()));
        bytes32 digest = escrow.askHash(_ask());
        vm.expectRevert(_invalid(seller, digest));
        vm.prank(matcher);
        escrow.open(_ask(), "", _bid(), bidSig, 10);

        Terms memory terms = _lease();
        Receipt memory receipt = _receipt(terms, 1_000, START + 100);
        digest = escrow.receiptHash(receipt);
        Wallet(seller).approve(digest);
        bytes memory agentSig = _sign(AGENT_KEY, digest);
        vm.expectRevert(_invalid(seller, digest));
        escrow.settle(terms, receipt, "", agentSig);
        _settle(terms, 1_000, START + 100);
    }

    // ------------------------------------------------------------------ helpers

    function _wallet(bytes memory answer) private returns (HostileWallet wallet) {
        wallet = new HostileWallet();
        wallet.answerWith(answer);
        _fund(address(wallet), 10e18);
        token.mint(address(wallet), 1);
    }

    function _bidOf(HostileWallet wallet) private view returns (Bid memory bid) {
        bid = _bid();
        bid.buyer = address(wallet);
    }

    function _openFor(HostileWallet wallet) private returns (Terms memory terms) {
        terms = _open(_ask(), _bidOf(wallet), 10);
        assertEq(terms.buyer, address(wallet), "buyer");
    }

    function _expectNo(HostileWallet wallet) private {
        Bid memory bid = _bidOf(wallet);
        _expectNoLease(_ask(), bid, 10, _invalid(address(wallet), escrow.bidHash(bid)));
    }

    function _invalid(address signer, bytes32 digest) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILeaseEscrow.InvalidSignature.selector, signer, digest);
    }
}
