// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

interface IExchanged {
    function transferFrom(address from, address to, uint256 value) external returns (bool);
    function mint(address to, uint256 value) external;
}

/// @notice Stands in for an exchange of mintable tokens: sells any for any other at a rate that is set.
contract StandInExchange {
    /// @notice Smallest units of the bought token for 1e18 smallest units of the sold one.
    mapping(address => mapping(address => uint256)) public rate;

    error TooLittle(uint256 bought, uint256 least);

    function setRate(address sold, address bought, uint256 value) external {
        rate[sold][bought] = value;
    }

    /// @notice Takes `amount` from the sender and gives it what that brings, at least `least`.
    function swap(address sold, address bought, uint256 amount, uint256 least) external returns (uint256 got) {
        got = amount * rate[sold][bought] / 1e18;
        if (got < least) revert TooLittle(got, least);
        require(IExchanged(sold).transferFrom(msg.sender, address(this), amount), "not paid");
        IExchanged(bought).mint(msg.sender, got);
    }
}
