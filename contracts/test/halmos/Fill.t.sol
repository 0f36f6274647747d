// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {LeaseEscrow} from "../../src/LeaseEscrow.sol";
import {Ask, Bid, Side} from "../../src/interfaces/ILeaseEscrow.sol";
import {Vm} from "../utils/Vm.sol";

/// @notice What halmos adds to the cheatcodes.
interface SymbolicVm {
    function enableSymbolicStorage(address account) external;
    function createBytes(uint256 size, string calldata name) external pure returns (bytes memory);
}

/// @notice Proofs by halmos over whole calls of `open`, from any state of the escrow, with signatures that recover to anyone.
contract FillProof {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    SymbolicVm private constant svm = SymbolicVm(address(uint160(uint256(keccak256("svm cheat code")))));
    address private constant SELLER = address(0x5e11e2);
    address private constant BUYER = address(0xb0b);

    LeaseEscrow private escrow;

    function setUp() public {
        escrow = new LeaseEscrow();
        svm.enableSymbolicStorage(address(escrow));
    }

    function check_AFillCountsToTheUnitAndLeavesNothingOrTheMinimum(Ask memory ask, Bid memory bid, uint64 hashrate)
        external
    {
        ask.seller = SELLER;
        bid.buyer = BUYER;
        uint256 asked = escrow.filled(Side.Ask, SELLER, ask.salt);
        uint256 bade = escrow.filled(Side.Bid, BUYER, bid.salt);
        escrow.open(ask, svm.createBytes(65, "askSig"), bid, svm.createBytes(65, "bidSig"), hashrate);
        _requireFill(escrow.filled(Side.Ask, SELLER, ask.salt), asked, ask.hashrate, ask.minHashrate, hashrate);
        _requireFill(escrow.filled(Side.Bid, BUYER, bid.salt), bade, bid.hashrate, bid.minHashrate, hashrate);
    }

    function _requireFill(uint256 filled, uint256 before, uint64 offered, uint64 least, uint64 hashrate) private pure {
        assert(before <= offered && filled <= offered);
        assert(filled == before + hashrate && hashrate >= least);
        assert(filled == offered || offered - filled >= least);
    }
}
