"""What tokens are called and what moves them: by the configuration's table, else by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adapters.gmx_v1 import calls
from adapters.gmx_v1.margin import DECIMALS
from aggregator.contract import Read, attempt
from aggregator.model.assets import USD, Asset, AssetId, ListedToken, index_id, native_id, token_id
from aggregator.model.errors import ReadError
from aggregator.model.units import Address, ChainId

DOLLAR = Asset(index_id(USD), USD, DECIMALS)
"""The vault counts in dollars, and pays them in tokens at their price of the moment."""


class Names:
    """The configuration's tokens by their identity."""

    def __init__(self, tokens: Iterable[ListedToken]) -> None:
        self._listed = {token.asset.id: token for token in tokens}

    def unknown(self, chain: ChainId, tokens: Sequence[Address]) -> list[Address]:
        """The tokens whose symbols have to be asked for."""
        return [one for one in tokens if token_id(chain, one) not in self._listed]

    def index(self, chain: ChainId, token: Address) -> tuple[AssetId, str]:
        """The price that a position in a token follows, and its underlying's name.

        A token that no table knows is its own underlying: its symbol may be anybody's.
        """
        identity = token_id(chain, token)
        listed = self._listed.get(identity)
        if listed is None:
            return identity, str(identity)
        underlying = listed.classification.underlying
        return index_id(underlying), underlying

    def asset(self, chain: ChainId, token: Address, decimals: int, symbols: dict[Address, str]) -> Asset:
        """A token as an asset, with the vault's own decimals."""
        identity = token_id(chain, token)
        listed = self._listed.get(identity)
        return Asset(identity, listed.asset.symbol if listed else symbols.get(token, token), decimals)

    def native(self, chain: ChainId) -> Asset:
        """The chain's coin."""
        listed = self._listed.get(native_id(chain))
        return Asset(native_id(chain), listed.asset.symbol if listed else "native coin", 18)


def read_symbols(names: Names, chain: ChainId, tokens: Sequence[Address]) -> Read[dict[Address, str]]:
    """The symbols of unlisted tokens, in one round; one that tells none is called by its address."""
    unknown = names.unknown(chain, tokens)
    said = yield from attempt([calls.SYMBOL.at(one) for one in unknown])
    return {
        token: token if isinstance(one, ReadError) else one for token, one in zip(unknown, said, strict=True)
    }
