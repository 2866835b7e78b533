"""What a stranger can do on Morpho: a market of a token of its own, and a position there for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.devnet.artifacts import compiled

if TYPE_CHECKING:
    from tests.devnet.chain import Contract
    from tests.devnet.world import World

ENDLESS = bytes.fromhex("5b600056")  # a loop until the gas is spent


def hostile_market(world: World, stranger: str, victim: str, *, lent: bool = False) -> tuple[Contract, bytes]:
    """The token, sound as yet, and the market's id; the victim has posted some of it, or lent it."""
    morpho = world.morpho_blue
    token = world.chain.deploy(compiled("devnet")["MintableToken"], "Gift", "GIFT", 18)
    usdc = world.tokens["USDC"].address
    loan, collateral = (token.address, usdc) if lent else (usdc, token.address)
    _, _, oracle, irm, lltv = morpho.params("WETH/USDC")
    params = (loan, collateral, oracle, irm, lltv)
    morpho.morpho.send("createMarket", params, sender=stranger)
    token.send("mint", stranger, 10**18, sender=stranger)
    token.send("approve", morpho.morpho.address, 10**18, sender=stranger)
    if lent:
        morpho.morpho.send("supply", params, 10**18, 0, victim, b"", sender=stranger)
    else:
        morpho.morpho.send("supplyCollateral", params, 10**18, victim, b"", sender=stranger)
    return token, keccak(encode(["(address,address,address,address,uint256)"], [params]))


def broken_code(world: World, how: str) -> bytes:
    """Code of a contract that reverts, is missing, answers nonsense or spends all gas."""
    if how == "reverting":
        return world.node.code(world.chain.deploy(compiled("devnet")["AlwaysReverts"]).address)
    nonsense = bytes.fromhex("7f" + "ff" * 32 + "5f5260205ff3")
    return {"missing": b"", "endless": ENDLESS, "nonsense": nonsense}[how]
