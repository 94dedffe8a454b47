"""A budget check for LiteLLM's proxy that cannot be raced: credit is held before each call, and settled after it.

In the configuration of the proxy:

    litellm_settings:
      callbacks: [gpu_credit.litellm.handler]

and in its environment GPU_CREDIT_URL and GPU_CREDIT_TOKEN, and what else `Settings` has. Before a call the most that it can
cost, by its own limits and the prices that LiteLLM knows, is held on the accounts of its key; if that is more than may be spent, the call is refused
with status 402. What it did cost is settled when it has ended, and a call that failed releases its hold. A hold ends by itself: a proxy that dies
leaves nothing locked.

It takes the place of LiteLLM's callback "openmeter": with both, each call is charged twice.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import partial
from typing import Any

import litellm as proxy  # type: ignore[import-not-found, unused-ignore]
from fastapi import HTTPException  # type: ignore[import-not-found, unused-ignore]
from litellm.integrations.custom_logger import CustomLogger  # type: ignore[import-not-found, unused-ignore]

from ._client import Client, Problem, Unreachable

log = logging.getLogger("gpu_credit.litellm")

PLACES = Decimal("1e-12")
# How long a settlement is tried again, in seconds after each attempt: about an hour in all.
SETTLE_DELAYS = (0.2, 1, 3, 10, 30, 60, *[120] * 28)
HOLD_DELAYS = (0.1, 0.4, 1.5)
HELD_MAX = 100_000


@dataclass(frozen=True)
class Settings:
    """What the callback has to know; each is read from the environment variable that its line names."""

    url: str  # GPU_CREDIT_URL
    token: str  # GPU_CREDIT_TOKEN
    # GPU_CREDIT_ACCOUNTS: the accounts that pay, with commas between; {user_id}, {team_id}, {org_id} and {key_alias} are those of
    # the key. What a client says in its request is never looked at.
    accounts: tuple[str, ...] = ("{user_id}",)
    # GPU_CREDIT_UNITS: smallest units in a dollar.
    units: Decimal = Decimal(1_000_000_000)
    # GPU_CREDIT_MAX_TOKENS: what a call may answer that does not say, if its model does not either.
    max_tokens: int = 4096
    # GPU_CREDIT_HOLD_SECONDS: how long a hold is open.
    hold_seconds: int = 600
    # GPU_CREDIT_WHEN_DOWN: "refuse" or "allow" calls while the service cannot be reached.
    when_down: str = "refuse"
    # GPU_CREDIT_PLAIN_HTTP: 1 if http to another machine is encrypted by something else.
    plain_http: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings of the environment. Raises ValueError for one that is missing or wrong."""

        def said(name: str, default: Any, read: Any = str) -> Any:
            text = environment.get(name, "")
            if not text:
                if default is None:
                    raise ValueError(f"{name} is not set")
                return default
            try:
                return read(text)
            except (ValueError, InvalidOperation) as error:
                raise ValueError(f"{name}: found {text!r}") from error

        settings = cls(
            url=said("GPU_CREDIT_URL", None),
            token=said("GPU_CREDIT_TOKEN", None),
            accounts=said("GPU_CREDIT_ACCOUNTS", cls.accounts, lambda text: tuple(text.split(","))),
            units=said("GPU_CREDIT_UNITS", cls.units, Decimal),
            max_tokens=said("GPU_CREDIT_MAX_TOKENS", cls.max_tokens, int),
            hold_seconds=said("GPU_CREDIT_HOLD_SECONDS", cls.hold_seconds, int),
            when_down=said("GPU_CREDIT_WHEN_DOWN", cls.when_down),
            plain_http=said("GPU_CREDIT_PLAIN_HTTP", cls.plain_http, lambda text: bool(int(text))),
        )
        if settings.when_down not in ("refuse", "allow"):
            raise ValueError(f"GPU_CREDIT_WHEN_DOWN: found {settings.when_down!r}, expected refuse or allow")
        return settings


def in_units(cost: Any, units: Decimal) -> int:
    """A cost in dollars, as LiteLLM prints it, in whole units: rounded half-even at 12 places, then up."""
    exact = Decimal(str(cost)).quantize(PLACES, rounding=ROUND_HALF_EVEN)
    return max(0, int((exact * units).to_integral_value(rounding=ROUND_CEILING)))


def highest_cost(data: Mapping[str, Any], max_tokens: int) -> Decimal:
    """The most that a request can cost, in dollars: its prompt, and as many tokens as it allows, at the highest prices of the models that may
    answer it. 0 if nobody knows a price.
    """
    name = str(data.get("model") or "")
    prompt = 0
    try:
        prompt = proxy.token_counter(model=name, messages=data.get("messages"), text=_text(data))
    except Exception:  # of whatever a tokenizer raises: an estimate by length is above it
        prompt = len(json.dumps(data.get("messages") or _text(data) or "", default=str))
    answers = max(1, int(data.get("n") or 1))
    highest = Decimal(0)
    for model, prices in _models(name):
        info: dict[str, Any] = {}
        try:
            info = dict(proxy.get_model_info(model))
        except Exception:  # of a model that LiteLLM does not know: its prices may be in the configuration
            log.debug("no prices of %s", model)
        info.update({key: value for key, value in prices.items() if value is not None})
        said = data.get("max_completion_tokens") or data.get("max_tokens") or data.get("max_output_tokens")
        longest = int(said or info.get("max_output_tokens") or info.get("max_tokens") or max_tokens)
        if info.get("mode") == "embedding":
            longest = 0
        inputs = [info.get(kind) or 0 for kind in ("input_cost_per_token", "cache_creation_input_token_cost")]
        of_prompt = max(Decimal(str(price)) for price in inputs)
        of_answer = Decimal(str(info.get("output_cost_per_token") or 0))
        cost = prompt * of_prompt + answers * longest * of_answer
        highest = max(highest, cost)
    return highest


def _text(data: Mapping[str, Any]) -> str | None:
    text = data.get("prompt") or data.get("input")
    return text if text is None or isinstance(text, str) else json.dumps(text, default=str)


def _models(name: str) -> list[tuple[str, dict[str, Any]]]:
    """The models that a name of the proxy stands for, with the prices of its configuration."""
    from litellm.proxy import proxy_server  # type: ignore[import-not-found, unused-ignore]

    router = getattr(proxy_server, "llm_router", None)
    models = []
    for deployment in (router.get_model_list(model_name=name) if router else None) or []:
        said = {**(deployment.get("litellm_params") or {}), **(deployment.get("model_info") or {})}
        prices = ("input_cost_per_token", "output_cost_per_token", "cache_creation_input_token_cost")
        model = str(said.get("base_model") or deployment["litellm_params"].get("model") or name)
        models.append((model, {price: said.get(price) for price in prices}))
    return models or [(name, {})]


@dataclass
class _Held:
    accounts: list[str]
    amount: int


@dataclass
class _Calls:
    """The calls that hold something: forgotten when they end, and the oldest if there are too many."""

    held: OrderedDict[str, _Held] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, call: str, held: _Held) -> None:
        with self.lock:
            self.held[call] = held
            while len(self.held) > HELD_MAX:
                self.held.popitem(last=False)

    def take(self, call: str) -> _Held | None:
        with self.lock:
            return self.held.pop(call, None)


class Handler(CustomLogger):  # type: ignore[misc, unused-ignore]
    """The callback. Without settings it reads those of the environment when the first call comes."""

    def __init__(self, settings: Settings | None = None):
        super().__init__()
        self._settings = settings
        self._client: Client | None = None
        self._calls = _Calls()
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(32, thread_name_prefix="gpu-credit")

    async def async_pre_call_hook(self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: Any) -> None:
        """Holds the most that a call can cost, or refuses it."""
        settings = self.settings
        call = str(data.get("litellm_call_id") or "")
        accounts = accounts_of(settings.accounts, {
            "user_id": getattr(user_api_key_dict, "user_id", None),
            "team_id": getattr(user_api_key_dict, "team_id", None),
            "org_id": getattr(user_api_key_dict, "org_id", None),
            "key_alias": getattr(user_api_key_dict, "key_alias", None),
        })
        if not call or accounts is None:
            raise HTTPException(403, {"error": "the key names no account that pays for the call"})
        amount = in_units(highest_cost(data, settings.max_tokens), settings.units)
        until = datetime.fromtimestamp(int(time.time()) + settings.hold_seconds, UTC)
        asked = {"id": call, "accounts": accounts, "amount": amount, "until": until.strftime("%Y-%m-%dT%H:%M:%SZ")}
        try:
            await self._hold(asked)
        except Problem as problem:
            raise refused(problem) from problem
        except Unreachable as error:
            if settings.when_down == "allow":
                log.error("a call is allowed without a hold: %s", error)
                self._calls.add(call, _Held(accounts, amount))
                return
            raise HTTPException(503, {"error": "the service that keeps credit cannot be reached"}) from error
        self._calls.add(call, _Held(accounts, amount))

    async def _hold(self, asked: dict[str, Any]) -> None:
        for attempt, delay in enumerate((*HOLD_DELAYS, None)):
            try:
                status = await self._ask("holds", asked)
            except (Problem, Unreachable) as error:
                final = isinstance(error, Problem) and error.status not in (502, 503, 504)
                if final or delay is None:
                    raise
                await asyncio.sleep(delay)
                continue
            # The client of a call may choose its id: one that was used holds nothing new.
            if status == 200 and attempt == 0:
                raise Problem(409, {"type": "/problems/different-content"})
            return

    async def _ask(self, kind: str, body: dict[str, Any]) -> int:
        loop = asyncio.get_running_loop()
        ask = partial(self.client.request, "POST", "v1", kind, body=body, delays=())
        status, _ = await loop.run_in_executor(self._threads, ask)
        return status

    async def async_log_success_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Settles what a call did cost."""
        call = str(kwargs.get("litellm_call_id") or "")
        held = self._calls.take(call)
        if held is None:
            return
        cost = kwargs.get("response_cost")
        if cost is None:
            log.warning("call %s has no cost: what was held is settled", call)
        amount = held.amount if cost is None else in_units(cost, self.settings.units)
        settled = {"account": held.accounts[0], "id": f"{call}/settled", "hold": call, "amount": amount}
        self._in_background(self._close("settlements", settled))

    async def async_post_call_failure_hook(
        self, request_data: dict[str, Any], original_exception: Exception, user_api_key_dict: Any, traceback_str: str | None = None
    ) -> None:
        """Releases the hold of a call that came to nothing."""
        call = str(request_data.get("litellm_call_id") or "")
        held = self._calls.take(call)
        if held is not None:
            released = {"account": held.accounts[0], "id": f"{call}/released", "hold": call}
            self._in_background(self._close("releases", released))

    @property
    def settings(self) -> Settings:
        """The settings, read when they are first needed."""
        if self._settings is None:
            self._settings = Settings.from_environment()
        return self._settings

    @property
    def client(self) -> Client:
        """The connection to the service."""
        if self._client is None:
            self._client = Client(self.settings.url, self.settings.token, plain_http=self.settings.plain_http)
        return self._client

    async def finished(self) -> None:
        """Waits until everything that ended is settled or released."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _in_background(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _close(self, kind: str, body: dict[str, Any]) -> None:
        for delay in (*SETTLE_DELAYS, None):
            try:
                await self._ask(kind, body)
                return
            except (Problem, Unreachable) as error:
                final = isinstance(error, Problem) and error.status < 500 and error.status not in (408, 429)
                if final or delay is None:
                    log.error("POST /v1/%s %s: %s", kind, json.dumps(body), error)
                    return
                await asyncio.sleep(delay)


def accounts_of(templates: tuple[str, ...], key: Mapping[str, Any]) -> list[str] | None:
    """The accounts that pay; None if the key has not what they are named by."""
    known = {name: str(value) for name, value in key.items() if value}
    try:
        return [template.strip().format_map(known) for template in templates]
    except KeyError:
        return None


def refused(problem: Problem) -> HTTPException:
    """What a client is told whose call is refused."""
    if problem.kind == "insufficient-credit":
        accounts = problem.document.get("accounts")
        return HTTPException(402, {"error": "there is not enough credit for the call", "accounts": accounts})
    log.error("a hold is not given: %s", problem)
    if problem.kind == "no-such-account":
        return HTTPException(403, {"error": "the account that pays for the call is not open"})
    if problem.status == 429:
        return HTTPException(429, {"error": "too many calls were refused lately"})
    if problem.kind == "different-content":
        return HTTPException(409, {"error": "a call of this id was made before"})
    return HTTPException(503, {"error": "the service that keeps credit does not answer"})


handler = Handler()
