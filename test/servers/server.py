"""What the checks need to know of a web server, and what the servers need to know of the machine."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from process import Child, Ports

HTTP1, HTTPS, HTTP2 = "HTTP/1.1", "HTTP/1.1 with TLS", "HTTP/2"


@dataclass
class Server:
    """A running web server: where it listens, and what is special about it."""

    name: str
    child: Child
    # Port by protocol.
    ports: dict
    path: str = "/notifications"
    # What it answers before it reads a long body, by path.
    early: dict = field(default_factory=dict)
    # How many such requests it gets at a time.
    early_workers: int = 5
    # Where it ends such a request without an answer.
    refuses: set = field(default_factory=set)
    # Port by protocol where idle connections are kept for `idle` seconds.
    idle_ports: dict = field(default_factory=dict)
    idle: float = 0
    # Port by protocol where each answer closes its connection, and the path for it.
    closing: dict = field(default_factory=dict)
    closing_path: str = "/notifications"
    # Reloads its configuration without losing a request.
    reload: object = None
    # Whether the application behind it writes down what has arrived.
    recorded: bool = True
    # Whether it lets the application see the Host of the request.
    keeps_host: bool = True
    version: str = ""


class Place:
    """Where everything is: unpacked packages, the virtual environment, a folder for the run."""

    def __init__(self, root, venv, folder, here):
        self.root, self.venv, self.here = Path(root), Path(venv), Path(here)
        self.folder, self.ports, self.children = Path(folder), Ports(), []
        self.records = self.folder / "records"
        self.records.touch(0o666)
        self.records.chmod(0o666)
        libraries = self.root / "usr/lib" / self._multiarch()
        self.env = {**os.environ, "LD_LIBRARY_PATH": str(libraries), "RECORDS": str(self.records),
                    "PYTHONPATH": str(self.here / "apps"), "PYTHONUNBUFFERED": "1"}

    @staticmethod
    def _multiarch():
        words = ["dpkg-architecture", "-qDEB_HOST_MULTIARCH"]
        try:
            return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
        except FileNotFoundError:
            return f"{os.uname().machine}-linux-gnu"

    def program(self, name):
        """A program: unpacked here, or the machine's own."""
        for prefix in (self.root, Path("/")):
            for folder in ("usr/sbin", "usr/bin", "usr/lib/go-1.19/bin"):
                path = prefix / folder / name
                if path.exists():
                    return str(path)
        raise RuntimeError(f"{name} is not installed")

    def data(self, path):
        """A folder of a package, unpacked here or the machine's own."""
        unpacked = self.root / path
        return str(unpacked if unpacked.exists() else Path("/") / path)

    def own_folder(self, name):
        """A folder for one server, which its unprivileged processes can enter."""
        folder = self.folder / name.replace(" ", "-").replace("/", "-")
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
        return folder

    def child(self, name, command, ports, **more):
        """Starts a server; it may not be ready yet."""
        folder = self.own_folder(name)
        command = [str(word) for word in command]
        env = {**self.env, **more.pop("env", {})}
        self.children.append(Child(folder.name, command, folder, ports, env=env, **more))
        return self.children[-1]

    def go_env(self):
        """The environment of Go's compiler, which reaches no network here."""
        return {**self.env, "GOROOT": self.data("usr/lib/go-1.19"), "GO111MODULE": "off",
                "CGO_ENABLED": "0", "GOCACHE": str(self.root.parent / "gocache"),
                "GOPATH": str(self.own_folder("go")), "GOFLAGS": ""}

    def go_build(self, binary, source, packages=()):
        """Compiles a program of one file. `packages` are folders of what it imports, by the paths that it imports."""
        for path, folder in dict(packages).items():
            shutil.copytree(folder, self.own_folder("go") / "src" / path, dirs_exist_ok=True)
        subprocess.run([self.program("go"), "build", "-o", binary, source], check=True,
                       env=self.go_env())

    def stop_all(self):
        """Ends all servers, the last one first."""
        for child in reversed(self.children):
            child.stop()

    def version(self, command):
        """The first number with dots in what a program says about itself."""
        said = subprocess.run(command, capture_output=True, text=True, env=self.env, check=False)
        for word in (said.stdout + said.stderr).replace("/", " ").split():
            word = word.strip("v,()").removeprefix("go")
            if word[:1].isdigit() and "." in word:
                return word
        raise RuntimeError(f"{command} does not say its version")
