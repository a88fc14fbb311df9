"""Child processes, ports and certificates for them."""

import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

PATIENCE = 60


# Where ports begin that the system does not give out itself to whatever asks for a free one.
FIRST = 10240


def first_of_the_system():
    """The first of the ports that the system gives out itself."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except OSError:
        return 32768


class Ports:
    """Free ports of the loopback interface, each given out once.

    The server that one is for listens later, and many other tests get ports of the system meanwhile. So these are not
    among those.
    """

    def __init__(self):
        self.given = set()
        end = first_of_the_system()
        self.choice = range(FIRST, end if end > 2 * FIRST else 32768)

    def __call__(self):
        while True:
            port = random.choice(self.choice)
            if port in self.given:
                continue
            self.given.add(port)
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            return port


class Child:
    """A server: a process of ours with whatever it has started itself."""

    def __init__(self, name, command, folder, ports, env=None, stop=signal.SIGTERM):
        self.name, self.stop_signal = name, stop
        self.log = Path(folder) / f"{name}.log"
        self.process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT, start_new_session=True)
        self.ports = ports

    def wait_until_ready(self):
        """Returns when all ports are open; how long that took."""
        begin = time.monotonic()
        end = begin + PATIENCE
        for port in self.ports:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if self.process.poll() is not None or time.monotonic() > end:
                        raise RuntimeError(f"{self.name} does not start:\n{self.tail()}") from None
                    time.sleep(0.02)
        return f"ready after {time.monotonic() - begin:.1f} s"

    def tail(self):
        """The end of what it has written."""
        return self.log.read_text(errors="replace")[-3000:]

    def signal(self, number):
        """Sends a signal to the server, not to its own children."""
        os.kill(self.process.pid, number)

    def stop(self):
        """Ends it and what is left of its session."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def certificates(folder):
    """An authority and a certificate for localhost and 127.0.0.1 signed by it."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    extensions = folder / "server.ext"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test",
            "-days", "2")
    openssl("req", *new, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-out", "server.pem", "-days", "2", "-extfile", str(extensions))
    both = (folder / "server.pem").read_bytes() + (folder / "server.key").read_bytes()
    (folder / "both.pem").write_bytes(both)
    for file in folder.iterdir():
        file.chmod(0o644)
