"""What must hold at each server, and how it is found out."""

import http.client
import json
import re
import ssl
import time
from collections import defaultdict
from urllib.parse import urlencode

from node import message
from process import PATIENCE
from server import HTTP1, HTTP2

FORM = "application/x-www-form-urlencoded"
# Bytes of a body that a server refuses before it has read it.
LONG = 200_000


class Wrong(Exception):
    """A check has failed."""


class Records:
    """What the applications have written down, by run."""

    def __init__(self, path):
        self.file = path.open("rb")
        # The begin of a line that an application of another run is just writing.
        self.rest = b""
        self.runs = defaultdict(list)

    def of(self, run):
        """The records of a run in the order of their writing. A line is written before its answer."""
        *lines, self.rest = (self.rest + self.file.read()).split(b"\n")
        for line in lines:
            record = json.loads(line)
            self.runs[record["message"].split(" ", 1)[0]].append(record)
        return self.runs.pop(run, [])


class Checks:
    """The checks, each over one protocol of one server."""

    def __init__(self, node, place):
        self.node, self.place = node, place
        self.records = Records(place.records)

    def start(self, port, protocol, path, **spec):
        """Begins to send to a port."""
        if protocol == HTTP1:
            return self.node.start(f"http://127.0.0.1:{port}", path=path, **spec)
        spec["ca"] = f"{self.place.folder}/ca.pem"
        # The name, not the address: a name is sent as SNI.
        return self.node.start(f"https://localhost:{port}", path=path, http2=protocol == HTTP2, **spec)

    def delivery(self, server, protocol):
        """1,000 notifications of 50 senders arrive as they were, once each and in order."""
        seen = self._log(server)
        run = self.start(server.ports[protocol], protocol, server.path, senders=50, each=20)
        took = self._outcomes(run, 200)
        if server.recorded:
            self._recorded(server, protocol, server.ports[protocol], run)
        else:
            self._logged(server, seen, run)
        return f"1,000 notifications in {took} ms"

    def early(self, server, protocol):
        """The status that a server answers without reading the body is seen."""
        for path, status in server.early.items():
            if protocol in server.refuses:
                status = None
            run = self.start(server.ports[protocol], protocol, path, senders=10, each=3, size=LONG,
                             workers=server.early_workers)
            self._outcomes(run, status)
        if protocol in server.refuses:
            return "refused"
        return ", ".join(f"{status} for 200 KB" for status in server.early.values())

    def idle(self, server, protocol):
        """Begins to send at just the interval after which the server closes idle connections."""
        return self.start(server.idle_ports[protocol], protocol, server.path, senders=20, each=4,
                          workers=20, interval=int(server.idle * 1000), spread=50)

    def idle_end(self, server, protocol, run):
        """What came of it: nothing lost, nothing failed. A server may close a connection on which it
        has just begun with a request; the notification comes twice then."""
        self._outcomes(run, 200)
        twice = self._recorded(server, protocol, server.idle_ports[protocol], run, retried=True)
        return f"80 notifications, {server.idle} s apart{twice}"

    def closing(self, server, protocol):
        """Each answer closes its connection."""
        port = server.closing[protocol]
        self._says_that_it_closes(protocol, port, server.closing_path)
        run = self.start(port, protocol, server.closing_path, senders=20, each=10)
        self._outcomes(run, 200)
        self._recorded(server, protocol, port, run)
        return "200 notifications, a connection each"

    def reload(self, server):
        """Graceful reloads lose nothing and fail nothing, over all protocols at once."""
        runs = {protocol: self.start(port, protocol, server.path, senders=30, each=30, interval=100)
                for protocol, port in server.ports.items()}
        for _ in range(3):
            time.sleep(0.8)
            server.reload()
        said = f"3 reloads, {900 * len(runs)} notifications"
        for protocol, run in runs.items():
            try:
                self._outcomes(run, 200)
                said += self._recorded(server, protocol, server.ports[protocol], run, retried=True)
            except Wrong as error:
                raise Wrong(f"over {protocol}: {error}") from None
        return said

    def _says_that_it_closes(self, protocol, port, path):
        """Python's own client reads it in an answer: that the server has it done is not taken on trust."""
        if protocol == HTTP1:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        else:
            trust = ssl.create_default_context(cafile=f"{self.place.folder}/ca.pem")
            connection = http.client.HTTPSConnection("localhost", port, timeout=PATIENCE, context=trust)
        fields = {"author": "python", "server": "none", "receiver": "none", "message": "closing"}
        try:
            connection.request("POST", path, urlencode(fields), {"content-type": FORM})
            response = connection.getresponse()
            response.read()
            if response.status != 200 or not response.will_close:
                raise Wrong(f"{response.status}, {response.headers.items()}: it does not close")
        finally:
            connection.close()

    @staticmethod
    def _outcomes(run, status):
        """All were sent, with that status, or all failed without one, and the metrics say so; how long
        it took."""
        result = run.result(180)
        if "problem" in result:
            raise Wrong(result["problem"])
        count = run.spec["senders"] * run.spec["each"]
        sent, statuses = (count, {str(status): count}) if status else (0, {})
        want = {"pushed": count, "accepted": count, "sent": sent, "metric_sent": sent, "rejected": 0,
                "failed": count - sent, "metric_failed": count - sent, "pending": 0,
                "statuses": statuses}
        differs = {key: result[key] for key, value in want.items() if result[key] != value}
        if differs:
            raise Wrong(f"of {count} with {status}: {differs}, {result['reasons']}")
        return result["milliseconds"]

    def _recorded(self, server, protocol, port, run, retried=False):
        """The framework has decoded each body to what was sent, once, in the order of its sender. If
        connections may break, one that was retried may be there twice; says how many."""
        twice = 0
        by_sender = defaultdict(list)
        for record in self.records.of(run.run):
            by_sender[record["author"]].append(record)
        senders, each = run.spec["senders"], run.spec["each"]
        if sorted(by_sender) != sorted(f"s{n}" for n in range(1, senders + 1)):
            raise Wrong(f"senders: {sorted(by_sender)}")
        host = f"127.0.0.1:{port}" if protocol == HTTP1 else f"localhost:{port}"
        same = {"server": f"slot{run.slot}.example", "receiver": "bob", "type": FORM}
        if server.keeps_host:
            same["host"] = host
        for sender, records in by_sender.items():
            numbers = [int(record["message"].split(" ", 2)[1]) for record in records]
            once = [number for number, before in zip(numbers, [0, *numbers]) if number != before]
            twice += len(numbers) - len(once)
            if once != list(range(1, each + 1)) or (once != numbers and not retried):
                raise Wrong(f"{sender}: {numbers}")
            for number, record in zip(numbers, records):
                want = {**same, "message": message(run.run, number)}
                differs = {key: record.get(key) for key, value in want.items()
                           if record.get(key) != value}
                if differs:
                    raise Wrong(f"{sender}, {number}: {differs}")
        return f", {twice} of them twice over {protocol}" if twice else ""

    @staticmethod
    def _log(server):
        return server.child.log.stat().st_size if not server.recorded else 0

    @staticmethod
    def _logged(server, seen, run):
        """What nghttpd says it has read: each request once, all of its body."""
        time.sleep(0.2)
        with server.child.log.open("rb") as file:
            file.seek(seen)
            text = file.read().decode(errors="replace")
        count = run.spec["senders"] * run.spec["each"]
        lengths = [int(length) for length in re.findall(r"recv \(.*\) content-length: (\d+)", text)]
        data = re.findall(r"recv DATA frame <length=(\d+), flags=0x(\d+)", text)
        ends = sum(int(flags, 16) & 1 for _, flags in data)
        read = sum(int(length) for length, _ in data)
        if (len(lengths), ends, read) != (count, count, sum(lengths)):
            raise Wrong(f"{len(lengths)} requests, {ends} ended, {read} of {sum(lengths)} bytes")
