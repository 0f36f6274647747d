// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {TestToken} from "../../src/TestToken.sol";
import {ILeaseEscrow, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Pay} from "../../src/libraries/Pay.sol";
import {Test} from "../utils/Test.sol";

/// @notice What a campaign knows of its own accord: the accounts, and what each lease should hold.
abstract contract Ledger is Test {
    struct Entry {
        Terms terms;
        bytes32 id;
        uint256 lock;
        uint256 feeLock;
        /// What settlements paid.
        uint256 paid;
        bool closed;
        /// Rows of proof shares counted by the run that stands.
        uint256 count;
        bytes32 last;
    }

    ILeaseEscrow public immutable escrow;
    TestToken[2] public tokens;
    address[] public accounts;
    Entry[] internal entries;

    uint256[2] internal buyerKeys = [uint256(0xb1), 0xb2];
    uint256[2] internal sellerKeys = [uint256(0x51), 0x52];
    uint256 internal constant AGENT_KEY = 0xa1;
    address internal agent = vm.addr(AGENT_KEY);
    address internal matcher = address(0x3a7c4);
    address internal stranger = address(0x57a6e2);

    constructor(ILeaseEscrow escrow_) {
        escrow = escrow_;
        tokens = [new TestToken(), new TestToken()];
        for (uint256 i = 0; i < 2; ++i) {
            accounts.push(vm.addr(buyerKeys[i]));
            accounts.push(vm.addr(sellerKeys[i]));
            accounts.push(_payee(i));
        }
        accounts.push(matcher);
    }

    function _payee(uint256 seller) internal pure returns (address) {
        return address(uint160(0x9a7ee0 + seller));
    }

    function leaseCount() external view returns (uint256) {
        return entries.length;
    }

    function entry(uint256 index) external view returns (Entry memory) {
        return entries[index];
    }

    function accountCount() external view returns (uint256) {
        return accounts.length;
    }

    /// @notice What the escrow should hold of a token, by the ledger alone.
    function due(TestToken token) external view returns (uint256 sum) {
        for (uint256 i = 0; i < accounts.length; ++i) {
            sum += escrow.balanceOf(accounts[i], address(token));
        }
        for (uint256 i = 0; i < entries.length; ++i) {
            if (entries[i].closed || entries[i].terms.token != address(token)) continue;
            sum += entries[i].lock + entries[i].feeLock + entries[i].terms.bond - entries[i].paid;
        }
    }

    /// @dev No balance may fall in the call, but those of the accounts named.
    modifier onlyFalls(address first, address second) {
        uint256[] memory before = _balances();
        _;
        uint256[] memory after_ = _balances();
        for (uint256 i = 0; i < after_.length; ++i) {
            address account = accounts[i / 2];
            if (account == first || account == second) continue;
            assertTrue(after_[i] >= before[i], "a balance fell without its owner");
        }
    }

    modifier nothingFalls() {
        uint256[] memory before = _balances();
        _;
        uint256[] memory after_ = _balances();
        for (uint256 i = 0; i < after_.length; ++i) {
            assertTrue(after_[i] >= before[i], "a balance fell without its owner");
        }
    }

    function _balances() internal view returns (uint256[] memory balances) {
        balances = new uint256[](accounts.length * 2);
        for (uint256 i = 0; i < balances.length; ++i) {
            balances[i] = escrow.balanceOf(accounts[i / 2], address(tokens[i % 2]));
        }
    }

    function _sumOf(uint256[] memory numbers) internal pure returns (uint256 sum) {
        for (uint256 i = 0; i < numbers.length; ++i) {
            sum += numbers[i];
        }
    }

    function _book(Terms memory terms, bytes32 id) internal {
        Entry storage added = entries.push();
        added.terms = terms;
        added.id = id;
        added.lock = Pay.lockUp(terms.price, terms.hashrate, terms.end - terms.start);
        added.feeLock = Pay.feeLockUp(added.lock, terms.matcherFeeBps);
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}
