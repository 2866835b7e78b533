// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

import {GmxMarket, GmxPosition, StandInGmxV2Referrals, StandInGmxV2Store} from "./StandInGmxV2Store.sol";
import {StandInGmxV2Power} from "./StandInGmxV2Power.sol";

struct GmxPrice {
    uint256 min;
    uint256 max;
}

struct GmxPrices {
    GmxPrice index;
    GmxPrice long;
    GmxPrice short;
}

/// @notice Stands in for the Reader of GMX V2: its test of a position and its figures, from the published rule.
/// @dev The words of `getPositionInfo` that nobody here asks for are zero.
contract StandInGmxV2Reader {
    uint256 private constant ONE = 1e30;
    uint256 private constant PER_SIZE = 1e45;

    StandInGmxV2Power private immutable power;
    bool private immutable longer;

    struct Test {
        int256 remainingCollateralUsd;
        int256 minCollateralUsd;
        int256 minCollateralUsdForLeverage;
    }

    // All that is passed on between the steps.
    struct Case {
        StandInGmxV2Store store;
        GmxMarket market;
        GmxPrices prices;
        GmxPosition position;
        bool pending;
    }

    struct Figures {
        int256 pnl;
        int256 impact;
        bool improved;
        uint256 borrowingUsd;
        uint256 funding;
        uint256 cost;
        uint256 discount;
        uint256 proDiscount;
    }

    constructor(StandInGmxV2Power power_, bool longer_) {
        power = power_;
        longer = longer_;
    }

    function getMarkets(StandInGmxV2Store store, uint256 start, uint256 end) external view returns (GmxMarket[] memory) {
        address[] memory tokens = store.getAddressValuesAt(keccak256(abi.encode("MARKET_LIST")), start, end);
        GmxMarket[] memory found = new GmxMarket[](tokens.length);
        for (uint256 i = 0; i < tokens.length; i++) found[i] = store.market(tokens[i]);
        return found;
    }

    function getAccountPositions(
        StandInGmxV2Store store,
        address account,
        uint256 start,
        uint256 end
    ) external view returns (GmxPosition[] memory) {
        bytes32 list = keccak256(abi.encode(keccak256(abi.encode("ACCOUNT_POSITION_LIST")), account));
        bytes32[] memory keys = store.getBytes32ValuesAt(list, start, end);
        GmxPosition[] memory found = new GmxPosition[](keys.length);
        for (uint256 i = 0; i < keys.length; i++) found[i] = store.position(keys[i]);
        return found;
    }

    function isPositionLiquidatable(
        StandInGmxV2Store store,
        StandInGmxV2Referrals referrals,
        bytes32 key,
        GmxMarket memory market,
        GmxPrices memory prices,
        bool withMinCollateral,
        bool forLiquidation
    ) external view returns (bool, string memory, Test memory test) {
        require(forLiquidation, "only as for liquidations");
        Case memory c = Case(store, market, prices, store.position(key), false);
        Figures memory f = _figures(c, referrals);
        test.remainingCollateralUsd = _left(c, f);
        test.minCollateralUsdForLeverage = int256(
            _part(c.position.sizeInUsd, _uint(c, "MIN_COLLATERAL_FACTOR_FOR_LIQUIDATION"))
        );
        if (withMinCollateral) {
            test.minCollateralUsd = int256(store.getUint(keccak256(abi.encode("MIN_COLLATERAL_USD"))));
            if (test.remainingCollateralUsd < test.minCollateralUsd) return (true, "min collateral", test);
        }
        if (test.remainingCollateralUsd <= 0) return (true, "< 0", test);
        bool fails = test.remainingCollateralUsd < test.minCollateralUsdForLeverage;
        return (fails, fails ? "min collateral for leverage" : "", test);
    }

    function getPositionInfo(
        StandInGmxV2Store store,
        StandInGmxV2Referrals referrals,
        bytes32 key,
        GmxPrices memory prices,
        uint256,
        address,
        bool whole
    ) external view {
        require(whole, "only of closing whole");
        GmxPosition memory p = store.position(key);
        require(p.account != address(0), "EmptyPosition");
        Case memory c = Case(store, store.market(p.market), prices, p, true);
        Figures memory f = _figures(c, referrals);
        uint256[67] memory words;
        words[0] = uint256(key);
        words[21] = f.discount;
        words[26] = f.proDiscount;
        words[28] = f.funding;
        words[34] = f.borrowingUsd;
        words[55] = f.cost;
        words[57] = uint256(f.impact);
        words[59] = f.improved ? 1 : 0;
        words[63] = uint256(f.pnl);
        uint256 size = longer ? 67 * 32 : 66 * 32;
        assembly {
            return(words, size)
        }
    }

    // What is left of the collateral, impact without a gain and no worse than the limit.
    function _left(Case memory c, Figures memory f) private view returns (int256) {
        uint256 price = _held(c).min;
        int256 impact = f.impact + _pendingImpact(c);
        int256 least = -int256(_part(c.position.sizeInUsd, _uint(c, "MAX_POSITION_IMPACT_FACTOR_FOR_LIQUIDATIONS")));
        if (impact > 0) impact = 0;
        if (impact < least) impact = least;
        return int256(c.position.collateralAmount * price) + f.pnl + impact - int256(f.cost * price);
    }

    function _pendingImpact(Case memory c) private pure returns (int256) {
        int256 amount = c.position.pendingImpactAmount;
        return amount * int256(amount > 0 ? c.prices.index.min : c.prices.index.max);
    }

    function _figures(Case memory c, StandInGmxV2Referrals referrals) private view returns (Figures memory f) {
        f.pnl = _pnl(c);
        (f.impact, f.improved) = _impact(c);
        f.borrowingUsd = _borrowing(c);
        f.funding = _funding(c);
        f.discount = referrals.discounts(c.position.account);
        bytes32 tierKey = keccak256(abi.encode(keccak256(abi.encode("PRO_TRADER_TIER")), c.position.account));
        uint256 tier = c.store.getUint(tierKey);
        if (tier > 0) {
            f.proDiscount = c.store.getUint(keccak256(abi.encode(keccak256(abi.encode("PRO_DISCOUNT_FACTOR")), tier)));
        }
        uint256 price = _held(c).min;
        uint256 fee = _part(c.position.sizeInUsd, _flagged(c, "POSITION_FEE_FACTOR", f.improved)) / price;
        uint256 discount = f.discount > f.proDiscount ? f.discount : f.proDiscount;
        f.cost = fee - _part(fee, discount) + f.borrowingUsd / price + f.funding;
    }

    // --- values of the store

    function _uint(Case memory c, string memory name) private view returns (uint256) {
        return c.store.getUint(keccak256(abi.encode(keccak256(abi.encode(name)), c.market.marketToken)));
    }

    function _flagged(Case memory c, string memory name, bool flag) private view returns (uint256) {
        return c.store.getUint(keccak256(abi.encode(keccak256(abi.encode(name)), c.market.marketToken, flag)));
    }

    function _of(Case memory c, string memory name, address token, bool isLong) private view returns (uint256) {
        return
            c.store.getUint(keccak256(abi.encode(keccak256(abi.encode(name)), c.market.marketToken, token, isLong)));
    }

    function _switch(Case memory c, string memory name) private view returns (bool) {
        return c.store.getBool(keccak256(abi.encode(name)));
    }

    function _parts(Case memory c) private pure returns (uint256) {
        return c.market.longToken == c.market.shortToken ? 2 : 1;
    }

    function _both(Case memory c, string memory name, bool isLong) private view returns (uint256) {
        uint256 n = _parts(c);
        return _of(c, name, c.market.longToken, isLong) / n + _of(c, name, c.market.shortToken, isLong) / n;
    }

    function _part(uint256 value, uint256 factor) private pure returns (uint256) {
        return (value * factor) / ONE;
    }

    function _ratio(uint256 value, uint256 whole) private pure returns (uint256) {
        return value == 0 ? 0 : (value * ONE) / whole;
    }

    function _held(Case memory c) private pure returns (GmxPrice memory) {
        return c.position.collateralToken == c.market.longToken ? c.prices.long : c.prices.short;
    }

    function _mid(Case memory c) private pure returns (uint256) {
        return (c.prices.index.min + c.prices.index.max) / 2;
    }

    function _balance(Case memory c, bool isLong) private view returns (uint256) {
        if (_switch(c, "USE_OPEN_INTEREST_IN_TOKENS_FOR_BALANCE")) {
            return _both(c, "OPEN_INTEREST_IN_TOKENS", isLong) * _mid(c);
        }
        return _both(c, "OPEN_INTEREST", isLong);
    }

    function _poolUsd(Case memory c, bool isLong) private view returns (uint256) {
        address token = isLong ? c.market.longToken : c.market.shortToken;
        bytes32 key = keccak256(abi.encode(keccak256(abi.encode("POOL_AMOUNT")), c.market.marketToken, token));
        return (c.store.getUint(key) / _parts(c)) * (isLong ? c.prices.long.min : c.prices.short.min);
    }

    // --- profit

    function _pnl(Case memory c) private view returns (int256) {
        GmxPosition memory p = c.position;
        int256 own = _gain(p.isLong, p.sizeInTokens, p.isLong ? c.prices.index.min : c.prices.index.max, p.sizeInUsd);
        if (own <= 0) return own;
        uint256 usd = _both(c, "OPEN_INTEREST", p.isLong);
        uint256 tokens = _both(c, "OPEN_INTEREST_IN_TOKENS", p.isLong);
        if (usd == 0 || tokens == 0) return own;
        int256 all = _gain(p.isLong, tokens, p.isLong ? c.prices.index.max : c.prices.index.min, usd);
        bytes32 key = keccak256(
            abi.encode(
                keccak256(abi.encode("MAX_PNL_FACTOR")),
                keccak256(abi.encode("MAX_PNL_FACTOR_FOR_TRADERS")),
                c.market.marketToken,
                p.isLong
            )
        );
        int256 most = int256(_part(_poolUsd(c, p.isLong), c.store.getUint(key)));
        if (all <= most || most == 0 || all <= 0) return own;
        return (own * most) / all;
    }

    function _gain(bool isLong, uint256 tokens, uint256 price, uint256 paid) private pure returns (int256) {
        int256 rise = int256(tokens * price) - int256(paid);
        return isLong ? rise : -rise;
    }

    // --- price impact

    function _impact(Case memory c) private view returns (int256 usd, bool improved) {
        bool inTokens = _switch(c, "USE_OPEN_INTEREST_IN_TOKENS_FOR_BALANCE");
        uint256 closed = inTokens ? c.position.sizeInTokens * _mid(c) : c.position.sizeInUsd;
        (usd, improved) = _change(c, _balance(c, true), _balance(c, false), closed);
        bytes32 id = c.store.getBytes32(
            keccak256(abi.encode(keccak256(abi.encode("VIRTUAL_TOKEN_ID")), c.market.indexToken))
        );
        if (usd < 0 && id != bytes32(0)) {
            string memory name = inTokens
                ? "VIRTUAL_INVENTORY_FOR_POSITIONS_IN_TOKENS"
                : "VIRTUAL_INVENTORY_FOR_POSITIONS";
            int256 stock = c.store.getInt(keccak256(abi.encode(keccak256(abi.encode(name)), id)));
            if (inTokens) stock *= int256(_mid(c));
            uint256 longs = closed + (stock < 0 ? uint256(-stock) : 0);
            uint256 shorts = closed + (stock > 0 ? uint256(stock) : 0);
            (int256 shared, bool sharedImproved) = _change(c, longs, shorts, closed);
            if (shared < usd) (usd, improved) = (shared, sharedImproved);
        }
        if (usd > 0) {
            uint256 most = _smaller(c, "MAX_POSITION_IMPACT_FACTOR");
            int256 limit = int256(_part(c.position.sizeInUsd, most));
            if (usd > limit) usd = limit;
        }
    }

    function _change(Case memory c, uint256 longs, uint256 shorts, uint256 closed) private view returns (int256, bool) {
        uint256 nextLongs = c.position.isLong ? (closed > longs ? 0 : longs - closed) : longs;
        uint256 nextShorts = c.position.isLong ? shorts : (closed > shorts ? 0 : shorts - closed);
        uint256 before = longs > shorts ? longs - shorts : shorts - longs;
        uint256 later = nextLongs > nextShorts ? nextLongs - nextShorts : nextShorts - nextLongs;
        bool improved = later < before;
        bool sameSide = (longs <= shorts) == (nextLongs <= nextShorts);
        uint256 first = _weighed(c, before, !sameSide || improved);
        uint256 second = _weighed(c, later, sameSide && improved);
        if (!sameSide) return (int256(first) - int256(second), improved);
        uint256 change = first > second ? first - second : second - first;
        return (improved ? int256(change) : -int256(change), improved);
    }

    function _weighed(Case memory c, uint256 usd, bool positive) private view returns (uint256) {
        uint256 factor = positive ? _smaller(c, "POSITION_IMPACT_FACTOR") : _flagged(c, "POSITION_IMPACT_FACTOR", false);
        uint256 exponent = positive
            ? _smaller(c, "POSITION_IMPACT_EXPONENT_FACTOR")
            : _flagged(c, "POSITION_IMPACT_EXPONENT_FACTOR", false);
        return _part(power.raised(usd, exponent), factor);
    }

    // What helps is never valued higher than what harms.
    function _smaller(Case memory c, string memory name) private view returns (uint256) {
        uint256 good = _flagged(c, name, true);
        uint256 bad = _flagged(c, name, false);
        return good < bad ? good : bad;
    }

    // --- borrowing

    function _borrowing(Case memory c) private view returns (uint256) {
        bool isLong = c.position.isLong;
        uint256 factor = _flagged(c, "CUMULATIVE_BORROWING_FACTOR", isLong);
        uint256 since = _flagged(c, "CUMULATIVE_BORROWING_FACTOR_UPDATED_AT", isLong);
        if (c.pending && since > 0) factor += (block.timestamp - since) * _borrowingRate(c);
        require(factor >= c.position.borrowingFactor, "UnexpectedBorrowingFactor");
        return _part(c.position.sizeInUsd, factor - c.position.borrowingFactor);
    }

    function _borrowingRate(Case memory c) private view returns (uint256) {
        bool isLong = c.position.isLong;
        uint256 reserved = isLong
            ? _both(c, "OPEN_INTEREST_IN_TOKENS", true) * c.prices.index.max
            : _both(c, "OPEN_INTEREST", false);
        if (reserved == 0) return 0;
        if (_switch(c, "SKIP_BORROWING_FEE_FOR_SMALLER_SIDE") && _balance(c, isLong) < _balance(c, !isLong)) return 0;
        uint256 pool = _poolUsd(c, isLong);
        require(pool > 0, "UnableToGetBorrowingFactorEmptyPoolUsd");
        uint256 optimal = _flagged(c, "OPTIMAL_USAGE_FACTOR", isLong);
        if (optimal == 0) {
            uint256 weighed = power.raised(reserved, _flagged(c, "BORROWING_EXPONENT_FACTOR", isLong));
            return _part(_ratio(weighed, pool), _flagged(c, "BORROWING_FACTOR", isLong));
        }
        uint256 usage = _ratio(reserved, _part(pool, _flagged(c, "OPEN_INTEREST_RESERVE_FACTOR", isLong)));
        uint256 base = _flagged(c, "BASE_BORROWING_FACTOR", isLong);
        uint256 above = _flagged(c, "ABOVE_OPTIMAL_USAGE_BORROWING_FACTOR", isLong);
        uint256 rate = _part(usage, base);
        if (usage > optimal && optimal < ONE && above > base) {
            rate += ((above - base) * (usage - optimal)) / (ONE - optimal);
        }
        return rate;
    }

    // --- funding

    function _funding(Case memory c) private view returns (uint256) {
        GmxPosition memory p = c.position;
        uint256 perSize = _of(c, "FUNDING_FEE_AMOUNT_PER_SIZE", p.collateralToken, p.isLong);
        if (c.pending) perSize += _pendingFunding(c);
        return _roundUp(p.sizeInUsd * (perSize - p.fundingFeeAmountPerSize), PER_SIZE);
    }

    function _pendingFunding(Case memory c) private view returns (uint256) {
        uint256 longs = _both(c, "OPEN_INTEREST", true);
        uint256 shorts = _both(c, "OPEN_INTEREST", false);
        if (longs == 0 || shorts == 0) return 0;
        uint256 since = _uint(c, "FUNDING_UPDATED_AT");
        uint256 duration = since == 0 ? 0 : block.timestamp - since;
        (uint256 rate, bool longsPay) = _fundingRate(c, duration);
        if (c.position.isLong != longsPay) return 0;
        uint256 payers = longsPay ? longs : shorts;
        uint256 usd = _part(payers, duration * rate) / _parts(c);
        uint256 mine = _of(c, "OPEN_INTEREST", c.position.collateralToken, longsPay) / _parts(c);
        usd = (usd * mine) / payers;
        if (usd == 0 || mine == 0) return 0;
        // A market of one token adds both of its halves to the same value.
        return _parts(c) * _roundUp(power.roundUpProduct(usd, PER_SIZE, mine), _held(c).max);
    }

    function _fundingRate(Case memory c, uint256 duration) private view returns (uint256, bool) {
        int256 tilt = int256(_balance(c, true)) - int256(_balance(c, false));
        uint256 increase = _uint(c, "FUNDING_INCREASE_FACTOR_PER_SECOND");
        if (tilt == 0 && increase == 0) return (0, true);
        uint256 weighed = power.raised(tilt < 0 ? uint256(-tilt) : uint256(tilt), _uint(c, "FUNDING_EXPONENT_FACTOR"));
        uint256 skew = _ratio(weighed, _balance(c, true) + _balance(c, false));
        uint256 most = _uint(c, "MAX_FUNDING_FACTOR_PER_SECOND");
        if (increase == 0) {
            uint256 plain = _part(skew, _uint(c, "FUNDING_FACTOR"));
            return (plain < most ? plain : most, tilt > 0);
        }
        int256 next = _adapted(c, tilt, skew, int256(_part(skew, increase) * duration), duration);
        uint256 size = next < 0 ? uint256(-next) : uint256(next);
        if (size > most) size = most;
        uint256 least = _uint(c, "MIN_FUNDING_FACTOR_PER_SECOND");
        if (size < least) size = least;
        if (size > most) size = most;
        return (size, next >= 0 && size > 0);
    }

    function _adapted(
        Case memory c,
        int256 tilt,
        uint256 skew,
        int256 step,
        uint256 duration
    ) private view returns (int256) {
        bytes32 key = keccak256(
            abi.encode(keccak256(abi.encode("SAVED_FUNDING_FACTOR_PER_SECOND")), c.market.marketToken)
        );
        int256 saved = c.store.getInt(key);
        bool along = (saved > 0 && tilt > 0) || (saved < 0 && tilt < 0);
        if (!along || skew > _uint(c, "THRESHOLD_FOR_STABLE_FUNDING")) return tilt < 0 ? saved - step : saved + step;
        if (skew >= _uint(c, "THRESHOLD_FOR_DECREASE_FUNDING")) return saved;
        int256 less = int256(_uint(c, "FUNDING_DECREASE_FACTOR_PER_SECOND") * duration);
        if (saved > 0) return saved > less ? saved - less : int256(1);
        return -saved > less ? saved + less : -int256(1);
    }

    function _roundUp(uint256 a, uint256 b) private pure returns (uint256) {
        return a == 0 ? 0 : (a - 1) / b + 1;
    }
}
