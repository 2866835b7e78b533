// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

interface IBalances {
    function balanceOf(address account) external view returns (uint256);
}

/// @notice Stands in for Kwenta's smart margin account: who owns it, who may trade, and its sUSD.
/// @dev Commands are not there: the tests send an account's transactions in its name.
contract StandInKwentaAccount {
    StandInKwentaFactory private immutable _factory;
    IBalances private immutable _susd;

    address public owner;
    mapping(address => bool) public delegates;
    uint256 public committedMargin;

    error Unauthorized();
    error InsufficientFreeMargin(uint256 available, uint256 required);

    constructor(StandInKwentaFactory factory, IBalances susd, address owner_) {
        _factory = factory;
        _susd = susd;
        owner = owner_;
    }

    modifier onlyOwner() {
        if (msg.sender != owner) revert Unauthorized();
        _;
    }

    function freeMargin() public view returns (uint256) {
        return _susd.balanceOf(address(this)) - committedMargin;
    }

    function addDelegate(address delegate) external onlyOwner {
        delegates[delegate] = true;
    }

    /// @notice Gives the account away; the factory's lists follow.
    function transferOwnership(address newOwner) external onlyOwner {
        _factory.updateAccountOwnership(newOwner, owner);
        owner = newOwner;
    }

    /// @notice What placing a conditional order does to the margin; the real account does it by a command.
    function commit(uint256 amount) external onlyOwner {
        if (amount > freeMargin()) revert InsufficientFreeMargin(freeMargin(), amount);
        committedMargin += amount;
    }
}

/// @notice Stands in for Kwenta's factory: the accounts that it built, and whose they are.
contract StandInKwentaFactory {
    IBalances private immutable _susd;

    mapping(address => bool) public accounts;
    mapping(address => address[]) private _owned;

    event NewAccount(address indexed creator, address indexed account, bytes32 version);

    error AccountDoesNotExist();

    constructor(IBalances susd) {
        _susd = susd;
    }

    function newAccount() external returns (address payable account) {
        account = payable(address(new StandInKwentaAccount(this, _susd, msg.sender)));
        accounts[account] = true;
        _owned[msg.sender].push(account);
        emit NewAccount(msg.sender, account, "stand-in");
    }

    function getAccountOwner(address account) external view returns (address) {
        if (!accounts[account]) revert AccountDoesNotExist();
        return StandInKwentaAccount(account).owner();
    }

    function getAccountsOwnedBy(address owner) external view returns (address[] memory) {
        return _owned[owner];
    }

    function updateAccountOwnership(address newOwner, address oldOwner) external {
        if (!accounts[msg.sender]) revert AccountDoesNotExist();
        address[] storage held = _owned[oldOwner];
        for (uint256 i = 0; i < held.length; i++) {
            if (held[i] != msg.sender) continue;
            held[i] = held[held.length - 1];
            held.pop();
            _owned[newOwner].push(msg.sender);
            return;
        }
    }
}
