"""A campaign by way of an SSH server and of an HTTP server on this machine."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import asyncssh
import pytest

from .temporary_project import Project, add_origin, clone, use_remote

Settings = dict[str, str]


@contextmanager
def ssh(folder: Path) -> Iterator[Settings]:
    """A server that lets one user into `folder`, with the DVC remote's settings to reach it."""

    class OneUser(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("me", "s3cret")

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=OneUser,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder).encode()),
        )

    listening = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    yield {"url": f"ssh://me@127.0.0.1:{listening.get_port()}/campaigns", "password": "s3cret", "allow_agent": "false"}

    async def close() -> None:
        listening.close()
        await listening.wait_closed()

    asyncio.run_coroutine_threadsafe(close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


class _Shelf(SimpleHTTPRequestHandler):
    """A web server that takes files, as WebDAV servers and object stores behind one do."""

    def do_PUT(self) -> None:
        file = Path(self.translate_path(self.path))
        file.parent.mkdir(parents=True, exist_ok=True)
        body = b""
        while size := int(self.rfile.readline(), 16):  # chunks: aiohttp sends a stream of unknown length
            body += self.rfile.read(size)
            self.rfile.readline()
        file.write_bytes(body)
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def http(folder: Path) -> Iterator[Settings]:
    """A server of what lies in `folder`, with the DVC remote's settings to reach it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), lambda *request: _Shelf(*request, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"url": f"http://127.0.0.1:{server.server_port}/campaigns", "method": "PUT"}
        server.shutdown()


@pytest.mark.parametrize("kind", [ssh, http])
def test_a_stranger_restores_what_was_published_there(kind: Callable, project: Project, tmp_path):
    (tmp_path / "served").mkdir()
    with kind(tmp_path / "served") as settings:
        use_remote(project, **settings)
        add_origin(project)
        project.acnet("publish")
        other = clone(project, tmp_path / "clone")
        use_remote(other, **settings)
        other.acnet("restore", "mini")
    assert other.files() == project.files()
    assert any((tmp_path / "served" / "campaigns").rglob("*"))
