// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

/// @notice Stands in for DSProxy, which no package ships: what its owner and its cache are asked for.
contract StandInDSProxy {
    address public owner;
    address public cache;

    constructor(address owner_) {
        owner = owner_;
        cache = address(this);
    }

    /// @notice Gives the proxy away, as DSAuth does.
    function setOwner(address owner_) external {
        require(msg.sender == owner, "ds-auth-unauthorized");
        owner = owner_;
    }
}

/// @notice Stands in for Maker's registry of proxies: the last proxy that was built for each owner.
contract StandInProxyRegistry {
    mapping(address => address) public proxies;

    /// @notice Builds a proxy for an owner who has none of its own; anybody may.
    function build(address owner) external returns (address) {
        address known = proxies[owner];
        require(known == address(0) || StandInDSProxy(known).owner() != owner, "proxy exists");
        return proxies[owner] = address(new StandInDSProxy(owner));
    }
}
