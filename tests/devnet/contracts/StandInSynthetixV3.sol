// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.11 <0.9.0;

import {ERC721Enumerable} from "@synthetixio/core-contracts/contracts/token/ERC721Enumerable.sol";
import {OwnableStorage} from "@synthetixio/core-contracts/contracts/ownership/OwnableStorage.sol";
import {NodeOutput} from "@synthetixio/oracle-manager/contracts/storage/NodeOutput.sol";
import {Account} from "@synthetixio/main/contracts/storage/Account.sol";
import {IRewardDistributor} from "@synthetixio/main/contracts/interfaces/external/IRewardDistributor.sol";

// Around the real modules of @synthetixio/perps-market: what leads calls to them, and what they call.

/// @notice Stands in for the generated router: passes each call on to the module that has the function.
contract StandInSynthetixV3Router {
    mapping(bytes4 => address) private modules;

    constructor(address owner) {
        OwnableStorage.load().owner = owner;
    }

    function route(address module, bytes4[] calldata selectors) external {
        OwnableStorage.onlyOwner();
        for (uint256 i = 0; i < selectors.length; i++) modules[selectors[i]] = module;
    }

    fallback() external {
        address module = modules[msg.sig];
        require(module != address(0), "UnknownSelector");
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), module, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(done) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }
}

/// @notice Stands in for the NFT of accounts.
contract StandInSynthetixV3AccountToken is ERC721Enumerable {
    address private immutable system;

    constructor(address system_) {
        system = system_;
        _initialize("Synthetix V3 perps account", "SNX-V3-PERPS", "");
    }

    function mint(address to, uint256 id) external {
        require(msg.sender == system, "Unauthorized");
        _mint(to, id);
    }
}

/// @notice Stands in for the module of accounts: no permissions, no transfers.
contract StandInSynthetixV3AccountModule {
    struct Tokens {
        address account;
    }

    function tokens() private pure returns (Tokens storage found) {
        bytes32 s = keccak256("crossmargin.stand-in.AccountToken");
        assembly {
            found.slot := s
        }
    }

    function setAccountToken(address token) external {
        OwnableStorage.onlyOwner();
        tokens().account = token;
    }

    function createAccount(uint128 id) external {
        require(Account.load(id).owner == address(0), "AccountExists");
        require(id > 0 && id < type(uint128).max / 2 + 1, "InvalidAccountId");
        Account.load(id).owner = msg.sender;
        StandInSynthetixV3AccountToken(tokens().account).mint(msg.sender, id);
    }

    function getAccountTokenAddress() external view returns (address) {
        return tokens().account;
    }

    function getAccountOwner(uint128 id) external view returns (address) {
        return Account.load(id).owner;
    }
}

/// @notice Stands in for snxUSD and synths: anybody may mint.
contract StandInSynthetixV3Token {
    string public symbol;
    uint8 public constant decimals = 18;
    mapping(address => uint256) public balanceOf;

    constructor(string memory symbol_) {
        symbol = symbol_;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function burn(address from, uint256 amount) external {
        balanceOf[from] -= amount;
    }

    function approve(address, uint256) external pure returns (bool) {
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

/// @notice Stands in for the core system: one market, whose credit is given and moves with what it is paid.
contract StandInSynthetixV3Core {
    StandInSynthetixV3Token public immutable usd;
    address public immutable getOracleManager;
    int256 public credit;

    constructor(StandInSynthetixV3Token usd_, address oracleManager, int256 credit_) {
        usd = usd_;
        getOracleManager = oracleManager;
        credit = credit_;
    }

    function setCredit(int256 credit_) external {
        credit = credit_;
    }

    function getAssociatedSystem(bytes32) external view returns (address, bytes32) {
        return (address(usd), "erc20");
    }

    function registerMarket(address) external pure returns (uint128) {
        return 1;
    }

    function depositMarketUsd(uint128, address target, uint256 amount) external returns (uint256) {
        usd.burn(target, amount);
        credit += int256(amount);
        return 0;
    }

    function withdrawMarketUsd(uint128, address target, uint256 amount) external returns (uint256) {
        usd.mint(target, amount);
        credit -= int256(amount);
        return 0;
    }

    function getWithdrawableMarketUsd(uint128) external view returns (uint256) {
        return credit > 0 ? uint256(credit) : 0;
    }

    function depositMarketCollateral(uint128, address token, uint256 amount) external {
        StandInSynthetixV3Token(token).transferFrom(msg.sender, address(this), amount);
    }

    function withdrawMarketCollateral(uint128, address token, uint256 amount) external {
        StandInSynthetixV3Token(token).transfer(msg.sender, amount);
    }

    function getVaultCollateral(uint128, address) external pure returns (uint256, uint256) {
        return (1e18, 1e18);
    }
}

/// @notice Stands in for the oracle manager: prices by node, and costs that depend on what is executed.
contract StandInSynthetixV3Oracle {
    bytes32 public constant COSTS = "keeper costs";
    mapping(bytes32 => int256) private prices;
    uint256[3] private costs;
    uint256 private perFeed;

    function set(bytes32[] calldata nodes, int256[] calldata values) external {
        for (uint256 i = 0; i < nodes.length; i++) prices[nodes[i]] = values[i];
    }

    /// @dev Costs in USD of settling, flagging and liquidating, and of each feed that is updated for it.
    function setCosts(uint256[3] calldata costs_, uint256 perFeed_) external {
        costs = costs_;
        perFeed = perFeed_;
    }

    function process(bytes32 node) external view returns (NodeOutput.Data memory) {
        return _output(prices[node]);
    }

    function processWithRuntime(bytes32 node, bytes32[] memory keys, bytes32[] memory values)
        external
        view
        returns (NodeOutput.Data memory)
    {
        if (node != COSTS) return _output(prices[node]);
        uint256 feeds;
        uint256 kind;
        for (uint256 i = 0; i < keys.length; i++) {
            if (keys[i] == "numberOfUpdatedFeeds") feeds = uint256(values[i]);
            if (keys[i] == "executionKind") kind = uint256(values[i]);
        }
        return _output(int256(costs[kind] + feeds * perFeed));
    }

    function processManyWithRuntime(bytes32[] memory nodes, bytes32[] memory, bytes32[] memory)
        external
        view
        returns (NodeOutput.Data[] memory)
    {
        return _many(nodes);
    }

    function processManyWithManyRuntime(bytes32[] memory nodes, bytes32[][] memory, bytes32[][] memory)
        external
        view
        returns (NodeOutput.Data[] memory)
    {
        return _many(nodes);
    }

    function getBenchmarkPrice(bytes32 node, uint64) external view returns (int256) {
        return prices[node];
    }

    function _many(bytes32[] memory nodes) private view returns (NodeOutput.Data[] memory found) {
        found = new NodeOutput.Data[](nodes.length);
        for (uint256 i = 0; i < nodes.length; i++) found[i] = _output(prices[nodes[i]]);
    }

    function _output(int256 price) private view returns (NodeOutput.Data memory) {
        return NodeOutput.Data(price, block.timestamp, 0, 0);
    }
}

/// @notice Stands in for the spot market: what the perps market reads of synths.
contract StandInSynthetixV3Spot {
    struct Synth {
        string name;
        address token;
        uint256 skewScale;
        uint256 price;
    }

    mapping(uint128 => Synth) private synths;

    function list(uint128 id, string calldata name_, address token, uint256 skewScale) external {
        synths[id] = Synth(name_, token, skewScale, 0);
    }

    function setPrice(uint128 id, uint256 price) external {
        synths[id].price = price;
    }

    function name(uint128 id) external view returns (string memory) {
        return synths[id].name;
    }

    function getSynth(uint128 id) external view returns (address) {
        return synths[id].token;
    }

    function getMarketSkewScale(uint128 id) external view returns (uint256) {
        return synths[id].skewScale;
    }

    function indexPrice(uint128 id, uint128, uint8) external view returns (uint256) {
        return synths[id].price;
    }
}

/// @notice Stands in for the distributor that hands seized synths to the pool's delegators: it keeps them.
contract StandInSynthetixV3Distributor {
    address public immutable token;
    uint128 public constant poolId = 1;

    constructor(address token_) {
        token = token_;
    }

    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == 0x01ffc9a7 || interfaceId == type(IRewardDistributor).interfaceId;
    }

    function distributeRewards(uint128, address, uint256, uint64, uint32) external {}
}
