"""Stand-ins of two public price APIs on this machine, by what their documentation says they answer.

`CoinGecko` is `/coins/{id}/market_chart/range`: milliseconds and JSON numbers, a price at 00:00 UTC of each
day with `interval=daily`, else every hour some seconds late (docs.coingecko.com). `Binance` is
`/api/v3/klines`: a list of candles of text, by open time, at most `limit` from `startTime` on, the candle of
the day that goes on among them; an unknown symbol is HTTP 400 with a code (developers.binance.com).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from aggregator.pricing.returns import DAY_S
from tests.reading.servers import Reply

PRICES: TypeAlias = dict[int, str]
"""Of days, at their ends, as the API writes them."""

COINGECKO: dict[str, Any] = {
    "underlying": "SOL",
    "chain": 31337,
    "venue": "gecko",
    "path": "/coins/solana/market_chart/range",
    "query": {"vs_currency": "usd", "from": "{from_s}", "to": "{to_s}", "interval": "daily"},
    "rows": "prices",
    "time": 0,
    "price": 1,
    "time_unit": "ms",
    "time_of": "price",
}
BINANCE: dict[str, Any] = {
    "underlying": "ARB",
    "chain": 31337,
    "venue": "exchange",
    "path": "/api/v3/klines",
    "query": {
        "symbol": "ARBUSDT",
        "interval": "1d",
        "startTime": "{from_ms}",
        "endTime": "{to_ms}",
        "limit": 1000,
    },
    "time": 0,
    "price": 4,
    "time_unit": "ms",
    "time_of": "open",
    "quote": "USDT",
}


@dataclass
class StandInPriceApis:
    """Both on one server: `answer` is that of tests.reading.servers; `change` may answer something else."""

    coins: dict[str, PRICES]
    symbols: dict[str, PRICES]
    key: str = ""
    change: Callable[[str], Reply | None] = lambda _: None
    asked: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, path: str) -> Reply:
        """The reply to a GET."""
        url = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(url.query, strict_parsing=True).items()}
        self.asked.append({"path": url.path} | query)
        if (other := self.change(path)) is not None:
            return other
        if url.path.endswith("/klines"):
            return self._klines(query)
        if self.key and query.pop("x_cg_demo_api_key", "") != self.key:
            return Reply(401, b'{"status": {"error_code": 10002, "error_message": "API Key Missing"}}')
        prices = self.coins.get(url.path.split("/")[-3])
        if prices is None:
            return Reply(404, b'{"error": "coin not found"}')
        begin, end, daily = int(query["from"]), int(query["to"]), query.get("interval") == "daily"
        rows = []
        for day, price in sorted(prices.items()):
            ends = (day + 1) * DAY_S
            # Hourly ones drift to that of the day's end, and are some seconds late.
            moments = [ends] if daily else [ends - 3_600 * hour - 3_559 for hour in range(23, -1, -1)]
            rows += [f"[{moment}000, {price}]" for moment in moments if begin <= moment <= end]
        caps = "[]"
        return Reply(body=f'{{"prices": [{",".join(rows)}], "market_caps": {caps}}}'.encode())

    def _klines(self, query: dict[str, str]) -> Reply:
        prices = self.symbols.get(query["symbol"])
        if prices is None:
            return Reply(400, b'{"code": -1121, "msg": "Invalid symbol."}')
        begin, end = int(query["startTime"]), int(query["endTime"])
        rows = []
        for day, price in sorted(prices.items()):
            opens = day * DAY_S * 1_000
            if begin <= opens <= end:
                closes = opens + DAY_S * 1_000 - 1
                rows.append([opens, "1", "9", "1", price, "148976.1", closes, "2434.1", 308, "1", "2", "0"])
        return Reply(body=json.dumps(rows[: int(query.get("limit", 500))]).encode())
