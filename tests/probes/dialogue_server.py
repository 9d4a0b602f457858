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


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, mind: Mind, seed: int, failures: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.mind, self.seed, self.failures = mind, seed, failures
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
            status = self.server.failures.pop(0) if self.server.failures else 200
            self.server.calls.append(body)
        if status != 200:
            self._send(status, {"error": {"message": "busy"}})
            return
        key = json.dumps([body["messages"], body["seed"], self.server.seed])
        rng = np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()))
        said = self.server.mind(body["messages"], rng)
        words = sum(len(m["content"].split()) for m in body["messages"])
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        usage = {"prompt_tokens": words, "completion_tokens": 10, "total_tokens": words + 10}
        named = {"id": "1", "object": "chat.completion", "created": 0, "model": body["model"]}
        self._send(200, named | {"choices": [choice], "usage": usage})

    def _send(self, status: int, content: dict[str, object]) -> None:
        data = json.dumps(content).encode()
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
def serving(mind: Mind, seed: int = 0, failures: list[int] | None = None) -> Iterator[Server]:
    server = Server(mind, seed, failures or [])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
