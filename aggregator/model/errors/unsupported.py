"""What this release does not know, or the configuration does not name."""

from __future__ import annotations

from aggregator.model.errors.reads import ReadError


class Unsupported(ReadError):
    """A version or feature that this release does not know."""

    code = "unsupported"

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what, advice)
        self.what, self.advice = what, advice

    def __str__(self) -> str:
        return f"{self.what} is not supported: {self.advice}"


class MissingMulticall(Unsupported):
    """The chain has no Multicall3 at its canonical address."""

    def __init__(self, chain: int, address: str) -> None:
        self.chain, self.address = chain, address
        super().__init__(
            f"chain {chain} without Multicall3 at {address}",
            "configure `multicall3` for this chain, or read another chain",
        )

    def __reduce__(self) -> tuple[type[MissingMulticall], tuple[int, str]]:
        return type(self), (self.chain, self.address)


class NoSubgraph(Unsupported):
    """A read needs a subgraph that the configuration does not name."""

    code = "no_subgraph"

    def __init__(self, chain: int, name: str) -> None:
        self.chain, self.name = chain, name
        super().__init__(
            f"chain {chain} without a subgraph {name!r}",
            "add one of this name or schema to `subgraphs` in the configuration",
        )

    def __reduce__(self) -> tuple[type[NoSubgraph], tuple[int, str]]:
        return type(self), (self.chain, self.name)


class NoVenue(Unsupported):
    """A read could ask a venue that the configuration does not name."""

    code = "no_venue"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"a read without the venue {name!r}", "add one of this name to `venues` in the configuration"
        )

    def __reduce__(self) -> tuple[type[NoVenue], tuple[str]]:
        return type(self), (self.name,)
