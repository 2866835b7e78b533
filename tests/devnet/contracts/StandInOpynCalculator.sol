// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

import {StandInOpynOracle, StandInOtoken} from "devnet/StandInOpynOptions.sol";

// Stand-in for the margin calculator of Opyn Gamma; see StandInOpyn.sol.

interface IDecimals {
    function decimals() external view returns (uint8);
}

struct Vault {
    address[] shortOtokens;
    address[] longOtokens;
    address[] collateralAssets;
    uint256[] shortAmounts;
    uint256[] longAmounts;
    uint256[] collateralAmounts;
}

contract StandInMarginCalculator {
    int256 private constant ONE = 1e27;
    StandInOpynOracle public immutable oracle;
    uint256 public getOracleDeviation;
    mapping(address => uint256) public getCollateralDust;
    mapping(bytes32 => uint256) private _shock;
    mapping(bytes32 => uint256[]) private _times;
    mapping(bytes32 => mapping(uint256 => uint256)) private _bounds;

    constructor(StandInOpynOracle oracle_) {
        oracle = oracle_;
    }

    function set(uint256 deviation, address collateral, uint256 dust) external {
        getOracleDeviation = deviation;
        getCollateralDust[collateral] = dust;
    }

    function setProduct(
        address u,
        address s,
        address c,
        bool put,
        uint256 shock,
        uint256[] calldata times,
        uint256[] calldata values
    ) external {
        bytes32 key = keccak256(abi.encode(u, s, c, put));
        _shock[key] = shock;
        _times[key] = times;
        for (uint256 i = 0; i < times.length; i++) _bounds[key][times[i]] = values[i];
    }

    function getSpotShock(address u, address s, address c, bool put) external view returns (uint256) {
        return _shock[keccak256(abi.encode(u, s, c, put))];
    }

    function getTimesToExpiry(address u, address s, address c, bool put) external view returns (uint256[] memory) {
        return _times[keccak256(abi.encode(u, s, c, put))];
    }

    function getMaxPrice(address u, address s, address c, bool put, uint256 time) external view returns (uint256) {
        return _bounds[keccak256(abi.encode(u, s, c, put))][time];
    }

    function getExcessCollateral(Vault memory vault, uint256 kind) public view returns (uint256, bool) {
        (StandInOtoken short, int256 written) = _first(vault.shortOtokens, vault.shortAmounts);
        (StandInOtoken long, int256 owned) = _first(vault.longOtokens, vault.longAmounts);
        StandInOtoken any = written != 0 ? short : long;
        uint8 places = IDecimals(any.collateralAsset()).decimals();
        int256 unit = int256(10 ** (27 - places));
        int256 held = vault.collateralAmounts.length > 0 ? int256(vault.collateralAmounts[0]) * unit : int256(0);
        int256 needed;
        if (block.timestamp >= any.expiryTimestamp()) {
            needed = _product(_cash(short, written), written) - _product(_cash(long, owned), owned);
            needed = _inCollateral(any, needed);
        } else if (kind == 1) {
            uint256 dust = getCollateralDust[any.collateralAsset()];
            require(held == 0 || held > int256(dust) * unit, "collateral below dust");
            needed = _naked(short, written, int256(oracle.getPrice(short.underlyingAsset())) * 1e19);
        } else {
            needed = _spread(any.isPut(), _strike(short, written), _strike(long, owned), written, owned);
        }
        int256 excess = held - needed;
        return excess >= 0 ? (uint256(excess / unit), true) : (uint256((-excess + unit - 1) / unit), false);
    }

    function isLiquidatable(
        Vault memory vault,
        uint256 latestUpdate,
        uint80 round
    ) external view returns (bool, uint256, uint256) {
        (StandInOtoken short, int256 written) = _first(vault.shortOtokens, vault.shortAmounts);
        (uint256 price, uint256 time) = oracle.getChainlinkRoundData(short.underlyingAsset(), round);
        require(time > latestUpdate, "auction timestamp should be post vault latest update");
        int256 unit = int256(10 ** (27 - IDecimals(short.collateralAsset()).decimals()));
        int256 held = int256(vault.collateralAmounts[0]) * unit;
        int256 spot = int256(price) * 1e19;
        if (_naked(short, written, spot) <= held) return (false, 0, 0);
        int256 most = (held * ONE) / written;
        int256 at = most;
        if (block.timestamp - time < 3600) {
            int256 strike = _strike(short, written);
            int256 least = _above(short.isPut() ? strike - spot : spot - strike);
            least = _above(least - _product(int256(getOracleDeviation), spot));
            if (!short.isPut()) least = (least * ONE) / spot;
            at = least + (_product(most - least, int256(block.timestamp - time) * 1e9) * ONE) / 3.6e12;
            if (at > most) at = most;
        }
        return (true, uint256(at / unit), getCollateralDust[short.collateralAsset()]);
    }

    function payoutRate(StandInOtoken otoken) external view returns (uint256) {
        int256 unit = int256(10 ** (27 - IDecimals(otoken.collateralAsset()).decimals()));
        return uint256(_inCollateral(otoken, _cash(otoken, 1)) / unit);
    }

    function _naked(StandInOtoken short, int256 written, int256 spot) private view returns (int256) {
        bytes32 key = keccak256(
            abi.encode(short.underlyingAsset(), short.strikeAsset(), short.collateralAsset(), short.isPut())
        );
        int256 bound = _bound(key, short.expiryTimestamp() - block.timestamp);
        int256 shock = int256(_shock[key]);
        int256 strike = _strike(short, written);
        int256 whole = short.isPut() ? strike : ONE;
        int256 near = short.isPut() ? _product(shock, spot) : (_product(strike, shock) * ONE) / spot;
        if (near > whole) near = whole;
        return _product(_product(bound, near) + whole - near, written);
    }

    function _bound(bytes32 key, uint256 left) private view returns (int256) {
        uint256[] storage times = _times[key];
        for (uint256 i = 0; i < times.length; i++) {
            if (times[i] >= left) return int256(_bounds[key][times[i]]);
        }
        revert("product have no upper bound value");
    }

    /// @dev Strike asset of a put, underlying of a call: the same as the collateral here.
    function _spread(bool put, int256 sold, int256 bought, int256 n, int256 l) private pure returns (int256) {
        if (put) return _above(_product(n, sold) - _product(bought, n < l ? n : l));
        int256 bare = _above(n - l);
        if (bought == 0) return bare;
        int256 between = (_product(bought - sold, n) * ONE) / bought;
        return between > bare ? between : bare;
    }

    function _cash(StandInOtoken otoken, int256 size) private view returns (int256) {
        if (size == 0) return 0;
        int256 spot = _convert(ONE, otoken.underlyingAsset(), otoken.strikeAsset(), otoken.expiryTimestamp());
        int256 strike = _strike(otoken, size);
        return _above(otoken.isPut() ? strike - spot : spot - strike);
    }

    function _inCollateral(StandInOtoken otoken, int256 amount) private view returns (int256) {
        return _convert(amount, otoken.strikeAsset(), otoken.collateralAsset(), otoken.expiryTimestamp());
    }

    function _convert(int256 amount, address a, address b, uint256 expiry) private view returns (int256) {
        if (a == b) return amount;
        (uint256 priceA, bool finalA) = oracle.getExpiryPrice(a, expiry);
        (uint256 priceB, bool finalB) = oracle.getExpiryPrice(b, expiry);
        require(finalA && finalB, "price at expiry not finalized yet");
        return (_product(amount, int256(priceA) * 1e19) * ONE) / (int256(priceB) * 1e19);
    }

    function _first(address[] memory held, uint256[] memory raw) private pure returns (StandInOtoken, int256) {
        if (held.length == 0 || held[0] == address(0)) return (StandInOtoken(address(0)), 0);
        return (StandInOtoken(held[0]), int256(raw[0]) * 1e19);
    }

    function _strike(StandInOtoken otoken, int256 size) private view returns (int256) {
        return size == 0 ? int256(0) : int256(otoken.strikePrice()) * 1e19;
    }

    function _product(int256 a, int256 b) private pure returns (int256) {
        return (a * b) / ONE;
    }

    function _above(int256 a) private pure returns (int256) {
        return a > 0 ? a : int256(0);
    }
}
