"""No endpoint, subgraph or venue gave an answer, or none that can be trusted."""

from __future__ import annotations

from aggregator.model.errors.reads import GarbledReply, NotRecorded, ReadError


class TransportError(ReadError):
    """No endpoint of the chain gave an answer."""

    code = "transport"

    def __init__(self, endpoint: str, why: str) -> None:
        super().__init__(endpoint, why)
        self.endpoint, self.why = endpoint, why

    def __str__(self) -> str:
        return f"endpoint {self.endpoint}: {self.why}"


class ProviderUnavailable(TransportError):
    """Unreachable, timed out, or answering errors after retries."""

    code = "provider_unavailable"


class WrongChain(ProviderUnavailable):
    """The endpoint serves another chain than the one it is configured for."""

    code = "wrong_chain"

    def __init__(self, endpoint: str, expected: int, answered: int) -> None:
        self.expected, self.answered = expected, answered
        why = f"serves chain {answered}, not {expected}: correct its entry in the configuration"
        super().__init__(endpoint, why)

    def __reduce__(self) -> tuple[type[WrongChain], tuple[str, int, int]]:
        return type(self), (self.endpoint, self.expected, self.answered)


class BlockUnavailable(ProviderUnavailable):
    """The pinned block is pruned, reorganised away, or not there yet."""

    code = "block_unavailable"


class Reorganised(BlockUnavailable):
    """The pinned block was replaced while it was read: what was read before it must be read again."""

    code = "reorganised"


class Disagreement(TransportError):
    """Two sources answer differently about the same block; neither can be trusted over the other."""

    code = "disagreement"


class StaleSource(TransportError):
    """A subgraph has not indexed the block, and is further behind than it may be."""

    code = "stale_source"

    def __init__(self, endpoint: str, head: int, pinned: int, most: int) -> None:
        self.head, self.pinned, self.most = head, pinned, most
        why = (
            f"has indexed blocks up to {head} only, {pinned - head} before block {pinned}, of at most {most} "
            "(`max_lag_blocks`): wait, read an earlier block, or do without it"
        )
        super().__init__(endpoint, why)

    def __reduce__(self) -> tuple[type[StaleSource], tuple[str, int, int, int]]:
        return type(self), (self.endpoint, self.head, self.pinned, self.most)


class SubgraphRefused(TransportError):
    """A subgraph answers errors; data beside them is not used, because it may lack a part."""

    code = "subgraph_refused"


class VenueRefused(TransportError):
    """A venue answers an error of its own instead of what it was asked for."""

    code = "venue_refused"


class RateLimited(TransportError):
    """The endpoint refuses for now (HTTP 429)."""

    code = "rate_limited"


class AuthenticationFailed(TransportError):
    """The endpoint refuses the key (HTTP 401 or 403)."""

    code = "authentication"


UNANSWERED = (TransportError, GarbledReply, NotRecorded)
"""What says nothing of the contract that was asked: unlike a revert, no answer."""
