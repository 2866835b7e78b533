"""What an adapter is written against: requests, how to ask for them, Adapter and RuleFamily.

Beside them Exchange, where swaps are made; Owners, who find a wallet's other addresses; and SecondSource,
which contracts are compared with.

An adapter yields requests and receives decoded replies; it never performs I/O. A read of several stages is
several `yield from`; the engine merges the stages of all reads of all wallets into common rounds.
"""

from aggregator.abi.columns import Column
from aggregator.abi.events import Event
from aggregator.abi.function import Call, Calls, Function
from aggregator.abi.graph import Indexed, Query, Subgraph
from aggregator.abi.http import Http, Observed
from aggregator.abi.json_rows import Row
from aggregator.abi.logs import Log, Logs
from aggregator.contract.adapters import Adapter, AdapterFactory, OpeningAdapter
from aggregator.contract.approvals import approval, token_address, with_margin
from aggregator.contract.bundles import bundle_call, bundle_note
from aggregator.contract.deployments import Deployment, Deployments
from aggregator.contract.exchanges import Exchange, ExchangeFactory
from aggregator.contract.families import Columns, RuleFamily, Shocked
from aggregator.contract.owners import Owned, Owners, OwnersFactory
from aggregator.contract.reads import Read, Request, ask, attempt, both, join, optional, symbol_of
from aggregator.contract.second_sources import SecondSource, SecondSourceFactory

__all__ = [
    "Adapter",
    "AdapterFactory",
    "Call",
    "Calls",
    "Column",
    "Columns",
    "Deployment",
    "Deployments",
    "Event",
    "Exchange",
    "ExchangeFactory",
    "Function",
    "Http",
    "Indexed",
    "Log",
    "Logs",
    "Observed",
    "OpeningAdapter",
    "Owned",
    "Owners",
    "OwnersFactory",
    "Query",
    "Read",
    "Request",
    "Row",
    "RuleFamily",
    "SecondSource",
    "SecondSourceFactory",
    "Shocked",
    "Subgraph",
    "approval",
    "ask",
    "attempt",
    "both",
    "bundle_call",
    "bundle_note",
    "join",
    "optional",
    "symbol_of",
    "token_address",
    "with_margin",
]
