"""The reader contract: its bytecode, and how an eth_call places it.

It stands at Multicall3's own address for the length of one eth_call, so that the contracts which it asks see
the same sender on either path: some feeds answer only senders that they know. Its source is
`contract/reader.yul`; `contract/reader.json` holds the bytecode, the compiler and its settings.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

import orjson

from aggregator.model.errors import BadConfiguration
from aggregator.model.units import Address

TAG: Final = bytes.fromhex("4650bd2e9fb4807e09f7a5b8d8210cc7278cbfcc815bf2eea941eefa8626dc1f")
"""keccak256("crossmargin.reader.1"): its first four bytes begin the calldata, all of them begin the reply."""

NOT_ASKED: Final = 0
"""Status of a cell for which less gas was left than a cell gets."""
ANSWERED: Final = 1
"""Status of a cell whose reply has exactly the promised size."""
FAILED: Final = 2
"""Status of a cell that reverted, or took more gas than a cell gets."""
MISSIZED: Final = 3
"""Status of a cell whose reply has another size."""
NO_CODE: Final = 4
"""Status of a cell without a reply at an address without code."""


@cache
def bytecode() -> str:
    """The runtime code as 0x hex."""
    document = orjson.loads(files(__package__).joinpath("contract", "reader.json").read_bytes())
    code = document["bytecode"]
    if not isinstance(code, str):
        raise BadConfiguration("reader.json", "holds no bytecode: install crossmargin again")
    return code


def override(address: Address) -> dict[str, dict[str, str]]:
    """The state override of eth_call, its third parameter, that places the reader at an address."""
    return {address: {"code": bytecode()}}
