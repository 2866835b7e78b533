// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

/// @notice Stands in for Derive's SubAccounts: NFTs with balances that anybody may adjust.
contract StandInDeriveAccounts {
    struct AssetBalance {
        address asset;
        uint256 subId;
        int256 balance;
    }

    uint256 public lastAccountId;
    mapping(uint256 => address) public manager;
    mapping(uint256 => address) private _owners;
    mapping(uint256 => AssetBalance[]) private _balances;

    event AccountCreated(address indexed owner, uint256 indexed accountId, address indexed manager);
    event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);

    error NonexistentAccount(uint256 accountId);
    error NotOwner(address caller);

    function createAccount(address owner, address manager_) external returns (uint256 id) {
        id = ++lastAccountId;
        manager[id] = manager_;
        _owners[id] = owner;
        emit Transfer(address(0), owner, id);
        emit AccountCreated(owner, id, manager_);
    }

    function ownerOf(uint256 id) public view returns (address) {
        if (_owners[id] == address(0)) revert NonexistentAccount(id);
        return _owners[id];
    }

    function transferFrom(address from, address to, uint256 id) external {
        // The real contract asks for an approval; here an owner's transaction is one.
        if (ownerOf(id) != from || (msg.sender != from && tx.origin != from)) revert NotOwner(msg.sender);
        _owners[id] = to;
        emit Transfer(from, to, id);
    }

    function setManager(uint256 id, address manager_) external {
        manager[id] = manager_;
    }

    function adjust(uint256 id, address asset, uint256 subId, int256 amount) external {
        AssetBalance[] storage held = _balances[id];
        for (uint256 i = 0; i < held.length; i++) {
            if (held[i].asset != asset || held[i].subId != subId) continue;
            held[i].balance += amount;
            if (held[i].balance == 0) {
                held[i] = held[held.length - 1];
                held.pop();
            }
            return;
        }
        held.push(AssetBalance(asset, subId, amount));
    }

    function getAccountBalances(uint256 id) external view returns (AssetBalance[] memory) {
        return _balances[id];
    }

    function getBalance(uint256 id, address asset, uint256 subId) external view returns (int256) {
        AssetBalance[] storage held = _balances[id];
        for (uint256 i = 0; i < held.length; i++) {
            if (held[i].asset == asset && held[i].subId == subId) return held[i].balance;
        }
        return 0;
    }
}

/// @notice Stands in for Derive's Matching: holds accounts for those who deposit them.
contract StandInDeriveMatching {
    StandInDeriveAccounts public immutable subAccounts;
    mapping(uint256 => address) public subAccountToOwner;

    event DepositedSubAccount(uint256 indexed accountId, address indexed owner);
    event WithdrewSubAccount(uint256 indexed accountId);

    constructor(StandInDeriveAccounts subAccounts_) {
        subAccounts = subAccounts_;
    }

    function depositSubAccountFor(uint256 id, address recipient) public {
        subAccounts.transferFrom(msg.sender, address(this), id);
        subAccountToOwner[id] = recipient;
        emit DepositedSubAccount(id, recipient);
    }

    function depositSubAccount(uint256 id) external {
        depositSubAccountFor(id, msg.sender);
    }

    /// @dev Without the real contract's cooldown.
    function completeWithdrawAccount(uint256 id) external {
        subAccounts.transferFrom(address(this), subAccountToOwner[id], id);
        delete subAccountToOwner[id];
        emit WithdrewSubAccount(id);
    }
}

/// @notice Stands in for CashAsset and WrappedERC20Asset: what is behind an asset, and what cash is worth.
contract StandInDeriveAsset {
    StandInDeriveAccounts private immutable _accounts;
    address public immutable wrappedAsset;
    uint256 public getCashToStableExchangeRate = 1e18;
    bool public temporaryWithdrawFeeEnabled;
    int256 public interest = 1e18;
    uint256 public lastTimestamp;

    constructor(StandInDeriveAccounts accounts, address wrapped) {
        _accounts = accounts;
        wrappedAsset = wrapped;
    }

    function set(uint256 rate, bool fee, int256 interest_) external {
        getCashToStableExchangeRate = rate;
        temporaryWithdrawFeeEnabled = fee;
        interest = interest_;
    }

    /// @dev Not a view: the real one accrues first, too.
    function calculateBalanceWithInterest(uint256 id) external returns (int256) {
        lastTimestamp = block.timestamp;
        return _accounts.getBalance(id, address(this), 0) * interest / 1e18;
    }
}

/// @notice Stands in for Derive's feeds of prices, forwards and volatilities; stale when told so.
/// @dev Every strike has the volatility 0, at which options are worth what is intrinsic.
contract StandInDeriveFeed {
    uint256 private _price;
    uint256 private _confidence = 1e18;
    bool private _stale;
    mapping(uint64 => int256) private _ahead;

    error BLF_DataTooOld();

    function set(uint256 price, uint256 confidence, bool stale) external {
        _price = price;
        _confidence = confidence;
        _stale = stale;
    }

    function setForward(uint64 expiry, int256 aheadOfSpot) external {
        _ahead[expiry] = aheadOfSpot;
    }

    function getSpot() public view returns (uint256, uint256) {
        if (_stale) revert BLF_DataTooOld();
        return (_price, _confidence);
    }

    function getResult() external view returns (uint256, uint256) {
        return getSpot();
    }

    function getForwardPricePortions(uint64 expiry) external view returns (uint256, uint256, uint256) {
        (uint256 spot, uint256 confidence) = getSpot();
        return (0, uint256(int256(spot) + _ahead[expiry]), confidence);
    }

    function getVol(uint128, uint64) external view returns (uint256, uint256) {
        return (0, getExpiryMinConfidence(0));
    }

    function getExpiryMinConfidence(uint64) public view returns (uint256) {
        if (_stale) revert BLF_DataTooOld();
        return _confidence;
    }
}

/// @notice Stands in for Derive's PerpAsset: positions that anybody may write, at the price of a feed.
contract StandInDerivePerp {
    struct Position {
        uint256 lastMarkPrice;
        int256 funding;
        int256 pnl;
        int256 lastAggregatedFunding;
        uint256 lastFundingPaid;
    }

    StandInDeriveAccounts private immutable _accounts;
    StandInDeriveFeed private immutable _feed;
    mapping(uint256 => Position) public positions;
    int256 public aggregatedFunding;
    int256 public getFundingRate;
    uint256 public lastFundingPaidAt;

    constructor(StandInDeriveAccounts accounts, StandInDeriveFeed feed) {
        _accounts = accounts;
        _feed = feed;
    }

    function set(uint256 id, Position calldata position) external {
        positions[id] = position;
    }

    function setFunding(int256 aggregated, int256 rate) external {
        aggregatedFunding = aggregated;
        getFundingRate = rate;
        lastFundingPaidAt = block.timestamp;
    }

    function getPerpPrice() public view returns (uint256, uint256) {
        return _feed.getSpot();
    }

    function getUnsettledAndUnrealizedCash(uint256 id) external view returns (int256) {
        Position storage held = positions[id];
        int256 size = _accounts.getBalance(id, address(this), 0);
        (uint256 price, ) = getPerpPrice();
        int256 elapsed = int256(block.timestamp - lastFundingPaidAt);
        int256 total = aggregatedFunding + getFundingRate * elapsed / 3600 * int256(price) / 1e18;
        int256 paid = size * (total - held.lastAggregatedFunding) / 1e18;
        return held.funding + held.pnl - paid + size * (int256(price) - int256(held.lastMarkPrice)) / 1e18;
    }
}
