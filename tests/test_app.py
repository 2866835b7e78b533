"""The use cases on the local chain: common rounds, counted requests, faults that are never hidden."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import orjson
import pytest
import stamina

from aggregator import app, settings
from aggregator.model import errors
from aggregator.model.errors import BadConfiguration
from aggregator.model.units import parse_address
from aggregator.settings import Settings
from tests.devnet.world import PROTOCOLS, World

LOGS = 1  # one eth_getLogs a wallet: the local chain's Morpho Blue discovers its markets by logs

Tamper = Callable[[dict[str, Any], Any], Any]


@pytest.fixture(autouse=True)
def _quick_retries() -> Iterator[None]:
    """Retries happen, but nobody waits for them."""
    stamina.set_testing(True, attempts=2)
    yield
    stamina.set_testing(False)


def configured(world: World, url: str | None = None) -> Settings:
    """The settings of a world, optionally through another URL."""
    import tomllib  # noqa: PLC0415

    text = world.config().replace(world.node.url, url or world.node.url)
    return settings.build(tomllib.loads(text), "local")


def selection(*wallets: str, **more: Any) -> app.Selection:
    """A selection of wallets."""
    return app.Selection(tuple(parse_address(w) for w in wallets), **more)


@contextmanager
def proxy(target: str, tamper: Tamper) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A JSON-RPC proxy that may change each reply; yields its URL and the requests that it saw."""
    seen: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = orjson.loads(self.rfile.read(int(self.headers["content-length"])))
            calls = body if isinstance(body, list) else [body]
            seen.extend(calls)
            replies = []
            for call in calls:
                answer = httpx.post(target, json=call).json()
                replies.append(tamper(call, answer))
            content = orjson.dumps(replies if isinstance(body, list) else replies[0])
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_one_wallet_takes_the_pin_and_at_most_three_rounds(world: World) -> None:
    """The pin, a request a round, and one for logs: the markets of Morpho Blue are found there."""
    answer = app.read(selection(world.wallets["hedged"]), configured(world))
    [portfolio] = answer.portfolios
    assert {account.kind for account in portfolio.accounts} == {"wallet", "lending", "perp", "option"}
    assert portfolio.coverage.complete
    assert max(answer.rounds.values()) <= 3
    assert answer.requests == 1 + answer.rounds[portfolio.accounts[0].chain] + LOGS


def test_fifty_wallets_take_as_many_rounds_as_one(world: World) -> None:
    """Rounds are common to all wallets, and what they share is asked once."""
    wallets = [*world.wallets.values(), *(f"0x{i:040x}" for i in range(1, 46))]
    with proxy(world.node.url, lambda _, answer: answer) as (url, seen):
        one = app.read(selection(world.wallets["hedged"]), configured(world, url))
        calls_of_one = sum(call["method"] == "eth_call" for call in seen)
        many = app.read(selection(*wallets), configured(world))
    assert len(many.portfolios) == 50
    assert many.rounds == one.rounds
    assert calls_of_one == max(one.rounds.values())
    assert all(portfolio.coverage.complete for portfolio in many.portfolios)
    alone = {p.wallet: p for p in one.portfolios}
    together = {p.wallet: p for p in many.portfolios}
    hedged = parse_address(world.wallets["hedged"])
    assert together[hedged].accounts == alone[hedged].accounts


def test_an_empty_wallet_is_empty_and_complete(world: World) -> None:
    """No position is an answer, not a failure."""
    [portfolio] = app.read(selection(world.wallets["empty"]), configured(world)).portfolios
    assert portfolio.accounts == ()
    assert portfolio.coverage.complete
    assert portfolio.coverage.expected == len(PROTOCOLS) + 1  # and the wallet itself


def test_a_node_killed_mid_read_fails_every_read() -> None:
    """After the first round the node is gone: nothing is shown as complete, the error names the endpoint."""
    with World.start() as own:
        rounds = 0

        def kill_after_pin(call: dict[str, Any], answer: Any) -> Any:
            nonlocal rounds
            if call["method"] == "eth_call":
                rounds += 1
                if rounds == 2:
                    own.node.kill()
            return answer

        with proxy(own.node.url, kill_after_pin) as (url, _):
            [portfolio] = app.read(selection(own.wallets["hedged"]), configured(own, url)).portfolios
    assert not portfolio.coverage.complete
    assert portfolio.failures
    assert {type(failure.error) for failure in portfolio.failures} == {errors.ProviderUnavailable}


def test_a_wrong_chain_id_is_refused(world: World) -> None:
    """An endpoint of another chain gives no figure at all."""

    def lie(call: dict[str, Any], answer: Any) -> Any:
        return {**answer, "result": "0x1"} if call["method"] == "eth_chainId" else answer

    with proxy(world.node.url, lie) as (url, _):
        [portfolio] = app.read(selection(world.wallets["hedged"]), configured(world, url)).portfolios
    assert portfolio.accounts == ()
    assert {type(failure.error) for failure in portfolio.failures} == {errors.WrongChain}
    assert "31337" in str(portfolio.failures[0].error)


def test_a_missing_multicall_is_unsupported(devnet: World) -> None:
    """Without Multicall3 the chain can't be read, and the message says what to configure."""
    devnet.node.set_code(devnet.multicall.address, b"")
    [portfolio] = app.read(selection(devnet.wallets["hedged"]), configured(devnet)).portfolios
    assert {type(failure.error) for failure in portfolio.failures} == {errors.MissingMulticall}
    assert "multicall3" in str(portfolio.failures[0].error)


def test_a_reverting_contract_fails_its_reader_alone(devnet: World) -> None:
    """A broken option market leaves lending, perps and the wallet as they are."""
    entry = next(
        d.deployment_entry() for d in devnet.deployments if d.deployment_entry().adapter == "lyra_v1"
    )
    devnet.node.set_code(
        entry.addresses["option_token"], bytes.fromhex("60006000fd")
    )  # PUSH1 0 PUSH1 0 REVERT
    [portfolio] = app.read(selection(devnet.wallets["hedged"]), configured(devnet)).portfolios
    assert [type(failure.error) for failure in portfolio.failures] == [errors.CallReverted]
    assert {account.kind for account in portfolio.accounts} == {"wallet", "lending", "perp"}
    reads = len(devnet.deployments) + 1  # and the wallet itself
    assert (portfolio.coverage.expected, portfolio.coverage.failed) == (reads, 1)


def test_a_zero_oracle_price_is_a_failure_not_a_zero(devnet: World) -> None:
    """A lending oracle that answers zero fails the market in which the asset is held."""
    devnet.aave_v36.set_feed("WBTC", 0)
    [portfolio] = app.read(selection(devnet.wallets["hedged"]), configured(devnet)).portfolios
    assert errors.UnusablePrice in {type(failure.error) for failure in portfolio.failures}
    assert not any(account.kind == "lending" for account in portfolio.accounts)
    [other] = app.read(selection(devnet.wallets["unhedged"]), configured(devnet)).portfolios
    assert other.coverage.complete


def test_a_malformed_reply_is_named(world: World) -> None:
    """A multicall reply cut in half fails every read, each with MalformedReply."""

    def cut(call: dict[str, Any], answer: Any) -> Any:
        if call["method"] != "eth_call":
            return answer
        text = answer["result"]
        return {**answer, "result": text[: 2 + (len(text) - 2) // 128 * 64]}

    with proxy(world.node.url, cut) as (url, _):
        [portfolio] = app.read(selection(world.wallets["hedged"]), configured(world, url)).portfolios
    assert portfolio.accounts == ()
    assert {type(failure.error) for failure in portfolio.failures} == {errors.GarbledReply}


def test_a_chain_without_deployments_is_refused(world: World) -> None:
    """A URL of a chain that no adapter knows must not look like an empty wallet."""
    bare = settings.build({}, "nothing")
    with pytest.raises(BadConfiguration, match="no selected adapter has a deployment there"):
        app.read(selection(world.wallets["hedged"], rpc=(world.node.url,)), bare)


def test_rpc_finds_out_its_chain(world: World) -> None:
    """--rpc needs no chain name: the endpoint tells, and costs no request more."""
    answer = app.read(selection(world.wallets["hedged"], rpc=(world.node.url,)), configured(world))
    assert answer.portfolios[0].coverage.complete
    assert answer.requests == 1 + max(answer.rounds.values()) + LOGS


def test_several_urls_of_one_chain_stand_in_for_each_other(world: World) -> None:
    """The first is dead at the pin: the second answers, and what is not known of the first is said."""
    wallet, dead = world.wallets["hedged"], "http://127.0.0.1:9"
    answer = app.read(selection(wallet, rpc=(dead, world.node.url)), configured(world))
    [portfolio] = answer.portfolios
    assert portfolio.coverage.complete
    assert any("connection failed" in warning for warning in portfolio.warnings)
    named = app.read(selection(wallet, rpc=(dead, world.node.url), chains=("31337",)), configured(world))
    assert named.portfolios[0].coverage.complete
    assert not any("connection failed" in warning for warning in named.portfolios[0].warnings)
    # Two tries, chain id and pin, rounds.
    assert answer.requests == 2 + 2 + max(answer.rounds.values()) + LOGS


def test_urls_that_all_fail_are_all_named(world: World) -> None:
    """Each with its reason."""
    with pytest.raises(errors.ProviderUnavailable) as caught:
        app.read(
            selection(world.wallets["hedged"], rpc=("http://127.0.0.1:9", "ftp://127.0.0.1/")),
            configured(world),
        )
    assert "127.0.0.1: connection failed" in str(caught.value)
    assert "127.0.0.1 (2): its URL must start with http" in str(caught.value)


def test_a_chain_that_no_url_serves_is_told(world: World) -> None:
    """It must not look like a chain without positions."""
    both = selection(world.wallets["hedged"], rpc=(world.node.url,) * 2, chains=("ethereum", "31337"))
    with pytest.raises(BadConfiguration, match="none of the URLs serves chain 1"):
        app.read(both, configured(world))


def test_two_endpoints_that_agree_answer_as_one(world: World) -> None:
    """By option or by setting; the answer is the same, and takes a request more per round and pin."""
    wallet = world.wallets["hedged"]
    alone = app.read(selection(wallet), configured(world))
    urls = (world.node.url, world.node.url)
    agreed = app.read(selection(wallet, rpc=urls, confirm=2), configured(world))
    assert agreed.portfolios[0].accounts == alone.portfolios[0].accounts
    rounds = max(agreed.rounds.values())
    assert agreed.requests == 2 + 2 + 2 * rounds + 2 * LOGS  # every range of logs is asked twice
    strict = configured(world).model_copy(update={"confirm": 2})
    assert app.read(selection(wallet, rpc=urls), strict).requests == agreed.requests
    for config, chosen in ((strict, selection(wallet)), (strict, selection(wallet, rpc=urls[:1]))):
        with pytest.raises(BadConfiguration, match="2 endpoints must agree, and there is only 1"):
            app.read(chosen, config)


def test_endpoints_that_disagree_give_no_figure(world: World) -> None:
    """One of them lies about a balance, an oracle or a debt: neither is believed."""

    def lie(call: dict[str, Any], answer: Any) -> Any:
        if call["method"] != "eth_call":
            return answer
        return {**answer, "result": "0x" + answer["result"][2:].replace("5", "6")}

    with proxy(world.node.url, lie) as (url, _):
        chosen = selection(world.wallets["hedged"], rpc=(world.node.url, url), confirm=2)
        [portfolio] = app.read(chosen, configured(world)).portfolios
    assert portfolio.accounts == ()
    assert {type(failure.error) for failure in portfolio.failures} == {errors.Disagreement}
    assert "127.0.0.1 and 127.0.0.1 (2)" in str(portfolio.failures[0].error)


def test_a_broken_feed_costs_only_what_nobody_else_prices(devnet: World) -> None:
    """ETH of the wallet has no source then: that coin is a failure, the tokens beside it stay."""
    feed = next(
        token.feed for token in configured(devnet).tokens if token.chain == 31337 and not token.address
    )
    devnet.node.set_code(feed, b"")
    devnet.venus.set_prices({"ETH": 0})  # its market of the coin is the one other source
    [portfolio] = app.read(selection(devnet.wallets["hedged"]), configured(devnet)).portfolios
    assert [type(failure.error) for failure in portfolio.failures] == [errors.Unpriced]
    assert not portfolio.coverage.complete
    [wallet] = [account for account in portfolio.accounts if account.kind == "wallet"]
    assert len(wallet.positions) == 1
    assert any("feed of ETH" in warning for warning in portfolio.warnings)
