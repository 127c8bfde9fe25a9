"""A server on 127.0.0.1 that answers as badly as it is told."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request; an Answer writes to it. `server.seen` lists (path, Range) of all requests."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers.get("Range")))
        self.server.answers[self.path.partition("?")[0]](self)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.seen.append((self.path, body))
        self.server.answers["POST " + self.path](self)

    def log_message(self, *_: object) -> None:
        pass

    @property
    def offset(self) -> int:
        """The first byte asked for."""
        return int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))

    def head(self, status: int, length: int, **headers: str) -> None:
        """Status and headers; `length` is announced."""
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def hang_up(self) -> None:
        """Break the connection."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.close()


class Server(ThreadingHTTPServer):
    """Answers by path; each answer is a function of the request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answers: dict[str, Answer] = {}
        self.seen: list[tuple[str, str | None]] = []

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, *_: object) -> None:
        pass  # broken connections are what it is for


@contextmanager
def serving() -> Iterator[Server]:
    """A running server."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def whole(data: bytes, *, ranges: bool = True) -> Answer:
    """A good server's answer."""

    def answer(request: Request) -> None:
        start = request.offset if ranges else 0
        if start >= len(data) > 0:
            request.head(416, 0, Content_Range=f"bytes */{len(data)}")
            return
        _begin(request, start, len(data))
        request.wfile.write(data[start:])

    return answer


def dropping(data: bytes, every: int) -> Answer:
    """Announces everything and hangs up after `every` bytes."""

    def answer(request: Request) -> None:
        start = request.offset
        _begin(request, start, len(data))
        request.wfile.write(data[start : start + every])
        if start + every < len(data):
            request.hang_up()

    return answer


def _begin(request: Request, start: int, length: int) -> None:
    if start:
        request.head(206, length - start, Content_Range=f"bytes {start}-{length - 1}/{length}")
    else:
        request.head(200, length)


def stalling(data: bytes, after: int, seconds: float) -> Answer:
    """Falls silent after `after` bytes."""

    def answer(request: Request) -> None:
        request.head(200, len(data))
        request.wfile.write(data[:after])
        request.wfile.flush()
        time.sleep(seconds)
        request.hang_up()

    return answer


def status(code: int) -> Answer:
    """Nothing but a status."""
    return lambda request: request.head(code, 0)


def in_turn(*answers: Answer) -> Answer:
    """One answer after the other; the last one stays."""
    left = list(answers)
    return lambda request: (left.pop(0) if len(left) > 1 else left[0])(request)
