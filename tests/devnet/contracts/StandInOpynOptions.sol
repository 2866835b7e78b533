// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

// Stand-ins for the options of Opyn Gamma, their factory, and the oracle; see StandInOpyn.sol.

interface IFeed {
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
    function getRoundData(uint80 id) external view returns (uint80, int256, uint256, uint256, uint80);
}

contract StandInOtoken {
    address public immutable collateralAsset;
    address public immutable underlyingAsset;
    address public immutable strikeAsset;
    uint256 public immutable strikePrice;
    uint256 public immutable expiryTimestamp;
    bool public immutable isPut;
    uint8 public constant decimals = 8;
    mapping(address => uint256) private _balances;
    bool private _broken;

    constructor(address underlying, address strike, address collateral, uint256 price, uint256 expiry, bool put) {
        (underlyingAsset, strikeAsset, collateralAsset) = (underlying, strike, collateral);
        (strikePrice, expiryTimestamp, isPut) = (price, expiry, put);
    }

    function balanceOf(address owner) external view returns (uint256) {
        require(!_broken, "broken");
        return _balances[owner];
    }

    function mint(address owner, uint256 amount) external {
        _balances[owner] += amount;
    }

    function breakIt() external {
        _broken = true;
    }
}

contract StandInOtokenFactory {
    address public immutable addressBook;
    address[] public otokens;

    event OtokenCreated(
        address tokenAddress,
        address creator,
        address indexed underlying,
        address indexed strike,
        address indexed collateral,
        uint256 strikePrice,
        uint256 expiry,
        bool isPut
    );

    constructor(address book) {
        addressBook = book;
    }

    function getOtokensLength() external view returns (uint256) {
        return otokens.length;
    }

    function createOtoken(
        address underlying,
        address strike,
        address collateral,
        uint256 price,
        uint256 expiry,
        bool put
    ) external returns (address made) {
        made = address(new StandInOtoken(underlying, strike, collateral, price, expiry, put));
        otokens.push(made);
        emit OtokenCreated(made, msg.sender, underlying, strike, collateral, price, expiry, put);
    }
}

contract StandInOpynPricer {
    IFeed public immutable aggregator;

    constructor(IFeed feed) {
        aggregator = feed;
    }
}

contract StandInOpynOracle {
    struct Expiry {
        uint256 price;
        bool isFinal;
    }

    mapping(address => uint256) private _pinned;
    mapping(address => StandInOpynPricer) private _pricers;
    mapping(address => mapping(uint256 => Expiry)) private _expiries;

    event PricerUpdated(address indexed asset, address indexed pricer);

    function setStablePrice(address asset, uint256 price) external {
        _pinned[asset] = price;
    }

    function setAssetPricer(address asset, StandInOpynPricer pricer) external {
        _pricers[asset] = pricer;
        emit PricerUpdated(asset, address(pricer));
    }

    /// @notice Another pricer than the logs tell.
    function swapPricer(address asset, StandInOpynPricer pricer) external {
        _pricers[asset] = pricer;
    }

    function setExpiryPrice(address asset, uint256 expiry, uint256 price, bool isFinal) external {
        _expiries[asset][expiry] = Expiry(price, isFinal);
    }

    function getPricer(address asset) external view returns (address) {
        return address(_pricers[asset]);
    }

    function getPrice(address asset) external view returns (uint256) {
        if (_pinned[asset] != 0) return _pinned[asset];
        (, int256 answer, , , ) = _pricers[asset].aggregator().latestRoundData();
        return uint256(answer);
    }

    function getChainlinkRoundData(address asset, uint80 round) external view returns (uint256, uint256) {
        (, int256 answer, , uint256 time, ) = _pricers[asset].aggregator().getRoundData(round);
        return (uint256(answer), time);
    }

    function getExpiryPrice(address asset, uint256 expiry) external view returns (uint256, bool) {
        if (_pinned[asset] != 0) return (_pinned[asset], true);
        Expiry storage at = _expiries[asset][expiry];
        return (at.price, at.isFinal);
    }
}
