// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @notice A wallet contract that says yes to one digest.
contract Wallet is IERC1271 {
    bytes32 internal approved;

    function approve(bytes32 digest) external {
        approved = digest;
    }

    function isValidSignature(bytes32 digest, bytes memory) external view returns (bytes4) {
        return digest == approved ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @notice A wallet contract that answers every question with the bytes, or the misdeed, that it was told.
contract HostileWallet {
    enum Misdeed {
        None,
        Revert,
        BurnGas,
        ReturnMegabytes,
        RevertWithMegabytes,
        Reenter
    }

    Misdeed internal misdeed;
    bytes internal answer;
    address internal target;
    bytes internal attack;

    function answerWith(bytes calldata answer_) external {
        answer = answer_;
    }

    function misbehave(Misdeed misdeed_) external {
        misdeed = misdeed_;
    }

    function reenter(address target_, bytes calldata attack_) external {
        (misdeed, target, attack) = (Misdeed.Reenter, target_, attack_);
    }

    /// @notice Makes the call of {reenter} outside of a question.
    function run() external returns (bool ok) {
        (ok,) = target.call(attack);
    }

    fallback() external {
        if (misdeed == Misdeed.Revert) revert("no");
        bytes memory answer_ = answer;
        if (misdeed == Misdeed.Reenter) {
            (bool ok,) = target.call(attack);
            // Asked in a static call, it can change nothing; where it could, its yes would be a no.
            if (ok) answer_ = "";
        }
        Misdeed deed = misdeed;
        assembly ("memory-safe") {
            switch deed
            case 2 { invalid() }
            case 3 {
                mstore(0, mload(add(answer_, 0x20)))
                return(0, 2000000)
            }
            case 4 {
                mstore(0, mload(add(answer_, 0x20)))
                revert(0, 2000000)
            }
            default { return(add(answer_, 0x20), mload(answer_)) }
        }
    }
}
