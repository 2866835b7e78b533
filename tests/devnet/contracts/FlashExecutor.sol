// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

interface IBalance {
    function balanceOf(address account) external view returns (uint256);
}

/// @title Runs a list of calls with tokens that are borrowed for one transaction
/// @notice Its owner alone starts it. It keeps nothing: what it has at the end goes to the owner.
/// @dev It acts for others by allowances that they gave it, which is why nobody else may choose its calls.
contract FlashExecutor {
    struct Step {
        address to;
        uint256 value;
        bytes data;
    }

    address public immutable owner;
    /// @dev The lender that is to call back, once; nobody otherwise.
    address private expected;

    error NotOwner();
    error NotLender();
    error Running();
    error NotLent();
    error StepFailed(uint256 index, bytes reason);
    error LoanFailed(bytes reason);
    error TransferFailed(address token);

    constructor(address owner_) {
        owner = owner_;
    }

    /// @notice Coins may come back, as from a wrapped coin that is unwrapped.
    receive() external payable {}

    /// @notice Calls the lender with `loan`, which must call back, and sends the owner what is left.
    /// @param tokens whose balances are sent to the owner at the end; coins are as well
    function run(address lender, bytes calldata loan, address[] calldata tokens) external payable {
        if (msg.sender != owner) revert NotOwner();
        if (expected != address(0)) revert Running();
        expected = lender;
        (bool done, bytes memory reason) = lender.call(loan);
        if (!done) revert LoanFailed(reason);
        if (expected != address(0)) revert NotLent();
        for (uint256 i = 0; i < tokens.length; i++) {
            uint256 left = IBalance(tokens[i]).balanceOf(address(this));
            if (left != 0) _token(tokens[i], abi.encodeWithSelector(0xa9059cbb, owner, left));
        }
        uint256 coins = address(this).balance;
        if (coins != 0) {
            (done, ) = owner.call{value: coins}("");
            if (!done) revert TransferFailed(address(0));
        }
    }

    /// @notice Aave V3 lent it; the pool takes the loan and the premium back itself.
    function executeOperation(address asset, uint256 amount, uint256 premium, address initiator, bytes calldata note)
        external
        returns (bool)
    {
        if (initiator != address(this)) revert NotLender();
        _answer(asset, amount + premium, note);
        return true;
    }

    /// @notice Morpho Blue lent it, for nothing, and takes it back itself.
    function onMorphoFlashLoan(uint256 amount, bytes calldata note) external {
        (address token, ) = abi.decode(note, (address, Step[]));
        _answer(token, amount, note);
    }

    function _answer(address token, uint256 owed, bytes calldata note) private {
        if (msg.sender != expected) revert NotLender();
        expected = address(0);
        (, Step[] memory steps) = abi.decode(note, (address, Step[]));
        for (uint256 i = 0; i < steps.length; i++) {
            (bool done, bytes memory reason) = steps[i].to.call{value: steps[i].value}(steps[i].data);
            if (!done) revert StepFailed(i, reason);
        }
        _token(token, abi.encodeWithSelector(0x095ea7b3, msg.sender, owed));
    }

    /// @dev A transfer or an approval of a token that answers true, or nothing as older ones do.
    function _token(address token, bytes memory data) private {
        (bool done, bytes memory answer) = token.call(data);
        if (!done || token.code.length == 0 || (answer.length != 0 && !abi.decode(answer, (bool)))) {
            revert TransferFailed(token);
        }
    }
}
