"""The receivers of examples/receivers: signed events through the node, and what must be refused."""

import base64
import datetime
import gzip
import http.client
import secrets
import shutil
import time

from checks import Wrong
from process import PATIENCE
from standardwebhooks import Webhook

EXAMPLES = "examples/receivers"
GO_LIBRARY = "github.com/standard-webhooks/standard-webhooks/libraries/go"
BODY = '{"type":"message.chat","timestamp":"2026-11-26T12:34:56.789012Z","data":{"body":"ü"}}'


def secret():
    """A new secret."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def new_id():
    """The id of a new event."""
    return f"msg_{secrets.token_hex(12)}"


def signed_headers(key, webhook_id=None, minutes=0, body=BODY):
    """The header fields of an event with this body that was sent so many minutes from now."""
    webhook_id = webhook_id or new_id()
    at = datetime.datetime.now(tz=datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    return {"content-type": "application/json", "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(key).sign(webhook_id, at, body)}


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
    libraries = place.here / "standard_webhooks"
    binary, php = place.folder / "receiver", place.own_folder("receiver.php")
    place.go_build(binary, examples / "receiver.go", {GO_LIBRARY: libraries / "go"})
    shutil.copy(examples / "receiver.php", php)
    shutil.copytree(libraries / "php", php / "vendor")
    return [
        Receiver(place, "receiver in Flask", "standardwebhooks",
                 [python, "-m", "flask", "--app", "flask_receiver", "run", "--port", "PORT"]),
        Receiver(place, "receiver in FastAPI", "standardwebhooks",
                 [python, "-m", "uvicorn", "--port", "PORT", "fastapi_receiver:app"]),
        Receiver(place, "receiver in Express", "standardwebhooks",
                 ["node", examples / "express_receiver.js"],
                 NODE_PATH=str(place.venv.parent / "npm/node_modules")),
        Receiver(place, "receiver in Go", "a stand-in of its library", [binary]),
        Receiver(place, "receiver in PHP", "a stand-in of its library",
                 [place.program("php8.2"), "-n", "-S", "127.0.0.1:PORT", php / "receiver.php"],
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
        """An event that comes twice is taken once."""
        before = receiver.events()
        headers = signed_headers(receiver.secret)
        for what in ("first", "second"):
            _equal(what, self._post(receiver, headers), 204)
        _equal("events", _wait_for(receiver, len(before) + 1), [*before, headers["webhook-id"]])
        return "taken once"

    def decides(self, receiver):
        """What is right is taken, all else is refused."""
        before = receiver.events()
        right, other = signed_headers(receiver.secret), secret()
        signature = right["webhook-signature"]
        wrong = signed_headers(other, right["webhook-id"])["webhook-signature"]
        of_other_kind = "v1a," + base64.b64encode(secrets.token_bytes(64)).decode()

        def with_signature(text):
            return {**right, "webhook-signature": text}

        taken = [("one signature", right),
                 ("the second signature", with_signature(f"{wrong} {signature}")),
                 ("the third signature, one of another kind",
                  with_signature(f"{of_other_kind} {wrong} {signature}")),
                 ("the second signature is of another key", with_signature(f"{signature} {wrong}")),
                 ("2 minutes old", signed_headers(receiver.secret, minutes=-2)),
                 ("2 minutes ahead", signed_headers(receiver.secret, minutes=2))]
        refused = [("another key", signed_headers(other)),
                   ("10 minutes old", signed_headers(receiver.secret, minutes=-10)),
                   ("10 minutes ahead", signed_headers(receiver.secret, minutes=10)),
                   ("another id", {**right, "webhook-id": new_id()}),
                   ("another timestamp",
                    {**right, "webhook-timestamp": str(int(right["webhook-timestamp"]) - 1)}),
                   ("a timestamp that is no number", {**right, "webhook-timestamp": "now"}),
                   ("a signature of another kind", with_signature(of_other_kind)),
                   ("a signature without its kind", with_signature(signature.removeprefix("v1,"))),
                   ("no signature in the header", with_signature("v1")),
                   ("an empty header", with_signature(""))]
        refused += [(f"no {name}", {key: value for key, value in right.items() if key != name})
                    for name in right if name.startswith("webhook-")]
        for what, headers in taken:
            _equal(what, self._post(receiver, headers), 204)
        for what, headers in refused:
            _equal(what, self._post(receiver, headers), 401)
        _equal("another body", self._post(receiver, right, BODY.replace("ü", "u")), 401)
        # Four of them are one event.
        _equal("events", len(_wait_for(receiver, len(before) + 3)), len(before) + 3)
        return f"{len(taken)} taken, {len(refused) + 1} refused"

    def goes_on(self, receiver):
        """One event that it cannot handle costs none of those after it."""
        odd = '{"no":"type"}'
        self._post(receiver, signed_headers(receiver.secret, body=odd), odd)
        headers = signed_headers(receiver.secret)
        _equal("the next event", self._post(receiver, headers), 204)
        end = time.monotonic() + PATIENCE
        while headers["webhook-id"] not in receiver.events():
            if time.monotonic() > end:
                raise Wrong("the next event was accepted and is not handled")
            time.sleep(0.05)
        return "the next one is handled"

    def bounds(self, receiver):
        """A body of more than 1 MiB is refused, although its signature is right; in PHP, that is the web server's."""
        if receiver.name == "receiver in Express":
            compressed = {**signed_headers(receiver.secret), "content-encoding": "gzip"}
            _equal("a compressed body", self._post(receiver, compressed, gzip.compress(BODY.encode())), 415)
        if receiver.name == "receiver in PHP":
            return "none of its own"
        large = BODY.replace("ü", "x" * (1 << 20))
        try:
            status = self._post(receiver, signed_headers(receiver.secret, body=large), large)
        except ConnectionError:
            # It closes with a part of the body unread.
            return "closed"
        if status < 400:
            raise Wrong(f"a large body: {status}")
        return f"{status} for a large body"

    @staticmethod
    def _post(receiver, headers, sent=BODY):
        body = sent.encode() if isinstance(sent, str) else sent
        connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=PATIENCE)
        try:
            connection.request("POST", "/events", body, headers)
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()
