// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

import "devnet/MintableToken.sol";

/// @notice Stands in for Synthetix's ExchangeRates: rates that anybody may set, and mark as invalid.
/// @dev sUSD is always worth 1, as in the real contract. Every change is a new round.
contract StandInExchangeRates {
    struct Rate {
        uint216 rate;
        uint40 time;
        bool invalid;
    }

    bytes32 private constant SUSD = "sUSD";

    uint256 private _round = 1;
    mapping(bytes32 => Rate) private _rates;

    function set(bytes32[] calldata keys, uint256[] calldata rates) external {
        for (uint256 i = 0; i < keys.length; i++) {
            _rates[keys[i]] = Rate(uint216(rates[i]), uint40(block.timestamp), false);
        }
        _round += 1;
    }

    /// @notice Keeps the rate but marks it as one not to be used, as a stale or flagged feed is.
    function setInvalid(bytes32 key, bool invalid) external {
        _rates[key].invalid = invalid;
    }

    function rateAndInvalid(bytes32 key) external view returns (uint256 rate, bool isInvalid) {
        return _rateAndInvalid(key);
    }

    function rateWithSafetyChecks(bytes32 key) external returns (uint256 rate, bool broken, bool invalid) {
        (rate, invalid) = _rateAndInvalid(key);
        broken = false;
        // The real one stores the last rate; callers must not take it for a view.
        _rates[key].time = _rates[key].time;
    }

    function rateForCurrency(bytes32 key) external view returns (uint256 rate) {
        (rate, ) = _rateAndInvalid(key);
    }

    function lastRateUpdateTimes(bytes32 key) external view returns (uint256) {
        return _rates[key].time;
    }

    function getCurrentRoundId(bytes32) external view returns (uint256) {
        return _round;
    }

    function _rateAndInvalid(bytes32 key) private view returns (uint256, bool) {
        if (key == SUSD) return (1e18, false);
        Rate storage found = _rates[key];
        return (found.rate, found.invalid || found.rate == 0);
    }
}

/// @notice Stands in for Exchanger: a dynamic fee that anybody may set, nothing to settle.
contract StandInExchanger {
    uint256 private _rate;
    bool private _tooVolatile;

    function setDynamicFee(uint256 rate, bool tooVolatile) external {
        _rate = rate;
        _tooVolatile = tooVolatile;
    }

    function dynamicFeeRateForExchange(bytes32, bytes32) external view returns (uint256, bool) {
        return (_rate, _tooVolatile);
    }

    function settle(address, bytes32) external pure returns (uint256, uint256, uint256) {
        return (0, 0, 0);
    }
}

/// @notice Stands in for FeePool: counts the fees and keeps them.
contract StandInFeePool {
    uint256 public feesPaid;

    function FEE_ADDRESS() external view returns (address) {
        return address(this);
    }

    function recordFeePaid(uint256 amount) external {
        feesPaid += amount;
    }
}

/// @notice Stands in for the synth sUSD, implementation and proxy in one: anybody may issue and burn.
contract StandInSynthUSD is MintableToken {
    constructor() MintableToken("Synth sUSD", "sUSD", 18) {}

    function issue(address account, uint256 amount) external {
        totalSupply += amount;
        balanceOf[account] += amount;
        emit Transfer(address(0), account, amount);
    }

    function burn(address account, uint256 amount) external {
        if (balanceOf[account] < amount) revert InsufficientBalance(account, balanceOf[account], amount);
        balanceOf[account] -= amount;
        totalSupply -= amount;
        emit Transfer(account, address(0), amount);
    }

    function transferableSynths(address account) external view returns (uint256) {
        return balanceOf[account];
    }

    function proxy() external view returns (address) {
        return address(this);
    }
}
