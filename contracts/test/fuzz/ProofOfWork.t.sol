// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Job} from "../../src/interfaces/ILeaseEscrow.sol";
import {ProofOfWork} from "../../src/libraries/ProofOfWork.sol";
import {Miner} from "../utils/Miner.sol";
import {Test} from "../utils/Test.sol";

/// @notice Gives the library calldata, and a gas limit of its own.
contract ProofOfWorkCaller {
    function coinbaseId(bytes calldata prefix, bytes calldata extranonce, bytes calldata suffix)
        external
        view
        returns (bytes32)
    {
        bytes memory coinbase = bytes.concat(prefix, new bytes(extranonce.length), suffix);
        return ProofOfWork.coinbaseId(coinbase, prefix.length, extranonce);
    }

    function merkleRoot(bytes32 leaf, bytes32[] calldata branch) external view returns (bytes32) {
        return ProofOfWork.merkleRoot(leaf, branch);
    }

    function headerHash(bytes4 version, bytes32 prevHash, bytes32 root, bytes12 tail) external view returns (bytes32) {
        return ProofOfWork.headerHash(version, prevHash, root, tail);
    }
}

/// @notice The assembly against plain Solidity.
contract ProofOfWorkTest is Test {
    ProofOfWorkCaller internal pow = new ProofOfWorkCaller();

    function testFuzz_CoinbaseId(bytes calldata prefix, bytes calldata extranonce, bytes calldata suffix)
        external
        view
    {
        Job memory job;
        (job.coinbasePrefix, job.coinbaseSuffix) = (prefix, suffix);
        assertEq(pow.coinbaseId(prefix, extranonce, suffix), Miner.coinbaseId(job, extranonce), "coinbase");
    }

    function testFuzz_MerkleRoot(bytes32 leaf, bytes32[] calldata branch) external view {
        assertEq(pow.merkleRoot(leaf, branch), Miner.merkleRoot(leaf, branch), "root");
    }

    /// Headers of the main chain, from its first block to the 800,000th.
    function test_HashesRealHeaders() external view {
        string memory blocks = vm.readFile("../miner/vectors/bitcoin_headers.json");
        for (uint256 i = 0; i < 8; ++i) {
            string memory block_ = string.concat("[", string(bytes.concat(bytes1(uint8(48 + i)))), "]");
            bytes memory header = vm.parseJsonBytes(blocks, string.concat(block_, ".header"));
            assertEq(header.length, 80, "size");
            (bytes4 version, bytes32 prevHash, bytes32 root, bytes12 tail) = _cut(header);
            bytes32 hash = vm.parseJsonBytes32(blocks, string.concat(block_, ".hash"));
            assertEq(pow.headerHash(version, prevHash, root, tail), hash, block_);
        }
    }

    function _cut(bytes memory header)
        private
        pure
        returns (bytes4 version, bytes32 prevHash, bytes32 root, bytes12 tail)
    {
        assembly ("memory-safe") {
            version := mload(add(header, 0x20))
            prevHash := mload(add(header, 0x24))
            root := mload(add(header, 0x44))
            tail := mload(add(header, 0x64))
        }
    }

    function testFuzz_HeaderHash(
        uint32 version,
        bytes32 prevHash,
        bytes32 root,
        uint32 nTime,
        uint32 nBits,
        uint32 nonce
    ) external view {
        bytes12 tail = bytes12(
            bytes.concat(Miner.littleEndian(nTime), Miner.littleEndian(nBits), Miner.littleEndian(nonce))
        );
        bytes memory header = Miner.header(version, prevHash, root, nTime, nBits, nonce);
        assertEq(header.length, 80, "size");
        assertEq(pow.headerHash(Miner.littleEndian(version), prevHash, root, tail), Miner.headerHash(header), "hash");
    }

    function testFuzz_Reversed(bytes32 word, uint32 number) external pure {
        assertEq(ProofOfWork.reversed(word), Miner.reversed(word), "32 bytes");
        assertEq(ProofOfWork.toHeader(number), Miner.littleEndian(number), "to a header");
        assertEq(ProofOfWork.fromHeader(Miner.littleEndian(number)), number, "from a header");
    }

    /// @dev With too little gas the precompile fails; what then lies in memory must never pass for a hash.
    function test_TooLittleGasNeverYieldsAWrongRootOrHeaderHash() external view {
        bytes32[] memory branch = new bytes32[](14);
        bytes32 root = pow.merkleRoot(0, branch);
        bytes32 hash = pow.headerHash(0, 0, 0, 0);
        (uint256 right, uint256 wrong) = (0, 0);
        for (uint256 limit = 500; limit < 9_000; ++limit) {
            try pow.merkleRoot{gas: limit}(0, branch) returns (bytes32 answer) {
                assertEq(answer, root, "root");
                ++right;
            } catch {
                ++wrong;
            }
            try pow.headerHash{gas: limit}(0, 0, 0, 0) returns (bytes32 answer) {
                assertEq(answer, hash, "header");
                ++right;
            } catch {
                ++wrong;
            }
        }
        assertTrue(right > 0 && wrong > 0, "both ends of the range are tried");
    }

    /// @dev A coinbase so long that a failure of the precompile leaves enough gas to go on.
    function test_TooLittleGasForACoinbaseIsAnErrorOfItsOwn() external view {
        bytes memory suffix = new bytes(200_000);
        bytes32 id = pow.coinbaseId("", "", suffix);
        (uint256 right, uint256 outOfGas) = (0, 0);
        for (uint256 limit = 150_000; limit < 350_000; limit += 1_000) {
            try pow.coinbaseId{gas: limit}("", "", suffix) returns (bytes32 answer) {
                assertEq(answer, id, "coinbase");
                ++right;
            } catch (bytes memory reason) {
                if (bytes4(reason) == ProofOfWork.OutOfGas.selector) ++outOfGas;
            }
        }
        assertTrue(right > 0 && outOfGas > 0, "both ends of the range are tried");
    }

    // ------------------------------------------------------------------ a precompile that fails and leaves its gas

    /// @dev As it does at the greatest depth of calls. Each of the calls fails in turn.
    function test_AFailedCallOfThePrecompileIsNeverADigest() external {
        Job memory job;
        (job.coinbasePrefix, job.coinbaseSuffix) = ("prefix", "suffix");
        bytes memory coinbase = "prefixextranoncesuffix";
        bytes4 why = ProofOfWork.OutOfGas.selector;
        _failBoth(coinbase, abi.encodeCall(pow.coinbaseId, ("prefix", "extranonce", "suffix")), why);

        bytes memory header = Miner.header(1, "previous", "root", 2, 3, 4);
        bytes12 tail = bytes12(bytes.concat(Miner.littleEndian(2), Miner.littleEndian(3), Miner.littleEndian(4)));
        _failBoth(header, abi.encodeCall(pow.headerHash, (Miner.littleEndian(1), "previous", "root", tail)), why);

        for (uint256 size = 1; size <= 9; ++size) {
            bytes32[] memory branch = new bytes32[](size);
            bytes32 root = "leaf";
            for (uint256 i = 0; i < size; ++i) {
                branch[i] = keccak256(abi.encode(i));
            }
            for (uint256 i = 0; i < size; ++i) {
                bytes memory step = bytes.concat(root, branch[i]);
                _failBoth(step, abi.encodeCall(pow.merkleRoot, ("leaf", branch)), why);
                root = Miner.sha256d(step);
            }
        }
    }

    /// @dev Either hash of `data`'s double hash fails in the call.
    function _failBoth(bytes memory data, bytes memory call, bytes4 why) private {
        (bool ok,) = address(pow).call(call);
        assertTrue(ok, "as it is");
        bytes[2] memory inputs = [data, abi.encodePacked(sha256(data))];
        for (uint256 i = 0; i < 2; ++i) {
            vm.mockCallRevert(address(2), inputs[i], "");
            bytes memory result;
            (ok, result) = address(pow).call(call);
            vm.clearMockedCalls();
            assertTrue(!ok && bytes4(result) == why, "a failed call passed");
        }
    }
}
