"""What can go wrong in the kit, as one small tree.

DevnetError
    DevnetUnavailable      the machine lacks something that has to be installed
    NodeError              the node did not start, or answered a request with an error
    TransactionReverted    a transaction or call was reverted by a contract
"""

from __future__ import annotations


class DevnetError(Exception):
    """Base of every error that the kit raises on purpose."""


class DevnetUnavailable(DevnetError):
    """The machine lacks something; the message says in one sentence what to install."""


class NodeError(DevnetError):
    """The node did not start or refused a request.

    `code` is the JSON-RPC error code, 0 when there was none; `data` is the revert data, if any.
    """

    def __init__(self, message: str, *, code: int = 0, data: bytes = b"") -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class TransactionReverted(DevnetError):
    """A contract reverted.

    `reason` is the decoded reason: the text of `Error(string)`, `Panic(0x..)`, the name and
    arguments of a custom error, or the raw data in hex; "" if the contract gave none.
    """

    def __init__(self, what: str, reason: str, data: bytes) -> None:
        super().__init__(f"{what} reverted: {reason or 'no reason given'}")
        self.what = what
        self.reason = reason
        self.data = data
