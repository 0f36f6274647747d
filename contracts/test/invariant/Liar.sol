// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Ask, Bid, ILeaseEscrow, Lease, Receipt, SignedJob, Side, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Miner, Share} from "../utils/Miner.sol";
import {Handler} from "./Handler.sol";

/// @notice What liars try, at any time: each must be refused with the error that is meant for it, and move nothing.
contract Liar is Handler {
    /// @notice How often each lie was told and refused, by its error.
    mapping(bytes32 what => uint256) public refused;

    constructor(ILeaseEscrow escrow_) Handler(escrow_) {}

    // ------------------------------------------------------------------ money that isn't theirs

    function overdraw(uint256 account, uint256 token, uint256 more) external nothingMoves {
        address owner = accounts[account % accounts.length];
        address token_ = address(tokens[token % TOKENS]);
        uint256 amount = escrow.balanceOf(owner, token_);
        amount += bound(more, 1, type(uint256).max - amount);
        vm.prank(owner);
        _expect(
            "overdraw",
            abi.encodeCall(ILeaseEscrow.withdraw, (token_, amount, owner)),
            ILeaseEscrow.InsufficientBalance.selector
        );
    }

    // ------------------------------------------------------------------ orders

    function lieAboutOrders(uint256 index, uint256 lie) external nothingMoves {
        if (orders.length == 0) return;
        lie %= 7;
        // What an epoch has ended is found among the old.
        Order memory order = orders[lie == 5 ? index % orders.length : _recent(index)];
        (Ask memory ask, Bid memory bid) = (order.ask, order.bid);
        bytes memory askSig = _signAsSeller(ask.seller, escrow.askHash(ask));
        bytes memory bidSig = _signAsBuyer(bid.buyer, escrow.bidHash(bid));
        if (lie == 0) {
            // The ask that the seller signed, at a better price.
            --ask.price;
            _open("ask altered", ask, askSig, bid, bidSig, 1, ILeaseEscrow.InvalidSignature.selector);
        } else if (lie == 1) {
            ++bid.maxPrice;
            _open("bid altered", ask, askSig, bid, bidSig, 1, ILeaseEscrow.InvalidSignature.selector);
        } else if (lie == 2) {
            // The buyer's agent holds no purse.
            bidSig = _sign(AGENT_KEY, escrow.bidHash(bid));
            if (bid.buyer == address(wallet)) wallet.approve(0);
            _open("bid signed by agent", ask, askSig, bid, bidSig, 1, ILeaseEscrow.InvalidSignature.selector);
        } else if (lie == 3) {
            vm.prank(stranger);
            (bool ok, bytes memory why) =
                address(escrow).call(abi.encodeCall(ILeaseEscrow.open, (ask, askSig, bid, bidSig, 1)));
            _check("opened by another", ok, why, ILeaseEscrow.NotMatcher.selector);
        } else if (lie == 4) {
            uint64 most = order.cancelled ? 0 : order.left;
            if (ask.epoch != escrow.epochOf(ask.seller) || bid.epoch != escrow.epochOf(bid.buyer)) return;
            _open("beyond its fill", ask, askSig, bid, bidSig, most + 1, ILeaseEscrow.HashrateTooHigh.selector);
        } else if (lie == 5) {
            if (ask.epoch == escrow.epochOf(ask.seller)) return;
            _open("order of an old epoch", ask, askSig, bid, bidSig, 1, ILeaseEscrow.WrongEpoch.selector);
        } else {
            if (!order.cancelled || ask.epoch != escrow.epochOf(ask.seller)) return;
            if (bid.epoch != escrow.epochOf(bid.buyer)) return;
            _open("cancelled order", ask, askSig, bid, bidSig, 1, ILeaseEscrow.HashrateTooHigh.selector);
        }
    }

    function _open(
        bytes32 what,
        Ask memory ask,
        bytes memory askSig,
        Bid memory bid,
        bytes memory bidSig,
        uint64 hashrate,
        bytes4 error_
    ) private {
        vm.prank(matcher);
        _expect(what, abi.encodeCall(ILeaseEscrow.open, (ask, askSig, bid, bidSig, hashrate)), error_);
    }

    // ------------------------------------------------------------------ receipts

    function lieAboutReceipts(uint256 index, uint256 lie, uint256 seed) external nothingMoves {
        uint256 picked = _pick(index, seed % 4 == 0 ? Phase.Any : Phase.Running);
        if (picked == NONE) return;
        Entry storage lease = entries[picked];
        Lease memory state = escrow.leaseOf(lease.id);
        Receipt memory receipt = Receipt({leaseId: lease.id, work: state.work, through: state.through + 1});
        bool over = block.timestamp >= uint256(state.end) + lease.terms.proofWindow / 2;
        lie %= 6;
        if (over) {
            _settle("receipt too late", lease, receipt, ILeaseEscrow.SettlePhaseOver.selector);
        } else if (lie == 0) {
            receipt.through = uint40(bound(seed, 0, state.through));
            _settle("stale receipt", lease, receipt, ILeaseEscrow.ReceiptNotNewer.selector);
        } else if (lie == 1) {
            if (state.work == 0) return;
            receipt.work = uint128(bound(seed, 0, state.work - 1));
            _settle("receipt of less work", lease, receipt, ILeaseEscrow.ReceiptTooLow.selector);
        } else if (lie == 2) {
            // A receipt of another lease, that its parties did sign.
            if (entries.length < 2) return;
            receipt.leaseId = entries[(picked + 1) % entries.length].id;
            _settle("another lease's receipt", lease, receipt, ILeaseEscrow.WrongLease.selector);
        } else if (lie == 3) {
            bytes32 digest = escrow.receiptHash(receipt);
            bytes memory sig = _signAsSeller(lease.terms.seller, digest);
            _expect(
                "receipt without agent",
                abi.encodeCall(ILeaseEscrow.settle, (lease.terms, receipt, sig, sig)),
                ILeaseEscrow.InvalidSignature.selector
            );
        } else if (lie == 4) {
            bytes32 digest = escrow.receiptHash(receipt);
            receipt.work += uint128(bound(seed, 1, 1e30));
            bytes memory sellerSig = _signAsSeller(lease.terms.seller, digest);
            _expect(
                "receipt altered",
                abi.encodeCall(ILeaseEscrow.settle, (lease.terms, receipt, sellerSig, _sign(AGENT_KEY, digest))),
                ILeaseEscrow.InvalidSignature.selector
            );
        } else {
            if (block.timestamp >= state.end) return;
            bytes32 digest = escrow.receiptHash(receipt);
            bytes memory sellerSig = _signAsSeller(lease.terms.seller, digest);
            _expect(
                "closed before the end",
                abi.encodeCall(
                    ILeaseEscrow.settleAndClose, (lease.terms, receipt, sellerSig, _sign(AGENT_KEY, digest))
                ),
                ILeaseEscrow.CloseTooEarly.selector
            );
        }
    }

    function _settle(bytes32 what, Entry storage lease, Receipt memory receipt, bytes4 error_) private {
        bytes32 digest = escrow.receiptHash(receipt);
        bytes memory sellerSig = _signAsSeller(lease.terms.seller, digest);
        bytes memory agentSig = _sign(AGENT_KEY, digest);
        _expect(what, abi.encodeCall(ILeaseEscrow.settle, (lease.terms, receipt, sellerSig, agentSig)), error_);
    }

    // ------------------------------------------------------------------ proofs

    function lieAboutProofs(uint256 index, uint256 lie, uint256 seed) external nothingMoves {
        uint256 picked = _pick(index, Phase.Prove);
        if (picked == NONE) {
            picked = _pick(index, Phase.Any);
            if (picked == NONE) return;
            Entry storage early = entries[picked];
            _prove("proof out of its time", early, early.terms.seller, 0, "", ILeaseEscrow.NotProvePhase.selector);
            return;
        }
        Entry storage lease = entries[picked];
        Lease memory state = escrow.leaseOf(lease.id);
        address seller = lease.terms.seller;
        uint256 target = _target(lease);
        bytes32 random = keccak256(abi.encode(seed));
        lie %= 7;
        if (lie == 0) {
            // Neither a stranger, nor the buyer's side, may begin a run anew.
            address[4] memory others = [stranger, matcher, agent, lease.terms.buyer];
            _prove("proof by another", lease, others[seed % 4], 0, "", ILeaseEscrow.NotProver.selector);
        } else if (lie == 1) {
            if (escrow.isOperator(seller, operator)) return;
            _prove("proof by no operator", lease, operator, lease.last, "", ILeaseEscrow.NotProver.selector);
        } else if (lie == 2) {
            if (random == lease.last) return;
            _prove("run with a wrong last", lease, seller, random, "", ILeaseEscrow.WrongLastHash.selector);
        } else if (lie == 3) {
            bytes memory row = _old(lease, state);
            _prove("share of a settled second", lease, seller, 0, row, ILeaseEscrow.TimeOutOfRange.selector);
        } else if (lie == 4) {
            bytes memory row = Miner.standby(lease.id, random, uint32(state.end) + 1, target, true).item;
            _prove("share after the end", lease, seller, 0, row, ILeaseEscrow.TimeOutOfRange.selector);
        } else if (lie == 5) {
            if (target == type(uint256).max || state.through >= state.end) return;
            bytes memory row = Miner.standby(lease.id, random, uint32(state.end), target, false).item;
            _prove("hash above the target", lease, seller, 0, row, ILeaseEscrow.HashAboveTarget.selector);
        } else {
            if (state.through >= state.end) return;
            bytes memory item = Miner.standby(lease.id, random, uint32(state.end), target, true).item;
            bytes memory row = bytes.concat(item, item);
            _prove("header twice in a row", lease, seller, 0, row, ILeaseEscrow.HashNotAscending.selector);
        }
        _checkRun(lease);
    }

    function _prove(bytes32 what, Entry storage lease, address prover, bytes32 last, bytes memory row, bytes4 error_)
        private
    {
        vm.prank(prover);
        _expect(what, abi.encodeCall(ILeaseEscrow.prove, (lease.terms, last, new SignedJob[](0), row)), error_);
    }

    // ------------------------------------------------------------------ leases

    function lieAboutLeases(uint256 index, uint256 lie, uint256 seed) external nothingMoves {
        if (entries.length == 0) return;
        lie %= 4;
        uint256 picked = lie == 3 ? _pick(index, Phase.Running) : index % entries.length;
        if (picked == NONE) return;
        Entry storage lease = entries[picked];
        Terms memory terms = lease.terms;
        if (lease.closed) {
            vm.prank(seed % 2 == 0 ? stranger : terms.seller);
            _expect("closed twice", abi.encodeCall(ILeaseEscrow.close, (terms)), ILeaseEscrow.NoSuchLease.selector);
        } else if (lie == 0) {
            vm.prank(seed % 2 == 0 ? stranger : terms.seller);
            _expect(
                "cancel by another", abi.encodeCall(ILeaseEscrow.cancel, (terms)), ILeaseEscrow.NotBuyerOrAgent.selector
            );
        } else if (lie == 1) {
            // Terms that would pay the liar.
            (terms.payee, terms.buyer) = (stranger, stranger);
            _expect("terms altered", abi.encodeCall(ILeaseEscrow.close, (terms)), ILeaseEscrow.NoSuchLease.selector);
        } else {
            Lease memory state = escrow.leaseOf(lease.id);
            uint256 from = state.through >= state.end ? state.end : uint256(state.end) + terms.proofWindow;
            if (block.timestamp >= from) return;
            address[3] memory others = [stranger, terms.buyer, agent];
            vm.prank(others[seed % 3]);
            _expect(
                "closed too early", abi.encodeCall(ILeaseEscrow.close, (terms)), ILeaseEscrow.CloseTooEarly.selector
            );
        }
    }

    // ------------------------------------------------------------------ shared

    /// @dev The caller may have set who calls.
    function _expect(bytes32 what, bytes memory call, bytes4 error_) private {
        (bool ok, bytes memory why) = address(escrow).call(call);
        _check(what, ok, why, error_);
    }

    function _check(bytes32 what, bool ok, bytes memory why, bytes4 error_) private {
        assertTrue(!ok, string(abi.encodePacked(what, " was believed")));
        assertEq(bytes32(bytes4(why)), bytes32(error_), string(abi.encodePacked(what, ": error")));
        ++refused[what];
    }
}
