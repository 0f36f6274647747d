// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ILeaseEscrow} from "../../src/interfaces/ILeaseEscrow.sol";

/// @notice Keeps a hundredth of what is transferred.
contract FeeToken is ERC20("Fee", "FEE") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(0), value / 100);
    }
}

/// @notice Returns nothing from its transfers, as USDT does.
contract SilentToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @notice Calls back into the escrow in the middle of a transfer, as ERC-777 hooks may.
contract ReentrantToken is ERC20("Reentrant", "RE") {
    ILeaseEscrow internal immutable escrow;
    bytes internal attack;

    constructor(ILeaseEscrow escrow_) {
        escrow = escrow_;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setAttack(bytes calldata call) external {
        attack = call;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (attack.length == 0) return;
        (bool ok, bytes memory result) = address(escrow).call(attack);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(result, 0x20), mload(result))
        }
    }
}

/// @notice Pretends any balance it is told to, so that a deposit credits what never came.
contract LyingToken {
    uint256 internal balance;
    uint256 internal arrival;

    function setArrival(uint256 amount) external {
        arrival = amount;
    }

    function balanceOf(address) external view returns (uint256) {
        return balance;
    }

    function transferFrom(address, address, uint256) external returns (bool) {
        balance = balance == 0 ? arrival : 0;
        return true;
    }
}

/// @notice Says false where a transfer fails, instead of reverting, and lets none through.
contract RefusingToken is ERC20("Refusing", "NO") {
    function transfer(address, uint256) public pure override returns (bool) {
        return false;
    }

    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return false;
    }
}

/// @notice Refuses to move what belongs to, or goes to, an account on its list, as USDC does; may refuse everything.
contract BlockingToken is ERC20("Blocking", "USDB") {
    mapping(address account => bool) public isBlocked;
    bool public paused;

    error Blocked(address account);
    error Paused();

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setBlocked(address account, bool blocked) external {
        isBlocked[account] = blocked;
    }

    function setPaused(bool paused_) external {
        paused = paused_;
    }

    function balanceOf(address account) public view override returns (uint256) {
        if (paused) revert Paused();
        return super.balanceOf(account);
    }

    function _update(address from, address to, uint256 value) internal override {
        if (paused) revert Paused();
        if (isBlocked[from]) revert Blocked(from);
        if (isBlocked[to]) revert Blocked(to);
        super._update(from, to, value);
    }
}

/// @notice Its permit reverts with a megabyte.
contract BombToken is ERC20("Bomb", "BOMB") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external pure {
        assembly ("memory-safe") {
            revert(0, 1000000)
        }
    }
}

/// @notice Takes more from the escrow than it was told to, so that its balance falls in a deposit.
contract ShrinkingToken {
    uint256 internal balance = 1_000;

    function balanceOf(address) external view returns (uint256) {
        return balance;
    }

    function transferFrom(address, address, uint256) external returns (bool) {
        balance -= 1;
        return true;
    }
}
