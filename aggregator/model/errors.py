"""Every failure as a class that carries its data; the message says what to do next.

CrossmarginError
├── UsageError                    what was asked can't be done as asked
│   ├── InvalidAddress
│   ├── UnresolvedName            a name without an address
│   ├── BadConfiguration
│   └── QueryError
├── ReadError                     a figure could not be read; the others still stand
│   ├── CallReverted              the contract refused
│   ├── NoContract                nothing answers at that address
│   ├── MalformedReply            bytes that the signature does not describe
│   │   └── GarbledReply          an endpoint's, in which no contract's answer can be told from another's
│   ├── UnusablePrice             an oracle answered zero or less
│   ├── Unpriced                  nobody quotes an asset that is held
│   ├── Unsupported               a version or a feature that the adapter does not know
│   │   ├── MissingMulticall
│   │   ├── NoSubgraph
│   │   └── NoVenue
│   ├── NotRecorded               a replay lacks the reply
│   ├── PastReadError             a failure that a snapshot keeps
│   ├── NativeUnknown             what a protocol would say after a change can't be told
│   ├── AdapterFault              an adapter broke: a defect of ours, not of the chain
│   └── TransportError            no endpoint answered
│       ├── ProviderUnavailable
│       │   ├── WrongChain
│       │   └── BlockUnavailable  pruned, reorganised away, or not there yet
│       │       └── Reorganised   while it was read
│       ├── Disagreement          two sources answer differently
│       ├── StaleSource           a subgraph is too far behind
│       ├── SubgraphRefused       a subgraph answers errors, maybe beside data
│       ├── VenueRefused          a venue answers that it won't
│       ├── RateLimited
│       └── AuthenticationFailed
├── RecordingError                a recording can't be used
├── ExchangeError                 an export can't be written or imported
└── StoreError
    └── StoreLocked
"""

from __future__ import annotations


class CrossmarginError(Exception):
    """The root of every failure that this package raises on purpose; `code` names its kind in JSON."""

    code = "error"


class UsageError(CrossmarginError):
    """What was asked can't be done as asked."""

    code = "usage"


class InvalidAddress(UsageError):
    """A text that is no account address."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(text, why)
        self.text, self.why = text, why

    def __str__(self) -> str:
        return f"{self.text!r} is not a wallet address: {self.why}. Give the 0x address of an account."


class UnresolvedName(UsageError):
    """A name for which no address can be found; `why` says what to do instead."""

    code = "unresolved_name"

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, why)
        self.name, self.why = name, why

    def __str__(self) -> str:
        return f"the name {self.name!r} can't be resolved: {self.why}"


class BadConfiguration(UsageError):
    """A setting that can't be used; `where` names the file, variable or option."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(where, why)
        self.where, self.why = where, why

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


class QueryError(UsageError):
    """A query that does not exist, is refused, or can't be answered as asked; `what` names it."""

    code = "query"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what, why)
        self.what, self.why = what, why

    def __str__(self) -> str:
        return f"query {self.what}: {self.why}"


class ReadError(CrossmarginError):
    """A figure could not be read; the rest of the result still stands but is incomplete."""

    code = "read_error"


class CallReverted(ReadError):
    """A contract call reverted; `reason` is its decoded message or raw data in hex."""

    code = "reverted"

    def __init__(self, origin: str, reason: str) -> None:
        super().__init__(origin, reason)
        self.origin, self.reason = origin, reason

    def __str__(self) -> str:
        return f"{self.origin} reverted: {self.reason or 'no reason given'}"


class NoContract(ReadError):
    """A call answered with no data although its signature promises some: nothing lives at the address."""

    code = "no_contract"

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.origin = origin

    def __str__(self) -> str:
        return f"{self.origin} answered nothing: no contract at that address on this chain at this block?"


class MalformedReply(ReadError):
    """Bytes or JSON that do not decode as what was asked for."""

    code = "malformed_reply"

    def __init__(self, origin: str, why: str) -> None:
        super().__init__(origin, why)
        self.origin, self.why = origin, why

    def __str__(self) -> str:
        return f"{self.origin} answered what can't be decoded: {self.why}"


class GarbledReply(MalformedReply):
    """A reply of an endpoint that holds no contract's answer: nothing follows for the contracts."""


class UnusablePrice(ReadError):
    """An oracle answered a price that values nothing: zero, negative, or flagged invalid."""

    code = "unusable_price"

    def __init__(self, asset: str, origin: str, price: int) -> None:
        super().__init__(asset, origin, price)
        self.asset, self.origin, self.price = asset, origin, price

    def __str__(self) -> str:
        return f"the price of {self.asset} from {self.origin} is {self.price}: the account can't be valued"


class Unpriced(ReadError):
    """An asset that is held but that no source read here quotes."""

    code = "unpriced"

    def __init__(self, asset: str, account: str) -> None:
        super().__init__(asset, account)
        self.asset, self.account = asset, account

    def __str__(self) -> str:
        return (
            f"nothing quotes {self.asset} of {self.account}: give it a `feed` in the configuration's tokens"
        )


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


class PastReadError(ReadError):
    """A failure that a snapshot keeps: its code and the message that was shown."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message

    def __str__(self) -> str:
        return self.message


class AdapterFault(ReadError):
    """An adapter raised something that is not a ReadError: a defect; the cause is chained."""

    code = "adapter_fault"

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"the adapter failed on what it read ({self.what}): please report it with a recording"


class NativeUnknown(ReadError):
    """What a protocol would say of an account after a change can't be told; its positions are counted."""

    code = "native_unknown"

    def __init__(self, account: str, why: str) -> None:
        super().__init__(account, why)
        self.account, self.why = account, why

    def __str__(self) -> str:
        return f"the own health of {self.account} after that is unknown: {self.why}"


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


class RecordingError(CrossmarginError):
    """A recording that can't be read; `path` names it."""

    code = "recording"

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path, self.why = path, why

    def __str__(self) -> str:
        return f"recording {self.path}: {self.why}"


class ExchangeError(CrossmarginError):
    """An export that can't be written or imported; `path` names its folder."""

    code = "exchange"

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path, self.why = path, why

    def __str__(self) -> str:
        return f"export {self.path}: {self.why}"


class NotRecorded(ReadError):
    """A replay was asked for a reply that the recording does not hold."""

    code = "not_recorded"

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"the recording holds no reply for {self.what}: record again with this version"


UNANSWERED = (TransportError, GarbledReply, NotRecorded)
"""What says nothing of the contract that was asked: unlike a revert, no answer."""


class StoreError(CrossmarginError):
    """The database can't be used."""

    code = "database"

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path, self.why = path, why

    def __str__(self) -> str:
        return f"database {self.path}: {self.why}"


class StoreLocked(StoreError):
    """Another process holds the database file."""

    code = "database_locked"
