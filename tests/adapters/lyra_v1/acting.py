"""An owner's calls on the option market of the local chain, at the very state that was read.

Multicall3 owns the shorts and makes the calls, at a price of choice and the time of the latest block; nothing
of it stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.lyra_v1.adjusting import AdjustableShortRule
from aggregator.model.calls import Hands
from aggregator.model.units import parse_address
from tests.adapters.lyra_v1.deployed import read
from tests.devnet import multicall3
from tests.devnet.chain import MAX_UINT256, bytes32
from tests.devnet.lyra_deploy import units
from tests.devnet.multicall3 import MULTICALL3

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aggregator.model.actions import Applied, Traded
    from aggregator.model.calls import UnsignedCall
    from tests.devnet.abi import AbiValue
    from tests.devnet.chain import Contract
    from tests.devnet.world import World

WAD = 10**18
HANDS = Hands(parse_address(MULTICALL3), parse_address(MULTICALL3))


@dataclass(frozen=True)
class Done:
    """What calls did: why the last one was refused, and what there is afterwards; 18 decimals.

    `quote` and `base` are what the owner has gained. `least` is the minimum collateral.
    """

    refused: str | None
    quote: int
    base: int
    amount: int
    collateral: int
    iv: int
    skew: int
    net_std_vega: int
    net_value: int
    least: int


def shorts_of_multicall3(world: World, user: str) -> list[AdjustableShortRule]:
    """The rules of a user's shorts, given to Multicall3, which may also set prices in a simulation."""
    lyra = world.lyra_v1
    for position in lyra.positions(user):
        lyra.token.send("transferFrom", user, MULTICALL3, position.id, sender=user)
    for token in (lyra.quote, lyra.base):
        token.send("mint", MULTICALL3, units(1_000_000))
    lyra.rates.send("nominateNewOwner", MULTICALL3)
    rules = [account.rule for account in read(world, MULTICALL3).accounts]
    return [rule for rule in rules if isinstance(rule, AdjustableShortRule)]


def at_price(rule: AdjustableShortRule, price: int) -> AdjustableShortRule:
    """The rule as if its market had this price."""
    return replace(rule, spot=replace(rule.spot, price=price))


def do(world: World, rule: AdjustableShortRule, calls: Sequence[tuple[str, bytes]]) -> Done:
    """Make calls (to, data) as the owner of a short, at its rule's price."""
    lyra, short, price = world.lyra_v1, rule.adjusting.short, rule.spot.price
    looks: list[tuple[Contract, str, tuple[AbiValue, ...]]] = [
        (lyra.quote, "balanceOf", (MULTICALL3,)),
        (lyra.base, "balanceOf", (MULTICALL3,)),
        (lyra.token, "getOptionPosition", (short.position_id,)),
        (lyra.market, "getStrikeAndBoard", (short.strike_id,)),
        (lyra.greek_cache, "getGlobalCache", ()),
        (lyra.pool, "getLiquidity", (price,)),
    ]
    seen = [(contract.address, True, contract.encode(name, *args)) for contract, name, args in looks]
    rate = lyra.rates.encode("setRateAndInvalid", bytes32("sETH"), price, False)  # noqa: FBT003
    made = [(to, True, data) for to, data in calls]
    setting = [
        (lyra.rates.address, True, lyra.rates.encode("acceptOwnership")),
        (lyra.rates.address, True, rate),
    ]
    found = multicall3.attach(world.chain).call("aggregate3", [*setting, *seen, *made, *seen])
    assert all(reply["success"] for reply in found[:4])
    first, last = len(setting), len(setting) + len(seen) + len(made)

    def told(start: int, index: int) -> AbiValue:
        contract, name, args = looks[index]
        reply = found[start + index]
        return contract.abi.decode_result(name, len(args), reply["returnData"]) if reply["success"] else None

    failed = [reply for reply in found[last - len(made) : last] if not reply["success"]]
    position, (strike, board), cache, liquidity = (told(last, index) for index in range(2, 6))
    amount = position["amount"] if position["state"] == 1 else 0
    series = (int(short.kind), rule.strike, rule.expiry, price, amount)
    return Done(
        refused=world.chain.errors.reason(failed[0]["returnData"]) or "no reason" if failed else None,
        quote=told(last, 0) - told(first, 0),
        base=told(last, 1) - told(first, 1),
        amount=amount,
        collateral=position["collateral"],
        iv=board["iv"],
        skew=strike["skew"],
        net_std_vega=cache["netGreeks"]["netStdVega"],
        net_value=liquidity["NAV"] if liquidity else 0,
        least=lyra.greek_cache.call("getMinCollateral", *series),
    )


def sent(calls: Sequence[UnsignedCall]) -> list[tuple[str, bytes]]:
    """Unsigned calls as `do` takes them."""
    assert all(call.value == 0 and call.later is None for call in calls)
    return [(call.to, call.data) for call in calls]


def ordered(
    world: World, rule: AdjustableShortRule, function: str, amount: int, collateral: int
) -> list[tuple[str, bytes]]:
    """A market order at any cost, with all that it may take allowed."""
    lyra, short = world.lyra_v1, rule.adjusting.short
    approve = [
        (token.address, token.encode("approve", lyra.market.address, MAX_UINT256))
        for token in (lyra.quote, lyra.base)
    ]
    order = {
        "strikeId": short.strike_id,
        "positionId": short.position_id,
        "iterations": 1,
        "optionType": int(short.kind),
        "amount": amount,
        "setCollateralTo": collateral,
        "minTotalCost": 0,
        "maxTotalCost": MAX_UINT256,
    }
    return [*approve, (lyra.market.address, lyra.market.encode(function, order))]


def gained(outcome: Applied | Traded, asset: str) -> int:
    """What the owner's wallet gains of an asset."""
    moved = ((outcome.received, 1), (outcome.paid, -1))
    return sum(sign * one.raw for one, sign in moved if one is not None and one.asset == asset)
