"""A figure could not be read: what contracts and sources answered, or what is made of it, can't be used."""

from __future__ import annotations

from aggregator.model.errors.root import CrossmarginError


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
    """What a protocol says of an account, now or after a change, can't be told; its positions are counted."""

    code = "native_unknown"

    def __init__(self, account: str, why: str) -> None:
        super().__init__(account, why)
        self.account, self.why = account, why

    @staticmethod
    def raised(account: str, error: Exception) -> NativeUnknown:
        """Because its rule, or the family of that, raised an error of whatever kind."""
        why = str(error) if isinstance(error, ReadError) else f"{type(error).__name__}: {error}"
        return NativeUnknown(account, why)

    def __str__(self) -> str:
        return f"the own health of {self.account} is unknown: {self.why}"


class NotRecorded(ReadError):
    """A replay was asked for a reply that the recording does not hold."""

    code = "not_recorded"

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"the recording holds no reply for {self.what}: record again with this version"
