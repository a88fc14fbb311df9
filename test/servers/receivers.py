"""The receivers of examples/receivers: signed events through the node, and what must be refused."""

import base64
import datetime
import http.client
import secrets
import time

from checks import Wrong
from process import PATIENCE
from standardwebhooks import Webhook

EXAMPLES = "examples/receivers"
BODY = '{"type":"message.chat","timestamp":"2026-11-26T12:34:56.789012Z","data":{"body":"ü"}}'


def secret():
    """A new secret."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class Receiver:
    """A receiver that runs, with its own secret."""

    def __init__(self, place, name, version, command, **env):
        self.name, self.version, self.secret, self.port = name, version, secret(), place.ports()
        seen = place.own_folder(f"{name}-seen")
        env = {**env, "WEBHOOK_SECRET": self.secret, "PORT": str(self.port), "SEEN": str(seen),
               "PYTHONPATH": str(place.here.parents[1] / EXAMPLES)}
        self.child = place.child(name, [str(word).replace("PORT", str(self.port)) for word in command],
                                 [self.port], env=env)

    def events(self):
        """The ids of the events that it has taken."""
        # A line whose end is not yet there does not count.
        lines = self.child.log.read_text(errors="replace").splitlines(keepends=True)
        words = (line.split() for line in lines if line.endswith("\n"))
        return [line[line.index("event") + 1] for line in words if "event" in line[:-1]]


def start_all(place):
    """All receivers; they may not be ready yet."""
    examples = place.here.parents[1] / EXAMPLES
    python = place.venv / "bin/python"
    binary = place.folder / "receiver"
    place.go_build(binary, examples / "receiver.go")
    return [
        Receiver(place, "receiver in Flask", "standardwebhooks",
                 [python, "-m", "flask", "--app", "flask_receiver", "run", "--port", "PORT"]),
        Receiver(place, "receiver in FastAPI", "standardwebhooks",
                 [python, "-m", "uvicorn", "--port", "PORT", "fastapi_receiver:app"]),
        Receiver(place, "receiver in Express", "standardwebhooks",
                 ["node", examples / "express_receiver.js"],
                 NODE_PATH=str(place.venv.parent / "npm/node_modules")),
        Receiver(place, "receiver in Go", "by hand", [binary]),
        Receiver(place, "receiver in PHP", "by hand",
                 [place.program("php8.2"), "-n", "-S", "127.0.0.1:PORT", examples / "receiver.php"],
                 PHP_CLI_SERVER_WORKERS="4"),
    ]


def _equal(what, got, wanted):
    if got != wanted:
        raise Wrong(f"{what}: {got}, not {wanted}")


def _wait_for(receiver, count):
    """The events that have come once there are so many; a receiver works after its answer."""
    end = time.monotonic() + PATIENCE
    while len(receiver.events()) < count and time.monotonic() < end:
        time.sleep(0.05)
    return receiver.events()


class ReceiverChecks:
    """The checks, each of one receiver."""

    def __init__(self, node, place):
        self.node, self.place = node, place

    def _send(self, receiver, *lines):
        file = self.place.folder / f"keys-{secrets.token_hex(8)}"
        file.write_text("".join(f"{line}\n" for line in lines))
        run = self.node.start(f"http://127.0.0.1:{receiver.port}", path="/events", senders=5, each=4,
                              size=20, signing_file=str(file))
        result = run.result()
        if "problem" in result:
            raise Wrong(result["problem"])
        return result["statuses"]

    def signed(self, receiver):
        """Events that the node has signed are taken, once each."""
        before = len(receiver.events())
        _equal("statuses", self._send(receiver, "# the key", receiver.secret), {"204": 20})
        _equal("statuses with two keys", self._send(receiver, secret(), receiver.secret), {"204": 20})
        events = _wait_for(receiver, before + 40)
        _equal("events", len(set(events)), before + 40)
        _equal("events once each", len(events), before + 40)
        return "40 events"

    def wrong_key(self, receiver):
        """Events that are signed with another key are refused."""
        before = receiver.events()
        _equal("statuses", self._send(receiver, secret()), {"401": 20})
        _equal("events", receiver.events(), before)
        return "20 refused"

    def twice(self, receiver):
        """An event that comes twice is taken once; an old or a changed one is refused."""
        before = receiver.events()
        now = datetime.datetime.now(tz=datetime.timezone.utc)
        fresh = f"msg_{secrets.token_hex(12)}"
        _equal("first", self._post(receiver, fresh, now), 204)
        _equal("second", self._post(receiver, fresh, now), 204)
        old = now - datetime.timedelta(minutes=10)
        _equal("an old one", self._post(receiver, f"msg_{secrets.token_hex(12)}", old), 401)
        changed = BODY.replace("ü", "u")
        _equal("a changed one",
               self._post(receiver, f"msg_{secrets.token_hex(12)}", now, sent=changed), 401)
        _equal("events", _wait_for(receiver, len(before) + 1), [*before, fresh])
        return "taken once"

    @staticmethod
    def _post(receiver, webhook_id, at, sent=BODY):
        signature = Webhook(receiver.secret).sign(webhook_id, at, BODY)
        headers = {"content-type": "application/json", "webhook-id": webhook_id,
                   "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
        connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=PATIENCE)
        try:
            connection.request("POST", "/events", sent.encode(), headers)
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()
