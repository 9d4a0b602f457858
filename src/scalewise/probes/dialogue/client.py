"""A thin client for any OpenAI-compatible endpoint: retries, rate limit, resumable cache, cost and budget."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from scalewise.errors import MissingExtraError, ScalewiseError
from scalewise.probes.dialogue.cache import Cache, Message, Reply, key_of

if TYPE_CHECKING:
    import httpx

RETRIES = 6
FIRST_WAIT = 0.5
LONGEST_WAIT = 60.0
RETRIED = (408, 409, 429, 500, 502, 503, 504, 529)
BYTES_PER_TOKEN = 3
"""Fewer than in any usual language, so that a cost that must be guessed is guessed too high."""
ADVICE = {
    401: "; is the key right (--key-from)?",
    403: "; is the key right (--key-from)?",
    404: "; is the URL given up to and with its /v1, and is the model's name right?",
    500: "; the server's own log says why (a model without a chat template, for one, cannot be asked)",
}


@dataclass(frozen=True)
class Endpoint:
    """Where to ask, and how. `per_minute` limits requests; `timeout` is in seconds; prices are dollars per million
    tokens, and `budget` is dollars."""

    url: str
    model: str
    key: str | None = None
    temperature: float = 1.0
    max_tokens: int = 64
    concurrency: int = 8
    per_minute: float | None = None
    timeout: float = 60.0
    price_in: float = 0.0
    price_out: float = 0.0
    budget: float | None = None

    @property
    def parameters(self) -> dict[str, float | int]:
        return {"temperature": self.temperature, "max_tokens": self.max_tokens}

    def cost(self, tokens_in: float, tokens_out: float) -> float:
        """Dollars."""
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1e6

    def most_cost(self, messages: Sequence[Message]) -> float:
        """Dollars for an answer of full length to these messages."""
        return self.cost(tokens_guessed(messages), self.max_tokens)


def tokens_guessed(messages: Sequence[Message]) -> float:
    """Rather too many than too few."""
    return sum(len(message["content"].encode()) / BYTES_PER_TOKEN + 4 for message in messages)


@dataclass
class Client:
    """Asks, and keeps every answer: a killed probe asks only what is missing.

    Repeats of one question are asked as such: the key of an answer holds model, messages, parameters and repeat.
    `spent` is what all answers of this model that are kept have cost, at these prices.
    """

    endpoint: Endpoint
    cache: Cache
    http: "httpx.AsyncClient"
    spent: float = 0.0
    calls: int = 0
    _pending: dict[str, "asyncio.Future[Reply]"] = field(default_factory=dict)
    _reserved: float = 0.0
    _next_slot: float = 0.0
    _limit_name: str = "max_tokens"
    _seeds: bool = True

    def __post_init__(self) -> None:
        self._gate = asyncio.Semaphore(self.endpoint.concurrency)
        self._returned = asyncio.Condition()
        asked = self.cache.asked.items()
        own = {key: messages for key, (model, messages) in asked if model == self.endpoint.model}
        self.spent = sum(self._price(self.cache.answers[key], messages) for key, messages in own.items())

    async def ask(self, messages: Sequence[Message], repeat: int) -> Reply:
        """One reply. Raises ScalewiseError when the server cannot be reached, refuses, or the budget is spent."""
        key = key_of(self.endpoint.model, messages, self.endpoint.parameters, repeat)
        if key in self.cache.answers:
            return self.cache.answers[key]
        if key not in self._pending:  # conversations that begin alike share their first answers
            self._pending[key] = asyncio.ensure_future(self._fetch(messages, key))
        return await self._pending[key]

    async def _fetch(self, messages: Sequence[Message], key: str) -> Reply:
        async with self._gate:
            most = self.endpoint.most_cost(messages)
            await self._reserve(most)
            try:
                reply = await self._call(messages, key)
                self.spent += self._price(reply, messages)
                self.calls += 1
                self.cache.add(key, reply, self.endpoint.model, messages)
            finally:
                async with self._returned:
                    self._reserved -= most
                    self._returned.notify_all()
        return reply

    async def _reserve(self, most: float) -> None:
        """Wait until a call that may cost so much cannot pass the budget, whatever those under way will have cost."""
        budget = self.endpoint.budget
        async with self._returned:
            while budget is not None and self.spent + self._reserved + most > budget:
                if self._reserved <= 0:
                    raise ScalewiseError(
                        f"the next call might pass the budget of {budget:g} dollars, of which {self.spent:.4g} are "
                        f"spent; the answers are kept in {self.cache.path}, and the same command with a larger "
                        "--budget goes on."
                    )
                await self._returned.wait()
            self._reserved += most

    def _price(self, reply: Reply, messages: Sequence[Message]) -> float:
        """Dollars; where a server does not count tokens, they are guessed from what was said."""
        tokens_in = reply.tokens_in or tokens_guessed(messages)
        return self.endpoint.cost(tokens_in, reply.tokens_out or len(reply.text.encode()) / BYTES_PER_TOKEN)

    async def _call(self, messages: Sequence[Message], key: str) -> Reply:
        """Ask until there is an answer. What is wrong before the first one is the address, later a hiccup."""
        import httpx

        url = f"{self.endpoint.url.rstrip('/')}/chat/completions"
        wait, why, advice, attempt = FIRST_WAIT, "", "", 0
        while attempt < RETRIES:
            if attempt:
                await asyncio.sleep(min(wait, LONGEST_WAIT))
                wait *= 2
            await self._slot()
            body = self._body(messages, key)
            try:
                response = await self.http.post(url, json=body)
            except httpx.RequestError as error:
                why = f"cannot be reached ({_short(str(error)) or type(error).__name__})"
                if not self.calls and isinstance(error, httpx.ConnectError):
                    raise ScalewiseError(f"{url} {why}; is the server running, and the URL right?") from None
            else:
                reply = _reply(response)
                if reply is not None:
                    return reply
                if response.status_code in (400, 422) and self._adapts(response.text, body):
                    continue
                why = f"answered {response.status_code}: {_short(response.text) or 'nothing'}"
                advice = ADVICE.get(response.status_code, "")
                if response.status_code == 200:
                    why = f"gives no chat completion: {_short(response.text) or 'nothing'}"
                wrong_address = response.status_code == 200 and not self.calls
                if wrong_address or response.status_code not in (200, *RETRIED):
                    raise ScalewiseError(f"{url} {why}{advice}.")
                wait = max(wait, _retry_after(response.headers.get("retry-after")))
            attempt += 1
        raise ScalewiseError(f"{url} {why}, {RETRIES} times{advice}; answers so far are kept in {self.cache.path}.")

    def _body(self, messages: Sequence[Message], key: str) -> dict[str, Any]:
        # a seed of its own for every question and repeat: one seed for many prompts would draw their answers alike
        seed = {"seed": int(key, 16) % 2**31} if self._seeds else {}
        limit = {self._limit_name: self.endpoint.max_tokens}
        about = {"model": self.endpoint.model, "messages": list(messages), "temperature": self.endpoint.temperature}
        return about | limit | seed

    def _adapts(self, complaint: str, body: dict[str, Any]) -> bool:
        """Whether a refused call is worth repeating: newer models call the limit otherwise, and some take no seed."""
        if "max_completion_tokens" in complaint and "max_tokens" in body:
            self._limit_name = "max_completion_tokens"
            return True
        if "seed" in complaint and "seed" in body:
            self._seeds = False
            return True
        return False

    async def _slot(self) -> None:
        """Wait until the rate limit lets the next request go."""
        if self.endpoint.per_minute:
            now = time.monotonic()
            self._next_slot = max(now, self._next_slot + 60 / self.endpoint.per_minute)
            await asyncio.sleep(self._next_slot - now)


def open_http(endpoint: Endpoint) -> "httpx.AsyncClient":
    """Raises MissingExtraError without httpx, and ScalewiseError for what is no address or no key."""
    try:
        import httpx
    except ImportError:
        raise MissingExtraError("httpx", "chat", "asking a chat model") from None
    try:
        url = httpx.URL(endpoint.url)
        usable = url.scheme in ("http", "https") and bool(url.host) and (url.port or 1) < 2**16
    except httpx.InvalidURL:
        usable = False
    if not usable:
        raise ScalewiseError(f"{endpoint.url}: is no address; it begins with http:// or https:// and ends with /v1.")
    key = (endpoint.key or "").strip()
    if not key.isascii() or any(c.isspace() for c in key):
        raise ScalewiseError("the key has characters that no key has; look at the variable that --key-from names.")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(timeout=endpoint.timeout, headers=headers)


def _reply(response: "httpx.Response") -> Reply | None:
    """None for what is no chat completion."""
    if response.status_code != 200:
        return None
    try:
        answer: dict[str, Any] = response.json()
        choice = answer["choices"][0]
        usage = answer.get("usage") or {}
        return Reply(
            text=str(choice["message"].get("content") or choice["message"].get("refusal") or ""),
            finish_reason=choice.get("finish_reason"),
            tokens_in=int(usage.get("prompt_tokens") or 0),
            tokens_out=int(usage.get("completion_tokens") or 0),
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None


def _retry_after(value: str | None) -> float:
    """Seconds, which a server gives as such or as a date (RFC 9110)."""
    try:
        return float(value or 0)
    except ValueError:
        pass
    try:
        return (parsedate_to_datetime(str(value)) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0.0


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 160 else f"{flat[:160]}…"
