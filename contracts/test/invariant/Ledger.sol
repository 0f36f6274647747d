// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {TestToken} from "../../src/TestToken.sol";
import {Ask, Bid, ILeaseEscrow, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Test} from "../utils/Test.sol";
import {FeeToken} from "../utils/Tokens.sol";
import {Wallet} from "../utils/Wallet.sol";

/// @notice What a campaign knows of its own accord: the accounts, the orders, and what each lease should hold.
abstract contract Ledger is Test {
    struct Order {
        Ask ask;
        Bid bid;
        /// Hashrate that no lease has taken.
        uint64 left;
        bool cancelled;
    }

    struct Entry {
        Terms terms;
        bytes32 id;
        uint256 lock;
        uint256 feeLock;
        /// What settlements paid.
        uint256 paid;
        bool closed;
        /// Proof shares counted by the run that stands.
        uint256 count;
        bytes32 last;
    }

    uint256 internal constant UNIT = 1e15 * 86_400;
    uint256 internal constant AGENT_KEY = 0xa1;
    uint256 internal constant TOKENS = 3;
    uint256 internal constant BUYERS = 3;
    uint256 internal constant SELLERS = 2;

    ILeaseEscrow public immutable escrow;
    /// @notice The last one keeps a hundredth of what is transferred.
    TestToken[TOKENS] public tokens;
    address[] public accounts;
    address[BUYERS] internal buyers;
    address[SELLERS] internal sellers;
    Order[] internal orders;
    Entry[] internal entries;
    /// @dev The last of the buyers is a contract, and signs by ERC-1271.
    Wallet internal wallet = new Wallet();

    uint256[2] internal buyerKeys = [uint256(0xb1), 0xb2];
    uint256[SELLERS] internal sellerKeys = [uint256(0x51), 0x52];
    address internal agent = vm.addr(AGENT_KEY);
    address internal matcher = address(0x3a7c4);
    address internal operator = address(0x0b5);
    address internal stranger = address(0x57a6e2);

    constructor(ILeaseEscrow escrow_) {
        escrow = escrow_;
        tokens = [new TestToken(), new TestToken(), TestToken(address(new FeeToken()))];
        buyers = [vm.addr(buyerKeys[0]), vm.addr(buyerKeys[1]), address(wallet)];
        for (uint256 i = 0; i < BUYERS; ++i) {
            accounts.push(buyers[i]);
        }
        for (uint256 i = 0; i < SELLERS; ++i) {
            sellers[i] = vm.addr(sellerKeys[i]);
            accounts.push(sellers[i]);
            accounts.push(_payee(i));
        }
        accounts.push(matcher);
        accounts.push(stranger);
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

    /// @dev 5: no balance may fall in the call, but those of the accounts named.
    modifier onlyFalls(address first, address second) {
        uint256[] memory before = _balances();
        _;
        uint256[] memory after_ = _balances();
        for (uint256 i = 0; i < after_.length; ++i) {
            address account = accounts[i / TOKENS];
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

    modifier nothingMoves() {
        uint256[] memory before = _balances();
        _;
        assertEq(keccak256(abi.encode(_balances())), keccak256(abi.encode(before)), "a lie moved a balance");
    }

    function _balances() internal view returns (uint256[] memory balances) {
        balances = new uint256[](accounts.length * TOKENS);
        for (uint256 i = 0; i < balances.length; ++i) {
            balances[i] = escrow.balanceOf(accounts[i / TOKENS], address(tokens[i % TOKENS]));
        }
    }

    function _sumOf(uint256[] memory numbers) internal pure returns (uint256 sum) {
        for (uint256 i = 0; i < numbers.length; ++i) {
            sum += numbers[i];
        }
    }

    function _book(Terms memory terms, bytes32 id) internal returns (Entry storage added) {
        added = entries.push();
        added.terms = terms;
        added.id = id;
        (added.lock, added.feeLock) = _locks(terms.price, terms.hashrate, terms.end - terms.start, terms.matcherFeeBps);
    }

    function _locks(uint256 price, uint256 hashrate, uint256 duration, uint256 feeBps)
        internal
        pure
        returns (uint256 lock, uint256 feeLock)
    {
        lock = (price * hashrate * duration + UNIT - 1) / UNIT;
        feeLock = (lock * feeBps + 9_999) / 10_000;
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _signAsSeller(address seller, bytes32 digest) internal view returns (bytes memory) {
        return _sign(seller == sellers[0] ? sellerKeys[0] : sellerKeys[1], digest);
    }

    /// @dev The wallet says yes to the digest asked last.
    function _signAsBuyer(address buyer, bytes32 digest) internal returns (bytes memory) {
        if (buyer == address(wallet)) {
            wallet.approve(digest);
            return "";
        }
        return _sign(buyer == buyers[0] ? buyerKeys[0] : buyerKeys[1], digest);
    }
}
