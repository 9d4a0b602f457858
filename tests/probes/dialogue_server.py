"""A real HTTP server with a chat endpoint, whose answers follow probabilities that a test plants."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

Messages = list[dict[str, str]]
Mind = Callable[[Messages, np.random.Generator], str]
"""What a model says to a conversation."""
Failure = int | str
"""A status (200 is none); or `html` or `no choices` at 200, `closes` the connection, `max_tokens` or `seed` refused."""
REFUSED = {"max_tokens": "Use 'max_completion_tokens' instead.", "seed": "Extra inputs are not permitted: seed."}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, mind: Mind, seed: int, failures: list[Failure], counts: bool) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.mind, self.seed, self.failures, self.counts = mind, seed, failures, counts
        self.calls: list[dict[str, object]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            failure = self.server.failures.pop(0) if self.server.failures else 200
            self.server.calls.append(body)
        if failure != 200:
            self._fail(failure)
            return
        key = json.dumps([body["messages"], body.get("seed"), self.server.seed])
        rng = np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()))
        said = self.server.mind(body["messages"], rng)
        words = sum(len(m["content"].split()) for m in body["messages"])
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        usage: dict[str, int] = {"prompt_tokens": words, "completion_tokens": 10, "total_tokens": words + 10}
        named = {"id": "1", "object": "chat.completion", "created": 0, "model": body["model"]}
        self._send(200, named | {"choices": [choice]} | ({"usage": usage} if self.server.counts else {}))

    def _fail(self, failure: Failure) -> None:
        if failure == "closes":
            self.close_connection = True
        elif failure == "html":
            self._send(200, b"<html><body>Welcome</body></html>")
        elif failure == "no choices":
            self._send(200, {"choices": []})
        elif isinstance(failure, str):
            self._send(400, {"error": {"message": f"Unsupported parameter: '{failure}'. {REFUSED[failure]}"}})
        else:
            self._send(failure, {"error": {"message": "busy"}})

    def _send(self, status: int, content: dict[str, object] | bytes) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status == 429:
            self.send_header("Retry-After", "0.01")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *words: object) -> None:
        """Tests print nothing."""


@contextmanager
def serving(mind: Mind, seed: int = 0, failures: list[Failure] | None = None, counts: bool = True) -> Iterator[Server]:
    server = Server(mind, seed, failures or [], counts)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
