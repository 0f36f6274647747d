// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title Token for local chains, which anybody mints
contract TestToken is ERC20Permit {
    constructor() ERC20("Hashlease Test Token", "HTEST") ERC20Permit("Hashlease Test Token") {}

    /// @notice Makes token units (18 decimals) out of nothing.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
