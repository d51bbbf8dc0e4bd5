"""A chat-completions server on loopback that does what a test tells it to, request by request."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]
Behaviour = Callable[["Handler", Body], None]


class Handler(BaseHTTPRequestHandler):
    """Answers with the next behaviour; the last one stays."""

    server: "Server"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.bodies.append(body)
            self.server.paths.append(self.path)
            self.server.at.append(time.monotonic())
            queue = self.server.behaviours
            behaviour = queue.pop(0) if len(queue) > 1 else queue[0]
        behaviour(self, body)

    def do_GET(self) -> None:
        known = self.path.endswith("/models") and self.server.models
        self.send_json({"data": self.server.models}, 200 if known else 404)

    def send_json(self, value: Any, status: int = 200, **headers: str) -> None:
        payload = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """What it was asked, and what it will do."""

    daemon_threads = True

    def __init__(self, *behaviours: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviours = list(behaviours)
        self.bodies: list[Body] = []
        self.paths: list[str] = []
        self.at: list[float] = []
        self.models: list[Body] = []
        self.lock = threading.Lock()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that hang up are part of the tests


@contextmanager
def serving(*behaviours: Behaviour) -> Iterator[Server]:
    """The server while it runs."""
    server = Server(*behaviours)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def says(
    text: str | None, *, finish: str = "stop", usage: Any = (100, 10), **message: Any
) -> Behaviour:
    """A reply of the model."""

    def behave(handler: Handler, body: Body) -> None:
        reported = None
        if usage is not None:
            reported = {
                "prompt_tokens": usage[0],
                "completion_tokens": usage[1],
                "total_tokens": sum(usage),
                "prompt_tokens_details": {"cached_tokens": 64},
            }
        handler.send_json(
            {
                "id": "1",
                "object": "chat.completion",
                "created": 0,
                "model": body["model"],
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": finish,
                        "message": {"role": "assistant", "content": text, **message},
                    }
                ],
                "usage": reported,
            }
        )

    return behave


def fails(status: int, message: str = "no", **headers: str) -> Behaviour:
    """An error reply."""

    def behave(handler: Handler, body: Body) -> None:
        handler.send_json({"error": {"message": message}}, status, **headers)

    return behave


def dies(handler: Handler, body: Body) -> None:
    """The connection breaks in the middle of the reply."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "500")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.wfile.flush()
    handler.connection.close()


def drips(handler: Handler, body: Body) -> None:
    """A byte now and then, for longer than anybody waits."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "500")
    handler.end_headers()
    for _ in range(40):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


def garbles(handler: Handler, body: Body) -> None:
    """A body that is not JSON."""
    handler.send_json(b'{"choices": [{"message"')
