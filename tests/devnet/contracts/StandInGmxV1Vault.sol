// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

import "./StandInGmxV1Views.sol";

/// @notice Stands in for the vault of GMX V1: positions against the pool, and their liquidation.
/// @dev Written from the published interface and behaviour. Swaps, USDG and discounts are not there.
contract StandInGmxVault is StandInGmxVaultViews {
    struct Place {
        address account;
        address collateral;
        address index;
        bool long;
    }

    mapping(address => mapping(address => bool)) public approvedRouters;

    event LiquidatePosition(bytes32 key, uint256 size, uint256 collateral, uint256 markPrice);

    function addRouter(address router) external {
        approvedRouters[msg.sender][router] = true;
    }

    function increasePosition(address account, address collateral, address index, uint256 sizeDelta, bool long)
        external
    {
        _onlyFor(account);
        require(whitelistedTokens[collateral] && whitelistedTokens[index], "Vault: not whitelisted");
        if (long) require(collateral == index && !stableTokens[index], "Vault: mismatched tokens");
        else require(stableTokens[collateral] && shortableTokens[index], "Vault: mismatched tokens");
        _increase(Place(account, collateral, index, long), sizeDelta);
    }

    function decreasePosition(
        address account,
        address collateral,
        address index,
        uint256 collateralDelta,
        uint256 sizeDelta,
        bool long,
        address receiver
    ) external returns (uint256) {
        _onlyFor(account);
        updateCumulativeFundingRate(collateral, index);
        return _decrease(Place(account, collateral, index, long), collateralDelta, sizeDelta, receiver);
    }

    function liquidatePosition(address account, address collateral, address index, bool long, address receiver)
        external
    {
        updateCumulativeFundingRate(collateral, index);
        Place memory place = Place(account, collateral, index, long);
        Position memory position = positions[_key(place)];
        require(position.size > 0, "Vault: empty position");
        (uint256 state, uint256 fees) = validateLiquidation(account, collateral, index, long, false);
        require(state != 0, "Vault: position cannot be liquidated");
        if (state == 2) {
            _decrease(place, 0, position.size, account);
            return;
        }
        uint256 feeTokens = usdToTokenMin(collateral, fees);
        feeReserves[collateral] += feeTokens;
        reservedAmounts[collateral] -= position.reserveAmount;
        if (long) {
            guaranteedUsd[collateral] -= position.size - position.collateral;
            _takeFromPool(collateral, feeTokens);
        } else {
            // What a short posted is not the pool's until now.
            if (fees < position.collateral) {
                poolAmounts[collateral] += usdToTokenMin(collateral, position.collateral - fees);
            }
            _forgetShort(index, position.size);
        }
        emit LiquidatePosition(_key(place), position.size, position.collateral, _exitPrice(index, long));
        delete positions[_key(place)];
        uint256 reward = usdToTokenMin(collateral, liquidationFeeUsd);
        _takeFromPool(collateral, reward);
        _pay(collateral, reward, receiver);
    }

    function _increase(Place memory at, uint256 sizeDelta) private {
        updateCumulativeFundingRate(at.collateral, at.index);
        Position storage p = positions[_key(at)];
        uint256 price = at.long ? getMaxPrice(at.index) : getMinPrice(at.index);
        if (p.size == 0) p.averagePrice = price;
        else if (sizeDelta > 0) p.averagePrice = _nextAverage(at, p, price, sizeDelta);
        uint256 fee = _fee(at, p, sizeDelta);
        uint256 paid = _received(at.collateral);
        uint256 paidUsd = tokenToUsdMin(at.collateral, paid);
        require(p.collateral + paidUsd >= fee, "Vault: insufficient collateral for fees");
        p.collateral = p.collateral + paidUsd - fee;
        p.entryFundingRate = cumulativeFundingRates[at.collateral];
        p.size += sizeDelta;
        p.lastIncreasedTime = block.timestamp;
        _checkOpen(at, p);
        uint256 reserve = usdToTokenMax(at.collateral, sizeDelta);
        p.reserveAmount += reserve;
        reservedAmounts[at.collateral] += reserve;
        if (at.long) {
            guaranteedUsd[at.collateral] = guaranteedUsd[at.collateral] + sizeDelta + fee - paidUsd;
            poolAmounts[at.collateral] += paid;
            _takeFromPool(at.collateral, usdToTokenMin(at.collateral, fee));
        } else {
            _rememberShort(at.index, price, sizeDelta);
        }
        require(reservedAmounts[at.collateral] <= poolAmounts[at.collateral], "Vault: reserve exceeds pool");
    }

    function _decrease(Place memory at, uint256 out, uint256 sizeDelta, address receiver)
        private
        returns (uint256 tokens)
    {
        Position storage p = positions[_key(at)];
        require(p.size > 0, "Vault: empty position");
        require(p.size >= sizeDelta, "Vault: position size exceeded");
        uint256 before = p.collateral;
        uint256 reserve = p.reserveAmount * sizeDelta / p.size;
        p.reserveAmount -= reserve;
        reservedAmounts[at.collateral] -= reserve;
        (uint256 usd, uint256 usdAfterFee) = _settle(at, p, out, sizeDelta);
        p.entryFundingRate = cumulativeFundingRates[at.collateral];
        p.size -= sizeDelta;
        if (at.long) {
            guaranteedUsd[at.collateral] = guaranteedUsd[at.collateral] + before - p.collateral - sizeDelta;
            _takeFromPool(at.collateral, usdToTokenMin(at.collateral, usd));
        } else {
            _forgetShort(at.index, sizeDelta);
        }
        if (p.size == 0) delete positions[_key(at)];
        else _checkOpen(at, p);
        tokens = usdToTokenMin(at.collateral, usdAfterFee);
        if (usd > 0) _pay(at.collateral, tokens, receiver);
    }

    /// @dev Realises the part of profit or loss that is closed; what leaves the position, before and after fees.
    function _settle(Place memory at, Position storage p, uint256 out, uint256 sizeDelta)
        private
        returns (uint256 usd, uint256 afterFee)
    {
        uint256 fee = _fee(at, p, sizeDelta);
        (bool gains, uint256 delta) = getDelta(at.index, p.size, p.averagePrice, at.long, p.lastIncreasedTime);
        delta = delta * sizeDelta / p.size;
        p.realisedPnl += gains ? int256(delta) : -int256(delta);
        uint256 moved = usdToTokenMin(at.collateral, delta);
        if (gains) usd = delta;
        else p.collateral -= delta;
        if (!at.long && gains) _takeFromPool(at.collateral, moved);
        if (!at.long && !gains) poolAmounts[at.collateral] += moved;
        if (p.size == sizeDelta) out = p.collateral;
        usd += out;
        p.collateral -= out;
        if (usd > fee) return (usd, usd - fee);
        p.collateral -= fee;
        if (at.long) _takeFromPool(at.collateral, usdToTokenMin(at.collateral, fee));
        return (usd, usd);
    }

    function _fee(Place memory at, Position storage p, uint256 sizeDelta) private returns (uint256 fee) {
        fee = getPositionFee(at.account, at.collateral, at.index, at.long, sizeDelta)
            + getFundingFee(at.account, at.collateral, at.index, at.long, p.size, p.entryFundingRate);
        feeReserves[at.collateral] += usdToTokenMin(at.collateral, fee);
    }

    function _nextAverage(Place memory at, Position storage p, uint256 price, uint256 sizeDelta)
        private
        view
        returns (uint256)
    {
        (bool gains, uint256 delta) = getDelta(at.index, p.size, p.averagePrice, at.long, p.lastIncreasedTime);
        uint256 size = p.size + sizeDelta;
        return price * size / (at.long == gains ? size + delta : size - delta);
    }

    function _rememberShort(address index, uint256 price, uint256 sizeDelta) private {
        (uint256 size, uint256 average) = (globalShortSizes[index], globalShortAveragePrices[index]);
        uint256 next = size + sizeDelta;
        if (size == 0) {
            globalShortAveragePrices[index] = price;
        } else {
            uint256 delta = size * (price > average ? price - average : average - price) / average;
            globalShortAveragePrices[index] = price * next / (average > price ? next - delta : next + delta);
        }
        globalShortSizes[index] = next;
    }

    function _forgetShort(address index, uint256 size) private {
        uint256 all = globalShortSizes[index];
        globalShortSizes[index] = size > all ? 0 : all - size;
    }

    function _checkOpen(Place memory at, Position storage p) private view {
        require(p.size > 0, "Vault: invalid position.size");
        require(p.size >= p.collateral, "Vault: _size must be more than _collateral");
        validateLiquidation(at.account, at.collateral, at.index, at.long, true);
    }

    function _key(Place memory at) private pure returns (bytes32) {
        return getPositionKey(at.account, at.collateral, at.index, at.long);
    }

    function _onlyFor(address account) private view {
        require(msg.sender == account || approvedRouters[account][msg.sender], "Vault: invalid msg.sender");
    }
}
