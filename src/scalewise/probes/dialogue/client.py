"""A thin client for any OpenAI-compatible endpoint: retries, rate limit, resumable cache, cost and budget."""

import asyncio
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import MissingExtraError, ScalewiseError

if TYPE_CHECKING:
    import httpx

Message = Mapping[str, str]
RETRIES = 6
FIRST_WAIT = 0.5
LONGEST_WAIT = 60.0
RETRIED = (408, 409, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Reply:
    """What came back; tokens are 0 where the server does not count them."""

    text: str
    finish_reason: str | None
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True)
class Endpoint:
    """Where to ask, and how. `per_minute` limits requests; prices are dollars per million tokens."""

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


@dataclass
class Client:
    """Asks, and remembers every answer in `cache` (JSON lines): a killed probe asks only what is missing.

    Repeats of one question are asked as such: the key of an answer holds model, messages, parameters and repeat.
    """

    endpoint: Endpoint
    cache: Path
    http: "httpx.AsyncClient"
    spent: float = 0.0
    calls: int = 0
    _answers: dict[str, Reply] = field(default_factory=dict)
    _pending: dict[str, "asyncio.Future[Reply]"] = field(default_factory=dict)
    _next_slot: float = 0.0

    def __post_init__(self) -> None:
        self._gate = asyncio.Semaphore(self.endpoint.concurrency)
        for record in _records(self.cache):
            self._answers[record["key"]] = Reply(**record["reply"])

    async def ask(self, messages: Sequence[Message], repeat: int) -> Reply:
        """One reply. Raises ScalewiseError when the server cannot be reached, refuses, or the budget is spent."""
        key = self._key(messages, repeat)
        if key in self._answers:
            return self._answers[key]
        if key not in self._pending:  # conversations that begin alike share their first answers
            self._pending[key] = asyncio.ensure_future(self._fetch(messages, key))
        return await self._pending[key]

    async def _fetch(self, messages: Sequence[Message], key: str) -> Reply:
        async with self._gate:
            budget = self.endpoint.budget
            if budget is not None and self.spent >= budget:
                raise ScalewiseError(
                    f"the budget of {budget:g} dollars is spent after {self.calls:,} calls; the answers are kept in "
                    f"{self.cache}, and the same command with a larger --budget goes on."
                )
            reply = await self._call(messages, key)
        price = reply.tokens_in * self.endpoint.price_in + reply.tokens_out * self.endpoint.price_out
        self.spent += price / 1e6
        self.calls += 1
        self._answers[key] = reply
        with self.cache.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "reply": reply.__dict__, "messages": list(messages)}) + "\n")
        return reply

    def _key(self, messages: Sequence[Message], repeat: int) -> str:
        content = [self.endpoint.model, list(messages), self.endpoint.parameters, repeat]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]

    async def _call(self, messages: Sequence[Message], key: str) -> Reply:
        import httpx

        # a seed of its own for every question and repeat: one seed for many prompts would draw their answers alike
        seed = int(key, 16) % 2**31
        body = {"model": self.endpoint.model, "messages": list(messages), "seed": seed} | self.endpoint.parameters
        url = f"{self.endpoint.url.rstrip('/')}/chat/completions"
        wait, why = FIRST_WAIT, ""
        for _ in range(RETRIES):
            await self._slot()
            try:
                response = await self.http.post(url, json=body)
            except httpx.TransportError as error:
                why = f"cannot be reached ({error.__class__.__name__})"
            else:
                if response.status_code == 200:
                    return _reply(url, response)
                why = f"answered {response.status_code}: {_short(response.text)}"
                if response.status_code not in RETRIED:
                    raise ScalewiseError(f"{url} {why}.")
                wait = max(wait, _retry_after(response.headers.get("retry-after")))
            await asyncio.sleep(min(wait, LONGEST_WAIT))
            wait *= 2
        raise ScalewiseError(f"{url} {why}, {RETRIES} times; the answers so far are kept in {self.cache}.")

    async def _slot(self) -> None:
        """Wait until the rate limit lets the next request go."""
        if self.endpoint.per_minute:
            now = time.monotonic()
            self._next_slot = max(now, self._next_slot + 60 / self.endpoint.per_minute)
            await asyncio.sleep(self._next_slot - now)


def open_http(endpoint: Endpoint) -> "httpx.AsyncClient":
    """Raises MissingExtraError without httpx."""
    try:
        import httpx
    except ImportError:
        raise MissingExtraError("httpx", "chat", "asking a chat model") from None
    headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    return httpx.AsyncClient(timeout=endpoint.timeout, headers=headers)


def _reply(url: str, response: "httpx.Response") -> Reply:
    try:
        answer: dict[str, Any] = response.json()
        choice = answer["choices"][0]
        usage = answer.get("usage") or {}
        return Reply(
            text=str(choice["message"].get("content") or ""),
            finish_reason=choice.get("finish_reason"),
            tokens_in=int(usage.get("prompt_tokens") or 0),
            tokens_out=int(usage.get("completion_tokens") or 0),
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise ScalewiseError(f"{url}: the reply is no chat completion: {_short(response.text)}.") from None


def _retry_after(value: str | None) -> float:
    try:
        return float(value or 0)
    except ValueError:
        return 0.0


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 160 else f"{flat[:160]}…"


def _records(path: Path) -> list[dict[str, Any]]:
    """Whole lines of the cache; a half-written last one is left out."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if "key" in record and "reply" in record:
            found.append(record)
    return found
