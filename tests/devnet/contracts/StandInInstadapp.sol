// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

/// @notice Stands in for an Instadapp account, which no package ships: authorities that each may act alone.
contract StandInInstadappAccount {
    mapping(address => bool) public isAuth;
    StandInInstaList internal immutable list;

    constructor(StandInInstaList list_, address owner) {
        list = list_;
        isAuth[owner] = true;
    }

    /// @notice Lets another one in, as a connector does on an authority's word.
    function add(address user) external {
        require(isAuth[msg.sender], "not an authority");
        isAuth[user] = true;
        list.linked(user);
    }
}

/// @notice Stands in for InstaList and for the resolver that walks it.
contract StandInInstaList {
    struct UserLink {
        uint64 first;
        uint64 last;
        uint64 count;
    }

    struct Account {
        uint256 ID;
        address account;
        uint256 version;
        address[] authorities;
    }

    mapping(address => uint64) public accountID;
    mapping(uint64 => address) public accountAddr;
    mapping(address => uint64[]) internal ids;
    mapping(uint64 => address[]) internal authorities;
    uint64 public accounts;

    /// @notice Builds an account for an owner; anybody may.
    function build(address owner) external returns (address account) {
        account = address(new StandInInstadappAccount(this, owner));
        accountID[account] = ++accounts;
        accountAddr[accounts] = account;
        ids[owner].push(accounts);
        authorities[accounts].push(owner);
    }

    /// @notice Called by an account that let somebody in.
    function linked(address user) external {
        uint64 id = accountID[msg.sender];
        require(id != 0, "not-account");
        ids[user].push(id);
        authorities[id].push(user);
    }

    function userLink(address user) external view returns (UserLink memory) {
        uint64[] storage mine = ids[user];
        if (mine.length == 0) return UserLink(0, 0, 0);
        return UserLink(mine[0], mine[mine.length - 1], uint64(mine.length));
    }

    function getAuthorityAccounts(address user) external view returns (address[] memory found) {
        uint64[] storage mine = ids[user];
        found = new address[](mine.length);
        for (uint256 i = 0; i < mine.length; i++) found[i] = accountAddr[mine[i]];
    }

    function getAccountDetails(address account) external view returns (Account memory) {
        uint64 id = accountID[account];
        return Account(id, account, 2, authorities[id]);
    }
}
