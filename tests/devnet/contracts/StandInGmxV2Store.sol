// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

/// @notice A market: its own token, and the three that it is about.
struct GmxMarket {
    address marketToken;
    address indexToken;
    address longToken;
    address shortToken;
}

/// @notice A position as every Reader from version 2.2 on answers it: 14 words.
struct GmxPosition {
    address account;
    address market;
    address collateralToken;
    uint256 sizeInUsd;
    uint256 sizeInTokens;
    uint256 collateralAmount;
    int256 pendingImpactAmount;
    uint256 borrowingFactor;
    uint256 fundingFeeAmountPerSize;
    uint256 longTokenClaimableFundingAmountPerSize;
    uint256 shortTokenClaimableFundingAmountPerSize;
    uint256 increasedAtTime;
    uint256 decreasedAtTime;
    bool isLong;
}

/// @notice Stands in for the DataStore of GMX V2: values by the hash of their name, that anybody may set.
/// @dev Getters have the real names. Markets and positions are kept whole, where the real one has their fields.
contract StandInGmxV2Store {
    mapping(bytes32 => uint256) public getUint;
    mapping(bytes32 => int256) public getInt;
    mapping(bytes32 => bool) public getBool;
    mapping(bytes32 => address) public getAddress;
    mapping(bytes32 => bytes32) public getBytes32;
    mapping(bytes32 => bytes32[]) private _words;
    mapping(bytes32 => address[]) private _addresses;
    mapping(address => GmxMarket) private _markets;
    mapping(bytes32 => GmxPosition) private _positions;

    function setUints(bytes32[] calldata keys, uint256[] calldata values) external {
        for (uint256 i = 0; i < keys.length; i++) getUint[keys[i]] = values[i];
    }

    function setInts(bytes32[] calldata keys, int256[] calldata values) external {
        for (uint256 i = 0; i < keys.length; i++) getInt[keys[i]] = values[i];
    }

    function setBools(bytes32[] calldata keys, bool[] calldata values) external {
        for (uint256 i = 0; i < keys.length; i++) getBool[keys[i]] = values[i];
    }

    function setAddressValues(bytes32[] calldata keys, address[] calldata values) external {
        for (uint256 i = 0; i < keys.length; i++) getAddress[keys[i]] = values[i];
    }

    function setBytes32s(bytes32[] calldata keys, bytes32[] calldata values) external {
        for (uint256 i = 0; i < keys.length; i++) getBytes32[keys[i]] = values[i];
    }

    function setWordList(bytes32 key, bytes32[] calldata values) external {
        _words[key] = values;
    }

    function setAddressList(bytes32 key, address[] calldata values) external {
        _addresses[key] = values;
    }

    function setMarket(GmxMarket calldata value) external {
        _markets[value.marketToken] = value;
    }

    function setPosition(bytes32 key, GmxPosition calldata value) external {
        _positions[key] = value;
    }

    function market(address token) external view returns (GmxMarket memory) {
        return _markets[token];
    }

    function position(bytes32 key) external view returns (GmxPosition memory) {
        return _positions[key];
    }

    function getBytes32Count(bytes32 key) external view returns (uint256) {
        return _words[key].length;
    }

    function getBytes32ValuesAt(bytes32 key, uint256 start, uint256 end) external view returns (bytes32[] memory found) {
        bytes32[] storage all = _words[key];
        if (end > all.length) end = all.length;
        found = new bytes32[](end - start);
        for (uint256 i = start; i < end; i++) found[i - start] = all[i];
    }

    function getAddressValuesAt(bytes32 key, uint256 start, uint256 end) external view returns (address[] memory found) {
        address[] storage all = _addresses[key];
        if (end > all.length) end = all.length;
        found = new address[](end - start);
        for (uint256 i = start; i < end; i++) found[i - start] = all[i];
    }
}

interface GmxFeed {
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
}

/// @notice Stands in for the provider of on-chain prices: a token's feed times a multiplier of the store.
contract StandInGmxV2PriceProvider {
    struct ValidatedPrice {
        address token;
        uint256 min;
        uint256 max;
        uint256 timestamp;
        address provider;
    }

    StandInGmxV2Store public immutable dataStore;

    error EmptyChainlinkPriceFeed(address token);
    error InvalidFeedPrice(address token, int256 price);
    error ChainlinkPriceFeedNotUpdated(address token, uint256 timestamp, uint256 heartbeatDuration);

    constructor(StandInGmxV2Store store) {
        dataStore = store;
    }

    function _of(string memory name, address token) private pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(abi.encode(name)), token));
    }

    function getOraclePrice(address token, bytes memory) external view returns (ValidatedPrice memory) {
        address feed = dataStore.getAddress(_of("PRICE_FEED", token));
        if (feed == address(0)) revert EmptyChainlinkPriceFeed(token);
        (, int256 answer, , uint256 updatedAt, ) = GmxFeed(feed).latestRoundData();
        if (answer <= 0) revert InvalidFeedPrice(token, answer);
        uint256 heartbeat = dataStore.getUint(_of("PRICE_FEED_HEARTBEAT_DURATION", token));
        if (block.timestamp > updatedAt + heartbeat) revert ChainlinkPriceFeedNotUpdated(token, updatedAt, heartbeat);
        uint256 price = (uint256(answer) * dataStore.getUint(_of("PRICE_FEED_MULTIPLIER", token))) / 1e30;
        uint256 beside = dataStore.getUint(_of("STABLE_PRICE", token));
        (uint256 low, uint256 high) = beside == 0 || beside == price
            ? (price, price)
            : (beside < price ? (beside, price) : (price, beside));
        return ValidatedPrice(token, low, high, block.timestamp, address(this));
    }
}

/// @notice Stands in for a share of a pool (GM) or of pools (GLV), which anybody may mint.
contract StandInGmxV2Share {
    string public symbol;
    uint8 public constant decimals = 18;
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => uint256) public tokenBalances;

    constructor(string memory symbol_) {
        symbol = symbol_;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
        totalSupply += amount;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }

    /// @notice What a vault counts of a pool, beside what it may have been sent.
    function count(address token, uint256 amount) external {
        tokenBalances[token] = amount;
    }
}

/// @notice Stands in for the ReferralStorage: a trader's discount, of 30 decimals, without codes and tiers.
contract StandInGmxV2Referrals {
    mapping(address => uint256) public discounts;

    function setDiscount(address trader, uint256 factor) external {
        discounts[trader] = factor;
    }
}
