"""What moves the price of a derivative's asset."""

from __future__ import annotations

from aggregator.model.assets import ListedToken, TokenList, token_id
from aggregator.model.units import Address, ChainId


class Underlyings:
    """By the configuration's tokens; an asset that is not listed there is known by its own symbol."""

    def __init__(self, tokens: tuple[ListedToken, ...]) -> None:
        self._tokens = TokenList(tokens)

    def of(self, chain: ChainId, token: Address, symbol: str) -> str:
        """Such as `ETH` for WETH."""
        identity = token_id(chain, token)
        found = self._tokens.classify(identity).underlying
        return symbol if found == identity else found
