"""Real web servers, to which a node sends: run by scripts/test-servers.

All servers are children of this process, on ports of the loopback interface, with their files in one
temporary folder. Each check prints a line; the last line counts them.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import applications
import proxies
import receivers
from checks import Checks, Wrong
from node import Node
from process import certificates
from server import Place

HERE = Path(__file__).resolve().parent


def start_all(place):
    """All servers; they may not be ready yet."""
    backend = applications.aiohttp(place, "application", keep_alive=300, limit=10_000_000)
    port = backend.ports["HTTP/1.1"]
    servers = [applications.aiohttp(place)]
    for make in (applications.gunicorn, applications.uvicorn, applications.hypercorn,
                 applications.waitress, applications.node, applications.php, applications.go):
        servers += make(place)
    backend.child.wait_until_ready()
    for make in (proxies.nginx, proxies.apache, proxies.haproxy, proxies.lighttpd, proxies.h2o,
                 proxies.nghttp):
        servers = make(place, port) + servers
    return servers


class Report:
    """Counts and prints."""

    def __init__(self):
        self.passed = self.failed = 0
        self.begin = time.monotonic()

    def check(self, name, function, *arguments):
        """One check; whether it has passed."""
        at = f"{time.monotonic() - self.begin:5.1f} s"
        try:
            said = function(*arguments)
        except Exception as error:  # pylint: disable=broad-except
            self.failed += 1
            kind = "" if isinstance(error, Wrong) else f"{type(error).__name__}: "
            print(f"{at}  FAILED  {name}: {kind}{error}", flush=True)
            return False
        self.passed += 1
        print(f"{at}  ok      {name}: {said}", flush=True)
        return True


def check_all(checks, servers, report):
    """Every check at every server that has to do with it."""
    idle = [(server, protocol, checks.idle(server, protocol))
            for server in servers for protocol in server.idle_ports]
    for server, protocol, run in idle:
        report.check(f"{server.name}, {protocol}, at the end of keep-alive", checks.idle_end, server,
                     protocol, run)
    for server in servers:
        for protocol in server.ports:
            report.check(f"{server.name}, {protocol}, delivery", checks.delivery, server, protocol)
            if server.early:
                report.check(f"{server.name}, {protocol}, early answer", checks.early, server,
                             protocol)
        for protocol in server.closing:
            report.check(f"{server.name}, {protocol}, Connection: close", checks.closing, server,
                         protocol)
        if server.reload:
            report.check(f"{server.name}, reload", checks.reload, server)


def check_receivers(checks, running, report):
    """Every check at every receiver."""
    for receiver in running:
        for check in (checks.signed, checks.wrong_key, checks.twice, checks.decides,
                      checks.goes_on, checks.bounds):
            report.check(f"{receiver.name}, {check.__name__.replace('_', ' ')}", check, receiver)


def main():
    """Runs it all; the exit status is 1 if a check has failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--venv", required=True)
    parser.add_argument("--only", default="", help="a part of the names of servers")
    parser.add_argument("--keep", action="store_true", help="leaves the folder of the run behind")
    parser.add_argument("node", nargs="+")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="http-pusher-servers-"))
    folder.chmod(0o755)
    certificates(folder)
    place, report = Place(options.root, options.venv, folder, HERE), Report()
    # The servers are ended whatever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    node = None
    try:
        servers = start_all(place)
        running = receivers.start_all(place)
        chosen = [server for server in servers if options.only in server.name
                  and report.check(f"{server.name} {server.version}", server.child.wait_until_ready)]
        running = [receiver for receiver in running if options.only in receiver.name
                   and report.check(f"{receiver.name}, verifies: {receiver.version}",
                                    receiver.child.wait_until_ready)]
        with open(folder / "node.log", "wb") as log:
            node = Node(options.node, log)
        check_all(Checks(node, place), chosen, report)
        check_receivers(receivers.ReceiverChecks(node, place), running, report)
    finally:
        if node:
            node.stop()
        place.stop_all()
        if options.keep:
            print(f"left behind: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed or not report.passed else 0


if __name__ == "__main__":
    sys.exit(main())
