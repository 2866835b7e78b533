// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

interface IGmxToken {
    function balanceOf(address account) external view returns (uint256);
    function transfer(address to, uint256 value) external returns (bool);
}

interface IGmxAggregator {
    function latestAnswer() external view returns (int256);
    function latestRound() external view returns (uint256);
    function getAnswer(uint256 round) external view returns (int256);
}

/// @notice Stands in for the price feed of GMX V1's vault: the lowest and highest of the last rounds, spread apart.
/// @dev Without the prices of keepers and of an AMM, which the real one can be set to take.
contract StandInGmxPriceFeed {
    uint256 private constant BPS = 10_000;
    uint256 private constant DOLLAR = 10 ** 30;

    struct Source {
        IGmxAggregator feed;
        uint256 decimals;
        bool strictStable;
        uint256 spread;
    }

    mapping(address => Source) public sources;
    uint256 public priceSampleSpace = 1;

    function setTokenConfig(address token, IGmxAggregator feed, uint256 decimals, bool strictStable) external {
        Source storage source = sources[token];
        (source.feed, source.decimals, source.strictStable) = (feed, decimals, strictStable);
    }

    function setSpreadBasisPoints(address token, uint256 spread) external {
        require(spread <= 50, "VaultPriceFeed: invalid _spreadBasisPoints");
        sources[token].spread = spread;
    }

    function setPriceSampleSpace(uint256 rounds) external {
        require(rounds > 0, "VaultPriceFeed: invalid _priceSampleSpace");
        priceSampleSpace = rounds;
    }

    function getPrice(address token, bool maximise, bool, bool) external view returns (uint256) {
        Source storage source = sources[token];
        require(address(source.feed) != address(0), "VaultPriceFeed: invalid price feed");
        uint256 price = _sampled(source.feed, maximise) * DOLLAR / 10 ** source.decimals;
        if (source.strictStable) return (price > DOLLAR) == maximise ? price : DOLLAR;
        return price * (maximise ? BPS + source.spread : BPS - source.spread) / BPS;
    }

    function _sampled(IGmxAggregator feed, bool maximise) private view returns (uint256 best) {
        uint256 latest = feed.latestRound();
        for (uint256 age = 0; age < priceSampleSpace && age < latest; age++) {
            int256 answer = age == 0 ? feed.latestAnswer() : feed.getAnswer(latest - age);
            require(answer > 0, "VaultPriceFeed: invalid price");
            uint256 price = uint256(answer);
            if (age == 0 || (maximise ? price > best : price < best)) best = price;
        }
        require(best > 0, "VaultPriceFeed: could not fetch price");
    }
}

/// @notice Stands in for what the vault of GMX V1 keeps and tells: settings, tokens, prices, rates of funding.
/// @dev Anybody may change settings. Errors have the texts that the real vault's are set to.
abstract contract StandInGmxVaultState {
    uint256 internal constant BPS = 10_000;
    uint256 internal constant DOLLAR = 10 ** 30;

    address public priceFeed;
    uint256 public maxLeverage = 50 * BPS;
    uint256 public liquidationFeeUsd;
    uint256 public marginFeeBasisPoints = 10;
    uint256 public minProfitTime;
    uint256 public fundingInterval = 8 hours;
    uint256 public fundingRateFactor;
    uint256 public stableFundingRateFactor;
    address[] public allWhitelistedTokens;

    mapping(address => bool) public whitelistedTokens;
    mapping(address => uint256) public tokenDecimals;
    mapping(address => uint256) public minProfitBasisPoints;
    mapping(address => bool) public stableTokens;
    mapping(address => bool) public shortableTokens;
    mapping(address => uint256) public tokenBalances;
    mapping(address => uint256) public poolAmounts;
    mapping(address => uint256) public reservedAmounts;
    mapping(address => uint256) public guaranteedUsd;
    mapping(address => uint256) public cumulativeFundingRates;
    mapping(address => uint256) public lastFundingTimes;
    mapping(address => uint256) public feeReserves;
    mapping(address => uint256) public globalShortSizes;
    mapping(address => uint256) public globalShortAveragePrices;

    function initialize(address feed, uint256 liquidationFee, uint256 factor, uint256 stableFactor) external {
        (priceFeed, liquidationFeeUsd) = (feed, liquidationFee);
        (fundingRateFactor, stableFundingRateFactor) = (factor, stableFactor);
    }

    function setPriceFeed(address feed) external {
        priceFeed = feed;
    }

    function setMaxLeverage(uint256 leverage) external {
        maxLeverage = leverage;
    }

    function setMarginFees(uint256 marginFee, uint256 liquidationFee, uint256 profitTime) external {
        (marginFeeBasisPoints, liquidationFeeUsd, minProfitTime) = (marginFee, liquidationFee, profitTime);
    }

    function setFundingRate(uint256 interval, uint256 factor, uint256 stableFactor) external {
        (fundingInterval, fundingRateFactor, stableFundingRateFactor) = (interval, factor, stableFactor);
    }

    /// @dev As in the real vault a token that was cleared and comes back is listed twice.
    function setTokenConfig(
        address token,
        uint256 decimals,
        uint256,
        uint256 minProfitBps,
        uint256,
        bool stable,
        bool shortable
    ) external {
        if (!whitelistedTokens[token]) allWhitelistedTokens.push(token);
        whitelistedTokens[token] = true;
        (tokenDecimals[token], minProfitBasisPoints[token]) = (decimals, minProfitBps);
        (stableTokens[token], shortableTokens[token]) = (stable, shortable);
    }

    function clearTokenConfig(address token) external {
        delete whitelistedTokens[token];
        delete tokenDecimals[token];
        delete minProfitBasisPoints[token];
        delete stableTokens[token];
        delete shortableTokens[token];
    }

    function directPoolDeposit(address token) external {
        poolAmounts[token] += _received(token);
    }

    function allWhitelistedTokensLength() external view returns (uint256) {
        return allWhitelistedTokens.length;
    }

    function getMaxPrice(address token) public view returns (uint256) {
        return StandInGmxPriceFeed(priceFeed).getPrice(token, true, true, false);
    }

    function getMinPrice(address token) public view returns (uint256) {
        return StandInGmxPriceFeed(priceFeed).getPrice(token, false, true, false);
    }

    function tokenToUsdMin(address token, uint256 amount) public view returns (uint256) {
        return amount * getMinPrice(token) / 10 ** tokenDecimals[token];
    }

    function usdToTokenMin(address token, uint256 usd) public view returns (uint256) {
        return usd * 10 ** tokenDecimals[token] / getMaxPrice(token);
    }

    function usdToTokenMax(address token, uint256 usd) public view returns (uint256) {
        return usd * 10 ** tokenDecimals[token] / getMinPrice(token);
    }

    /// @notice What the next update adds to a token's rate, by whole intervals.
    function getNextFundingRate(address token) public view returns (uint256) {
        uint256 elapsed = (block.timestamp - lastFundingTimes[token]) / fundingInterval;
        if (elapsed == 0 || poolAmounts[token] == 0) return 0;
        uint256 factor = stableTokens[token] ? stableFundingRateFactor : fundingRateFactor;
        return factor * reservedAmounts[token] * elapsed / poolAmounts[token];
    }

    function updateCumulativeFundingRate(address token, address) public {
        if (lastFundingTimes[token] != 0) {
            if (block.timestamp < lastFundingTimes[token] + fundingInterval) return;
            cumulativeFundingRates[token] += getNextFundingRate(token);
        }
        lastFundingTimes[token] = block.timestamp - block.timestamp % fundingInterval;
    }

    function _received(address token) internal returns (uint256 amount) {
        uint256 balance = IGmxToken(token).balanceOf(address(this));
        amount = balance - tokenBalances[token];
        tokenBalances[token] = balance;
    }

    function _pay(address token, uint256 amount, address to) internal {
        IGmxToken(token).transfer(to, amount);
        tokenBalances[token] = IGmxToken(token).balanceOf(address(this));
    }

    function _takeFromPool(address token, uint256 amount) internal {
        require(amount <= poolAmounts[token], "Vault: poolAmount exceeded");
        poolAmounts[token] -= amount;
        require(reservedAmounts[token] <= poolAmounts[token], "Vault: reserve exceeds pool");
    }
}
