"""The published ImageNet weights: their addresses, and a download that is whole or absent."""

import hashlib
import http.server
import threading

import pytest
import torch

from acnet.cli import main
from acnet.errors import AcnetError
from acnet.params import weights
from acnet.params.run import InitialWeights
from acnet.params.weights import IMAGENET1K_V1, fetch_weights


def test_addresses_and_hashes_are_torchvisions():
    models = pytest.importorskip("torchvision.models")
    assert set(IMAGENET1K_V1) == {"resnet18", "resnet34", "resnet50", "resnet101"}
    for name, (url, head) in IMAGENET1K_V1.items():
        published = models.get_model_weights(name).IMAGENET1K_V1
        assert url == published.url and url.endswith(f"-{head}.pth"), name


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A function that serves `content` on 127.0.0.1 as resnet18's weights with a SHA-256 that begins with `head`."""
    monkeypatch.chdir(tmp_path)
    servers = []

    def serve(content: bytes | None, head: str) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_):
                pass

        servers.append(http.server.HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        name = f"resnet18-{head}.pth"
        url = f"http://127.0.0.1:{servers[-1].server_port}/{name}"
        monkeypatch.setattr(weights, "IMAGENET1K_V1", {"resnet18": (url, head)})
        return name

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_right_file_is_kept(served, tmp_path, capfd):
    content = b"weights" * 1000
    name = served(content, hashlib.sha256(content).hexdigest()[:8])
    assert main(["fetch-weights", name]) == 0
    assert (tmp_path / "data/weights" / name).read_bytes() == content
    assert [file.name for file in (tmp_path / "data/weights").iterdir()] == [name]


@pytest.mark.parametrize("content", [b"other weights", b"", None], ids=["other bytes", "empty", "not found"])
def test_a_wrong_file_is_refused_and_leaves_nothing(served, tmp_path, content):
    name = served(content, "f37072fd")
    with pytest.raises(AcnetError) as error:
        fetch_weights(name)
    assert f"/{name}: " in str(error.value) and "put the file there yourself: data/weights/" in str(error.value)
    assert "\n" not in str(error.value)
    assert list((tmp_path / "data/weights").iterdir()) == []


def test_a_wrong_file_leaves_the_former_one(served, tmp_path):
    name = served(b"other weights", "f37072fd")
    former = tmp_path / "data/weights" / name
    former.parent.mkdir(parents=True)
    former.write_bytes(b"former")
    with pytest.raises(AcnetError):
        fetch_weights(name)
    assert former.read_bytes() == b"former"


def test_a_server_that_is_away_is_one_line(served, monkeypatch):
    monkeypatch.setattr(
        weights, "IMAGENET1K_V1", {"resnet18": ("http://127.0.0.1:9/resnet18-f37072fd.pth", "f37072fd")}
    )
    with pytest.raises(AcnetError, match=r"^http://127.0.0.1:9/resnet18-f37072fd.pth: .*put the file there yourself"):
        fetch_weights("resnet18-f37072fd.pth")


def test_the_file_at_hand_wins_over_the_published_one(params, edit, tmp_path):
    from acnet.params.campaign import Campaign

    file = tmp_path / "mine.pth"
    edit("scales/paper.yaml", "common:", f"weights: {{resnet50: {{file: {file}, sha256: ab, name: mine}}}}\ncommon:")
    assert Campaign(params, "paper").resolve("acb3", 0).init.kind == "url"
    torch.save({}, file)
    init = Campaign(params, "paper").resolve("acb3", 0).init
    assert init == InitialWeights(kind="file", file=str(file), sha256="ab", name="mine")
