// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Ask, Bid, ILeaseEscrow, Lease, Receipt, SignedJob, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Miner, Share} from "../utils/Miner.sol";
import {Vm} from "../utils/Vm.sol";
import {Ledger} from "./Ledger.sol";

/// @notice What parties do to the escrow, honest or not. Each call checks what it alone can see; a call that the escrow should refuse must
/// be refused, one that it should take must succeed.
contract Handler is Ledger {
    /// @notice Any time of an open lease, or a half of its proof window.
    enum Phase {
        Any,
        Settle,
        Prove
    }

    uint256 private constant NONE = type(uint256).max;

    /// @notice How often each call did what it is for, so that the campaign shows that it isn't idle.
    mapping(bytes32 what => uint256) public done;

    constructor(ILeaseEscrow escrow_) Ledger(escrow_) {
        for (uint256 i = 0; i < 2; ++i) {
            for (uint256 t = 0; t < 2; ++t) {
                _deposit(vm.addr(buyerKeys[i]), t, 1e24);
                _deposit(vm.addr(sellerKeys[i]), t, 1e24);
            }
        }
    }

    // ------------------------------------------------------------------ clock and balances

    /// @dev Goes to a second at which something changes for some lease, or a few seconds on.
    function passTime(uint256 index, uint256 boundary, uint256 seconds_) external nothingFalls {
        uint256 to = block.timestamp + bound(seconds_, 1, 60);
        uint256 picked = _pick(index, Phase.Any);
        if (picked != NONE) {
            uint256 end = escrow.leaseOf(entries[picked].id).end;
            uint256 window = entries[picked].terms.proofWindow;
            uint256 second = [end, end + window / 2, end + window][boundary % 3] - boundary / 3 % 2;
            if (second > block.timestamp) to = second;
        }
        vm.warp(to);
        vm.roll(block.number + 1);
    }

    function deposit(uint256 account, uint256 token, uint256 amount) external nothingFalls {
        _deposit(accounts[account % accounts.length], token % 2, bound(amount, 0, 1e20));
    }

    function withdraw(uint256 account, uint256 token, uint256 amount) external {
        _withdraw(accounts[account % accounts.length], address(tokens[token % 2]), amount);
    }

    function _withdraw(address account, address token, uint256 amount) private onlyFalls(account, account) {
        uint256 balance = escrow.balanceOf(account, token);
        amount = bound(amount, 0, balance / 4);
        vm.prank(account);
        escrow.withdraw(token, amount, account);
        assertEq(escrow.balanceOf(account, token), balance - amount, "withdrawn");
        ++done["withdraw"];
    }

    function _deposit(address account, uint256 token, uint256 amount) private {
        tokens[token].mint(account, amount);
        vm.prank(account);
        tokens[token].approve(address(escrow), amount);
        vm.prank(account);
        escrow.deposit(address(tokens[token]), amount, account);
    }

    // ------------------------------------------------------------------ open

    function open(uint256 buyer, uint256 seller, uint256 token, uint256 seed) external {
        (Ask memory ask, Bid memory bid) = _orders(buyer % 2, seller % 2, token % 2, seed);
        _open(ask, bid, buyer % 2, seller % 2);
    }

    function _open(Ask memory ask, Bid memory bid, uint256 buyer, uint256 seller)
        private
        onlyFalls(bid.buyer, ask.seller)
    {
        bytes memory askSig = _sign(sellerKeys[seller], escrow.askHash(ask));
        bytes memory bidSig = _sign(buyerKeys[buyer], escrow.bidHash(bid));
        uint256 before = _sumOf(_balances());
        vm.recordLogs();
        vm.prank(matcher);
        bytes32 id = escrow.open(ask, askSig, bid, bidSig, bid.hashrate);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _book(abi.decode(logs[logs.length - 1].data, (Terms)), id);
        Entry storage added = entries[entries.length - 1];
        assertEq(_sumOf(_balances()), before - added.lock - added.feeLock - added.terms.bond, "locked");
        ++done["open"];
    }

    /// @dev Orders whose terms differ widely: prices of less than a unit for a hash and of many, bonds and ratios from nothing to all.
    function _orders(uint256 buyer, uint256 seller, uint256 token, uint256 seed)
        private
        view
        returns (Ask memory ask, Bid memory bid)
    {
        ask.seller = vm.addr(sellerKeys[seller]);
        ask.payee = _payee(seller);
        ask.token = address(tokens[token]);
        ask.price = seed % 3 == 0 ? 1 : uint128(bound(uint256(keccak256(abi.encode(seed, 1))), 1, 1e39));
        ask.hashrate = uint64(bound(uint256(keccak256(abi.encode(seed, 2))), 1, 40));
        ask.maxDuration = 200;
        ask.slaBps = uint16(uint256(keccak256(abi.encode(seed, 3))) % 10_001);
        ask.bondBps = uint16(uint256(keccak256(abi.encode(seed, 4))) % 10_001);
        ask.proofBps = uint16(uint256(keccak256(abi.encode(seed, 5))) % 10_001);
        ask.cancelNotice = uint32(uint256(keccak256(abi.encode(seed, 6))) % 40);
        ask.proofWindow = uint32(uint256(keccak256(abi.encode(seed, 7))) % 200);
        ask.proofShares = uint16(bound(uint256(keccak256(abi.encode(seed, 8))), 200, 2_000));
        ask.expiry = type(uint40).max;
        ask.epoch = escrow.epochOf(ask.seller);
        ask.salt = keccak256(abi.encode(entries.length));

        bid.buyer = vm.addr(buyerKeys[buyer]);
        bid.agent = agent;
        bid.token = ask.token;
        bid.maxPrice = ask.price;
        bid.hashrate = ask.hashrate;
        bid.duration = uint32(bound(uint256(keccak256(abi.encode(seed, 9))), 1, 200));
        bid.maxProofBps = 10_000;
        bid.maxCancelNotice = ask.cancelNotice;
        bid.maxProofWindow = ask.proofWindow;
        bid.matcherFeeBps = uint16(uint256(keccak256(abi.encode(seed, 10))) % 10_001);
        bid.expiry = type(uint40).max;
        bid.epoch = escrow.epochOf(bid.buyer);
        bid.salt = ask.salt;
    }

    function bumpEpoch(uint256 account) external nothingFalls {
        vm.prank(accounts[account % accounts.length]);
        escrow.bumpEpoch();
    }

    // ------------------------------------------------------------------ settle, stale receipts included

    function settle(uint256 index, uint256 work, uint256 through, bool andClose) external nothingFalls {
        uint256 picked = _pick(index, andClose ? Phase.Settle : Phase.Any);
        if (picked == NONE) return;
        Entry storage lease = entries[picked];
        Lease memory before = escrow.leaseOf(lease.id);
        uint256 contracted = uint256(lease.terms.hashrate) * (before.end - lease.terms.start);
        Receipt memory receipt = Receipt({
            leaseId: lease.id,
            work: uint128(bound(work, 0, contracted * 3 / 2)),
            through: uint40(bound(through, andClose ? before.end : lease.terms.start, uint256(before.end) + 2))
        });
        bool valid = receipt.through > before.through && receipt.work >= before.work
            && block.timestamp < uint256(before.end) + lease.terms.proofWindow / 2;
        if (andClose) valid = valid && block.timestamp >= before.end;

        uint256 payeeBefore = escrow.balanceOf(lease.terms.payee, lease.terms.token);
        uint256 sumBefore = _sumOf(_balances());
        bool ok = _callSettle(lease, receipt, andClose);
        assertEq(ok ? 1 : 0, valid ? 1 : 0, "taken where valid, refused where not");
        if (!ok) return;
        if (andClose) {
            _checkClosed(lease, sumBefore);
            ++done["settleAndClose"];
        } else {
            lease.paid += escrow.balanceOf(lease.terms.payee, lease.terms.token) - payeeBefore;
            assertTrue(escrow.leaseOf(lease.id).work >= before.work, "settled work fell");
            ++done["settle"];
        }
        assertTrue(lease.paid <= lease.lock, "paid more than was locked");
    }

    function _callSettle(Entry storage lease, Receipt memory receipt, bool andClose) private returns (bool ok) {
        bytes32 digest = escrow.receiptHash(receipt);
        bytes memory sellerSig = _sign(_sellerKey(lease.terms.seller), digest);
        bytes memory agentSig = _sign(AGENT_KEY, digest);
        bytes4 selector = andClose ? ILeaseEscrow.settleAndClose.selector : ILeaseEscrow.settle.selector;
        vm.prank(stranger);
        (ok,) = address(escrow).call(abi.encodeWithSelector(selector, lease.terms, receipt, sellerSig, agentSig));
    }

    // ------------------------------------------------------------------ prove, replays and old shares included

    function prove(uint256 index, uint256 size, bool anew, uint256 seed) external nothingFalls {
        uint256 picked = _pick(index, Phase.Prove);
        if (picked == NONE) return;
        Entry storage lease = entries[picked];
        Lease memory state = escrow.leaseOf(lease.id);
        if (state.through >= state.end) return;

        Share[] memory shares = _shares(lease, state, bound(size, 1, 4), seed);
        bytes32 last = anew ? bytes32(0) : lease.last;
        uint256 skipped = 0;
        while (skipped < shares.length && shares[skipped].hash <= last) ++skipped;
        assertTrue(_callProve(lease, last, Miner.join(shares, skipped, shares.length)), "a sound row was refused");
        if (anew || lease.last == 0) lease.count = 0;
        lease.count += shares.length - skipped;
        lease.last = skipped < shares.length ? shares[shares.length - 1].hash : last;
        assertEq(escrow.leaseOf(lease.id).count, lease.count, "count");
        assertEq(escrow.lastHashOf(lease.id), lease.last, "last hash");

        // Neither the same header again, nor one that a receipt may hold.
        if (skipped < shares.length) {
            assertTrue(!_callProve(lease, lease.last, shares[skipped].item), "a header counted twice");
        }
        assertTrue(!_callProve(lease, 0, _old(lease, state)), "a settled second counted");
        ++done["prove"];
    }

    function _shares(Entry storage lease, Lease memory state, uint256 size, uint256 seed)
        private
        view
        returns (Share[] memory shares)
    {
        shares = new Share[](size);
        for (uint256 i = 0; i < size; ++i) {
            uint32 nTime = uint32(bound(uint256(keccak256(abi.encode(seed, i))), state.through + 1, state.end));
            shares[i] = Miner.standby(lease.id, keccak256(abi.encode(seed, i)), nTime, _target(lease), true);
        }
        Miner.sort(shares);
    }

    function _old(Entry storage lease, Lease memory state) private view returns (bytes memory) {
        return Miner.standby(lease.id, 0, uint32(state.through), _target(lease), true).item;
    }

    function _target(Entry storage lease) private view returns (uint256) {
        uint256 w = uint256(lease.terms.hashrate) * (lease.terms.end - lease.terms.start) / lease.terms.proofShares;
        return type(uint256).max / (w == 0 ? 1 : w);
    }

    function _callProve(Entry storage lease, bytes32 last, bytes memory row) private returns (bool ok) {
        vm.prank(lease.terms.payee);
        (ok,) = address(escrow).call(abi.encodeCall(ILeaseEscrow.prove, (lease.terms, last, new SignedJob[](0), row)));
    }

    // ------------------------------------------------------------------ cancel and close

    function cancel(uint256 index, uint256 seed) external nothingFalls {
        // Now and then, for a lease that is cancelled leaves little time for anything else.
        if (seed % 4 != 0) return;
        uint256 picked = _pick(index, Phase.Any);
        if (picked == NONE) return;
        Entry storage lease = entries[picked];
        uint40 before = escrow.leaseOf(lease.id).end;
        vm.prank(seed % 8 == 0 ? agent : lease.terms.buyer);
        escrow.cancel(lease.terms);
        assertTrue(escrow.leaseOf(lease.id).end <= before, "a cancellation put the end later");
        ++done["cancel"];
    }

    function close(uint256 index, uint256 caller) external nothingFalls {
        uint256 picked = _pick(index, Phase.Any);
        if (picked == NONE) return;
        Entry storage lease = entries[picked];
        address by = caller % 4 == 0 ? lease.terms.seller : stranger;
        Lease memory state = escrow.leaseOf(lease.id);
        bool early = by == lease.terms.seller || state.through >= state.end;
        bool due_ = block.timestamp >= (early ? state.end : uint256(state.end) + lease.terms.proofWindow);

        uint256 sumBefore = _sumOf(_balances());
        vm.prank(by);
        (bool ok,) = address(escrow).call(abi.encodeCall(ILeaseEscrow.close, (lease.terms)));
        assertEq(ok ? 1 : 0, due_ ? 1 : 0, "closed when due, and not before");
        if (!ok) return;
        _checkClosed(lease, sumBefore);
        ++done["close"];
    }

    /// @dev All that was locked and not yet paid came back to balances, to the last unit.
    function _checkClosed(Entry storage lease, uint256 sumBefore) private {
        uint256 held = lease.lock + lease.feeLock + lease.terms.bond - lease.paid;
        assertEq(_sumOf(_balances()) - sumBefore, held, "released at close");
        assertEq(escrow.leaseOf(lease.id).end, 0, "state remains");
        assertEq(escrow.lastHashOf(lease.id), 0, "hash remains");
        lease.closed = true;
    }

    /// @dev Index of an open lease that is in the phase, if there is one.
    function _pick(uint256 index, Phase phase) private view returns (uint256) {
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 candidate = (index % entries.length + i) % entries.length;
            if (!entries[candidate].closed && _isIn(phase, entries[candidate])) return candidate;
        }
        return NONE;
    }

    function _isIn(Phase phase, Entry storage lease) private view returns (bool) {
        if (phase == Phase.Any) return true;
        uint256 end = escrow.leaseOf(lease.id).end;
        uint256 middle = end + lease.terms.proofWindow / 2;
        if (phase == Phase.Settle) return block.timestamp >= end && block.timestamp < middle;
        return block.timestamp >= middle && block.timestamp < end + lease.terms.proofWindow;
    }

    function _sellerKey(address seller) private view returns (uint256) {
        return seller == vm.addr(sellerKeys[0]) ? sellerKeys[0] : sellerKeys[1];
    }
}
