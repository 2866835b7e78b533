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
│   ├── NativeUnknown             what a protocol says, or would after a change, can't be told
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

from aggregator.model.errors.files import ExchangeError, RecordingError, StoreError, StoreLocked
from aggregator.model.errors.reads import (
    AdapterFault,
    CallReverted,
    GarbledReply,
    MalformedReply,
    NativeUnknown,
    NoContract,
    NotRecorded,
    PastReadError,
    ReadError,
    Unpriced,
    UnusablePrice,
)
from aggregator.model.errors.root import CrossmarginError
from aggregator.model.errors.transport import (
    UNANSWERED,
    AuthenticationFailed,
    BlockUnavailable,
    Disagreement,
    ProviderUnavailable,
    RateLimited,
    Reorganised,
    StaleSource,
    SubgraphRefused,
    TransportError,
    VenueRefused,
    WrongChain,
)
from aggregator.model.errors.unsupported import MissingMulticall, NoSubgraph, NoVenue, Unsupported
from aggregator.model.errors.usage import (
    BadConfiguration,
    InvalidAddress,
    QueryError,
    UnresolvedName,
    UsageError,
)

__all__ = [
    "UNANSWERED",
    "AdapterFault",
    "AuthenticationFailed",
    "BadConfiguration",
    "BlockUnavailable",
    "CallReverted",
    "CrossmarginError",
    "Disagreement",
    "ExchangeError",
    "GarbledReply",
    "InvalidAddress",
    "MalformedReply",
    "MissingMulticall",
    "NativeUnknown",
    "NoContract",
    "NoSubgraph",
    "NoVenue",
    "NotRecorded",
    "PastReadError",
    "ProviderUnavailable",
    "QueryError",
    "RateLimited",
    "ReadError",
    "RecordingError",
    "Reorganised",
    "StaleSource",
    "StoreError",
    "StoreLocked",
    "SubgraphRefused",
    "TransportError",
    "Unpriced",
    "UnresolvedName",
    "Unsupported",
    "UnusablePrice",
    "UsageError",
    "VenueRefused",
    "WrongChain",
]
