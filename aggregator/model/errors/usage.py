"""What was asked can't be done as asked."""

from __future__ import annotations

from aggregator.model.errors.root import CrossmarginError


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
