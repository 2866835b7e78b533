"""A flash bundle's executor on the local chain, and a stand-in for an exchange, deployed by a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aggregator.contract import Function, approval
from aggregator.model.assets import AssetId, token_id
from aggregator.model.calls import UnsignedCall
from aggregator.model.units import Address, ChainId, parse_address
from tests.devnet.artifacts import compiled

if TYPE_CHECKING:
    from tests.devnet.chain import Contract
    from tests.devnet.world import World

SWAP: Function[int] = Function("swap(address,address,uint256,uint256)(uint256)")
CHAIN = ChainId(31337)


def executor_of(world: World, owner: str) -> Contract:
    """The executor of an owner, who alone may run it."""
    return world.chain.deploy(compiled("flash")["FlashExecutor"], owner)


class StandInExchange:
    """Sells any mintable token for any other at a rate that is set."""

    def __init__(self, world: World) -> None:
        self.contract = world.chain.deploy(compiled("flash")["StandInExchange"])
        self.address: Address = parse_address(self.contract.address)

    def set_rate(self, sold: str, bought: str, per_1e18: int) -> None:
        """Smallest units of `bought` for 1e18 of `sold`, both tokens' addresses."""
        self.contract.send("setRate", sold, bought, per_1e18)

    def calls(self, sold: str, bought: str, raw: int, least: int) -> tuple[UnsignedCall, ...]:
        """The approval and the swap."""
        swap = SWAP.at(self.address, parse_address(sold), parse_address(bought), raw, least)
        asset: AssetId = token_id(CHAIN, parse_address(sold))
        call = UnsignedCall(self.address, swap.data, 0, f"Sell {raw} of {sold} for {bought}")
        return approval(asset, self.address, raw), call
