// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

/// @notice Powers of USD with 30 decimals, and products that are too wide for a word, for the stand-in Reader.
/// @dev x^y is 2^(y * log2 x) with 18 decimals in between. The binary roots of two come from outside.
contract StandInGmxV2Power {
    uint256[64] private _roots;

    constructor(uint256[64] memory roots) {
        _roots = roots;
    }

    function raised(uint256 usd, uint256 exponent) external view returns (uint256) {
        if (usd < 1e30) return 0;
        if (exponent == 1e30) return usd;
        uint256 logarithm = _log2(usd / 1e12);
        return _exp2((logarithm * (exponent / 1e12) + 5e17) / 1e18) * 1e12;
    }

    /// @notice ceil(a * b / c), where a * b may need two words.
    function roundUpProduct(uint256 a, uint256 b, uint256 c) external pure returns (uint256) {
        // a = q * c + r: the first part is whole, the second less than b, and r * b is taken bit by bit.
        uint256 whole = (a / c) * b;
        uint256 rest = a % c;
        uint256 quotient = 0;
        uint256 remainder = 0;
        for (uint256 bit = 256; bit > 0; bit--) {
            quotient <<= 1;
            remainder <<= 1;
            if ((b >> (bit - 1)) & 1 == 1) remainder += rest;
            while (remainder >= c) {
                remainder -= c;
                quotient += 1;
            }
        }
        return whole + quotient + (remainder > 0 ? 1 : 0);
    }

    function _log2(uint256 x) private pure returns (uint256 result) {
        uint256 whole = 0;
        while (x / 1e18 >> (whole + 1) > 0) whole++;
        result = whole * 1e18;
        uint256 y = x >> whole;
        if (y == 1e18) return result;
        for (uint256 step = 5e17; step > 0; step /= 2) {
            y = (y * y) / 1e18;
            if (y < 2e18) continue;
            result += step;
            y /= 2;
        }
    }

    function _exp2(uint256 x) private view returns (uint256 result) {
        require(x < 192e18, "PRBMathUD60x18__Exp2InputTooBig");
        uint256 binary = (x << 64) / 1e18;
        result = 1 << 191;
        for (uint256 i = 0; i < 64; i++) {
            if ((binary >> (63 - i)) & 1 == 1) result = (result * _roots[i]) >> 64;
        }
        return (result * 1e18) >> (191 - (binary >> 64));
    }
}
