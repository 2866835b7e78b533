// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

import {StandInMarginCalculator, Vault} from "devnet/StandInOpynCalculator.sol";
import {StandInOpynOracle, StandInOtoken} from "devnet/StandInOpynOptions.sol";

// Stand-ins for Opyn Gamma, from its published ABI and behaviour: anybody may set anything, nothing is
// transferred. Figures have 27 decimals inside and are cut towards zero, as Gamma's are.

contract StandInGammaController {
    address public immutable addressbook;
    StandInMarginCalculator public immutable calculator;
    StandInOpynOracle public immutable oracle;
    bool public systemFullyPaused;
    bool public systemPartiallyPaused;
    mapping(address => uint256) public getAccountVaultCounter;
    mapping(address => mapping(uint256 => Vault)) private _vaults;
    mapping(address => mapping(uint256 => uint256)) private _kinds;
    mapping(address => mapping(uint256 => uint256)) private _updates;

    constructor(address book, StandInMarginCalculator calculator_, StandInOpynOracle oracle_) {
        (addressbook, calculator, oracle) = (book, calculator_, oracle_);
    }

    function pause(bool fully, bool partially) external {
        (systemFullyPaused, systemPartiallyPaused) = (fully, partially);
    }

    /// @notice A new vault of the sender, whatever is in it.
    function open(uint256 kind, Vault calldata vault) external {
        uint256 id = ++getAccountVaultCounter[msg.sender];
        _vaults[msg.sender][id] = vault;
        _kinds[msg.sender][id] = kind;
        _updates[msg.sender][id] = block.timestamp;
    }

    function setCount(uint256 count) external {
        getAccountVaultCounter[msg.sender] = count;
    }

    function getVaultWithDetails(address owner, uint256 id) public view returns (Vault memory, uint256, uint256) {
        return (_vaults[owner][id], _kinds[owner][id], _updates[owner][id]);
    }

    function isLiquidatable(address owner, uint256 id, uint256 round) external view returns (bool, uint256, uint256) {
        return calculator.isLiquidatable(_vaults[owner][id], _updates[owner][id], uint80(round));
    }

    function getPayout(StandInOtoken otoken, uint256 amount) external view returns (uint256) {
        return (calculator.payoutRate(otoken) * amount) / 1e8;
    }
}
