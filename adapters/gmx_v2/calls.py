"""Functions of GMX V2's contracts as they are asked, and the structs that they answer with.

Source of signatures: github gmx-io/gmx-synthetics (Reader.sol, DataStore.sol, IOracleProvider.sol).
"""

from __future__ import annotations

from typing import NamedTuple

from aggregator.contract import Function
from aggregator.model.units import Address

_MARKET = "(address,address,address,address)"
_PRICES = "((uint256,uint256),(uint256,uint256),(uint256,uint256))"


class RawMarket(NamedTuple):
    """A market's own token and the three tokens that it is about; no index where it only swaps."""

    token: Address
    index_token: Address
    long_token: Address
    short_token: Address


class RawPosition(NamedTuple):
    """A position of 14 words, the same in every Reader from version 2.2 on."""

    account: Address
    market: Address
    collateral: Address
    size_usd: int
    size_tokens: int
    collateral_amount: int
    pending_impact: int
    borrowing_factor: int
    funding: int
    claim_long: int
    claim_short: int
    increased_at: int
    decreased_at: int
    is_long: bool


class OraclePrice(NamedTuple):
    """A token's pair in USD with 30 decimals less the token's."""

    token: Address
    low: int
    high: int
    timestamp: int
    provider: Address


class Info(NamedTuple):
    """What the Reader says of closing a position whole, with pending fees; named is what is used."""

    key: bytes
    referral_discount: int
    pro_discount: int
    funding_amount: int
    borrowing_usd: int
    total_cost: int
    impact_usd: int
    improved: bool
    pnl_usd: int


class Test(NamedTuple):
    """The Reader's own test, whose borrowing and funding are those last settled."""

    liquidatable: bool
    reason: str
    remaining: int
    min_collateral: int
    min_for_leverage: int


_INFO_WORDS = 66
_INFO_USED = {
    0: "bytes32",
    21: "uint256",
    26: "uint256",
    28: "uint256",
    34: "uint256",
    55: "uint256",
    57: "int256",
    59: "bool",
    63: "int256",
}


def _info(*words: object) -> Info:
    return Info(*(words[place] for place in _INFO_USED))  # type: ignore[arg-type]  # as _INFO_USED types them


def _info_function(words: int) -> Function[Info]:
    outputs = ",".join(_INFO_USED.get(place, "bytes32") for place in range(words))
    inputs = f"address,address,bytes32,{_PRICES},uint256,address,bool"
    return Function(f"getPositionInfo({inputs})({outputs})", into=_info)


def _test(liquidatable: bool, reason: str, info: tuple[int, int, int]) -> Test:
    return Test(liquidatable, reason, *info)


POSITIONS: Function[tuple[RawPosition, ...]] = Function(
    "getAccountPositions(address,address,uint256,uint256)((address,address,address,uint256,uint256,uint256,"
    "int256,uint256,uint256,uint256,uint256,uint256,uint256,bool)[])",
    into=lambda rows: tuple(RawPosition(*row) for row in rows),
)
MARKETS: Function[tuple[RawMarket, ...]] = Function(
    f"getMarkets(address,uint256,uint256)({_MARKET}[])",
    into=lambda rows: tuple(RawMarket(*row) for row in rows),
)
# A newer Reader appends a word.
INFO: tuple[Function[Info], ...] = (_info_function(_INFO_WORDS), _info_function(_INFO_WORDS + 1))
TEST: Function[Test] = Function(
    f"isPositionLiquidatable(address,address,bytes32,{_MARKET},{_PRICES},bool,bool)"
    "(bool,string,(int256,int256,int256))",
    into=_test,
)
PRICE: Function[OraclePrice] = Function(
    "getOraclePrice(address,bytes)((address,uint256,uint256,uint256,address))",
    into=lambda row: OraclePrice(*row),
)

UINT: Function[int] = Function("getUint(bytes32)(uint256)")
INT: Function[int] = Function("getInt(bytes32)(int256)")
FLAG: Function[bool] = Function("getBool(bytes32)(bool)")
ADDRESS: Function[Address] = Function("getAddress(bytes32)(address)")
WORD: Function[bytes] = Function("getBytes32(bytes32)(bytes32)")
COUNT: Function[int] = Function("getBytes32Count(bytes32)(uint256)")
KEYS: Function[tuple[bytes, ...]] = Function("getBytes32ValuesAt(bytes32,uint256,uint256)(bytes32[])")
ADDRESSES: Function[tuple[Address, ...]] = Function("getAddressValuesAt(bytes32,uint256,uint256)(address[])")

SYMBOL: Function[str] = Function("symbol()(string)")
DECIMALS: Function[int] = Function("decimals()(uint8)")
SUPPLY: Function[int] = Function("totalSupply()(uint256)")
BALANCE: Function[int] = Function("balanceOf(address)(uint256)")
# Of a vault (GLV): what it counts of a pool, whatever else was sent to it.
VAULT_BALANCE: Function[int] = Function("tokenBalances(address)(uint256)")
ANSWER: Function[tuple[int, int, int, int, int]] = Function(
    "latestRoundData()(uint80,int256,uint256,uint256,uint80)"
)
