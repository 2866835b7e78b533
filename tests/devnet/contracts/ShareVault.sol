// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {ERC20, IERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice OpenZeppelin's ERC-4626 vault over any token, as it is; whoever sends it tokens gives them to its holders.
contract ShareVault is ERC4626 {
    constructor(IERC20 asset_, string memory name_, string memory symbol_) ERC20(name_, symbol_) ERC4626(asset_) {}
}

/// @notice The same with a fee on leaving, which stays in the vault: `previewRedeem` is below `convertToAssets`.
contract ExitFeeVault is ShareVault {
    uint256 public immutable feeBps;

    constructor(
        IERC20 asset_,
        string memory name_,
        string memory symbol_,
        uint256 feeBps_
    ) ShareVault(asset_, name_, symbol_) {
        feeBps = feeBps_;
    }

    function previewRedeem(uint256 shares) public view override returns (uint256) {
        uint256 assets = super.previewRedeem(shares);
        return assets - (assets * feeBps + 9_999) / 10_000;
    }
}
