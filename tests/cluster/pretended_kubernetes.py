"""A stand-in for Kubernetes on the loopback interface: jobs are kept as submitted, and run here as plain processes.

Of the API it knows what the executor plugin calls: secrets, jobs and their status, pods (none are shown). The folder
of a pod is fresh and goes with it, as an emptyDir would; the paths of volumes are those of this machine.
"""

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Kubernetes:
    """The server; `jobs` are the bodies submitted, by name, in order."""

    def __init__(self, environment: dict[str, str]):
        self.jobs: dict[str, dict[str, Any]] = {}
        self._environment = environment
        self._secrets: dict[str, dict[str, str]] = {}
        self._pods: dict[str, subprocess.Popen] = {}
        self._folders: dict[str, Path] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def configuration(self) -> str:
        """What KUBECONFIG's file says."""
        cluster = {"name": "here", "cluster": {"server": f"http://127.0.0.1:{self._server.server_port}"}}
        context = {"name": "here", "context": {"cluster": "here", "user": "nobody"}}
        user = {"name": "nobody", "user": {}}
        return json.dumps(
            {"apiVersion": "v1", "kind": "Config", "current-context": "here"}
            | {"clusters": [cluster], "contexts": [context], "users": [user]}
        )

    def kill(self, name: str) -> None:
        """End a pod and all that is in it, as an eviction does."""
        os.killpg(self._pods[name].pid, signal.SIGKILL)

    def stop(self) -> None:
        """End every pod and the server."""
        for name in list(self._pods):
            self._forget(name)
        self._server.shutdown()

    def create(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Keep a secret, or start a job."""
        name = body["metadata"]["name"]
        if kind == "secrets":
            self._secrets[name] = body.get("data") or {}
        else:
            self.jobs[name] = body
            self._start(name, body["spec"]["template"]["spec"]["containers"][0])
        return body

    def status(self, name: str) -> dict[str, Any]:
        """A job with its state."""
        code = self._pods[name].poll()
        state = {"active": 1} if code is None else {"succeeded": 1} if code == 0 else {"failed": 1}
        return {**self.jobs[name], "status": state}

    def _start(self, name: str, container: dict[str, Any]) -> None:
        folder = Path(tempfile.mkdtemp(prefix="acnet-pod-"))
        environment = dict(self._environment)
        for entry in container.get("env") or []:
            chosen = entry["valueFrom"]["secretKeyRef"]
            value = self._secrets[chosen["name"]][chosen["key"]]
            environment[entry["name"]] = base64.b64decode(value).decode()
        self._folders[name] = folder
        with open(self._log(name), "w") as output:
            command = [*container["command"], *container["args"]]
            self._pods[name] = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
            )

    def logs(self) -> str:
        """What the pods said."""
        return "\n".join(f"--- {name}\n{self._log(name).read_text()[-3000:]}" for name in self.jobs)

    def _log(self, name: str) -> Path:
        return Path(tempfile.gettempdir()) / f"{name}.log"

    def _forget(self, name: str) -> None:
        if self._pods[name].poll() is None:
            self.kill(name)
        self._pods[name].wait()
        shutil.rmtree(self._folders[name], ignore_errors=True)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(cluster.create(self.path.split("/")[-1], body), 201)

            def do_GET(self) -> None:
                words = self.path.partition("?")[0].split("/")
                self._answer({"items": []} if words[-1] == "pods" else cluster.status(words[-2]))

            def do_DELETE(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                words = self.path.partition("?")[0].split("/")
                if words[-2] == "jobs":
                    cluster._forget(words[-1])
                self._answer({"status": "Success"})

            def _answer(self, value: dict[str, Any], code: int = 200) -> None:
                text = json.dumps(value).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
