// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Bitcoin's hashes by the EVM's SHA-256 precompile
/// @dev Works in scratch memory, and above the free memory pointer, which it leaves where it is: thousands of shares in a call cost no memory. A
/// call of the precompile fails only where gas runs out; that reverts, for what lies in memory then must never pass for a digest.
library ProofOfWork {
    error OutOfGas();

    /// @notice Writes the extranonce into its place in the coinbase transaction and returns the double SHA-256: its id in internal byte order.
    function coinbaseId(bytes memory transaction, uint256 extranonceAt, bytes calldata extranonce)
        internal
        view
        returns (bytes32 id)
    {
        bool ok;
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            let start := add(transaction, 0x20)
            calldatacopy(add(start, extranonceAt), extranonce.offset, extranonce.length)
            ok := staticcall(gas(), 2, start, mload(transaction), 0, 0x20)
            ok := and(staticcall(gas(), 2, 0, 0x20, 0, 0x20), ok)
            id := mload(0)
        }
        if (!ok) revert OutOfGas();
    }

    /// @notice Merkle root over the leftmost leaf and its branch.
    /// @dev `root = sha256d(root ‖ sibling)` for each sibling, in the two words of scratch space. The loop takes four siblings at a time, which
    /// spares most of its own gas: of 432 for a sibling 356 are the precompile's. Those left over by four come first. `and` works out its right
    /// side first, so that each line hashes the two words and then their digest.
    function merkleRoot(bytes32 leaf, bytes32[] memory branch) internal view returns (bytes32 root) {
        bool ok;
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            ok := 1
            mstore(0, leaf)
            let size := mload(branch)
            let at := add(branch, 0x20)
            let fours := add(at, shl(5, and(size, 3)))
            let end := add(at, shl(5, size))
            for {} lt(at, fours) { at := add(at, 0x20) } {
                mstore(0x20, mload(at))
                ok := and(and(staticcall(gas(), 2, 0, 0x20, 0, 0x20), staticcall(gas(), 2, 0, 0x40, 0, 0x20)), ok)
            }
            for {} lt(at, end) { at := add(at, 0x80) } {
                mstore(0x20, mload(at))
                ok := and(and(staticcall(gas(), 2, 0, 0x20, 0, 0x20), staticcall(gas(), 2, 0, 0x40, 0, 0x20)), ok)
                mstore(0x20, mload(add(at, 0x20)))
                ok := and(and(staticcall(gas(), 2, 0, 0x20, 0, 0x20), staticcall(gas(), 2, 0, 0x40, 0, 0x20)), ok)
                mstore(0x20, mload(add(at, 0x40)))
                ok := and(and(staticcall(gas(), 2, 0, 0x20, 0, 0x20), staticcall(gas(), 2, 0, 0x40, 0, 0x20)), ok)
                mstore(0x20, mload(add(at, 0x60)))
                ok := and(and(staticcall(gas(), 2, 0, 0x20, 0, 0x20), staticcall(gas(), 2, 0, 0x40, 0, 0x20)), ok)
            }
            root := mload(0)
        }
        if (!ok) revert OutOfGas();
    }

    /// @notice Hash of a block header in the order that Bitcoin shows it, so that as a number it compares with a target.
    /// @param tail nTime, nBits and nonce. Every field is in the header's byte order.
    function headerHash(bytes4 version, bytes32 prevHash, bytes32 root, bytes12 tail)
        internal
        view
        returns (bytes32 hash)
    {
        bool ok;
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            let ptr := mload(0x40)
            mstore(ptr, version)
            mstore(add(ptr, 4), prevHash)
            mstore(add(ptr, 36), root)
            mstore(add(ptr, 68), tail)
            ok := staticcall(gas(), 2, ptr, 80, 0, 0x20)
            ok := and(staticcall(gas(), 2, 0, 0x20, 0, 0x20), ok)
            hash := mload(0)
        }
        if (!ok) revert OutOfGas();
        return reversed(hash);
    }

    /// @notice The 32 bytes in reverse order.
    function reversed(bytes32 word) internal pure returns (bytes32) {
        uint256 x = uint256(word);
        uint256 mask8 = 0x00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF;
        uint256 mask16 = 0x0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF;
        // Masks are read by their digits.
        // slither-disable-next-line too-many-digits
        uint256 mask32 = 0x00000000FFFFFFFF00000000FFFFFFFF00000000FFFFFFFF00000000FFFFFFFF;
        // slither-disable-next-line too-many-digits
        uint256 mask64 = 0x0000000000000000FFFFFFFFFFFFFFFF0000000000000000FFFFFFFFFFFFFFFF;
        x = ((x >> 8) & mask8) | ((x & mask8) << 8);
        x = ((x >> 16) & mask16) | ((x & mask16) << 16);
        x = ((x >> 32) & mask32) | ((x & mask32) << 32);
        x = ((x >> 64) & mask64) | ((x & mask64) << 64);
        return bytes32((x >> 128) | (x << 128));
    }

    /// @notice A header's field from its number: the bytes in little-endian order.
    function toHeader(uint32 number) internal pure returns (bytes4) {
        return bytes4(_swapped(number));
    }

    /// @notice The number in a header's field.
    function fromHeader(bytes4 field) internal pure returns (uint32) {
        return _swapped(uint32(field));
    }

    function _swapped(uint32 x) private pure returns (uint32) {
        x = ((x >> 8) & 0x00FF00FF) | ((x & 0x00FF00FF) << 8);
        return (x >> 16) | (x << 16);
    }
}
