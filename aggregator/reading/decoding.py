"""Replies as reads are sent them: decoded, or the error that decoding gave."""

from __future__ import annotations

from typing import Any

from aggregator.abi.columns import Column
from aggregator.model.errors import AdapterFault, MalformedReply, ReadError
from aggregator.reading.source import Asked, Raw


def decoded(request: Asked, raw: Raw) -> Any:
    """The typed reply; failures, of the reply or of decoding it, are values."""
    if isinstance(raw, (ReadError, Column)):
        return raw
    try:
        return request.decode(raw)
    except ReadError as error:
        return error
    except ValueError as error:  # an `into` that refuses what was decoded
        return MalformedReply(request.origin, str(error))
    except Exception as error:  # noqa: BLE001  # an `into` that is broken must not take other reads along
        fault = AdapterFault(f"{request.origin}: {type(error).__name__}: {error}")
        fault.__cause__ = error
        return fault
