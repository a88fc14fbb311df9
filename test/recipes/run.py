"""Every page of docs/recipes with the program http-pusher: run by scripts/test-recipes.

Each handler passes `check` without a problem, and `send` sends it an event: to a server of this process,
which says what has arrived, and to InfluxDB and VictoriaMetrics, which are asked what they have stored. So do the
handlers with batches that some pages have, and one that compresses. What Google and aiogram say about their services in
files for programs is compared (descriptions.py). Everything listens on the loopback interface.
"""

import argparse
import gzip
import http.server
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "test/servers"))

# pylint: disable=wrong-import-position
import descriptions  # noqa: E402
from process import PATIENCE, Child, Ports  # noqa: E402

MESSAGE = """<message type='chat' id='m1' from='alice@example.com/phone' to='bob@example.com'>
<body>Hi "Bob" &amp; {{ id }} \U0001f48c</body></message>"""
PRESENCE = "<presence from='alice@example.com/phone'/>"


class Wrong(Exception):
    """A check has failed."""


class Sink(http.server.ThreadingHTTPServer):
    """Writes down what arrives, and answers as a token endpoint too."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self):  # pylint: disable=invalid-name
        """Answers 200."""
        body = self.rfile.read(int(self.headers["content-length"]))
        answer = b"ok"
        if self.path == "/token":
            answer = b'{"access_token": "t0k3n", "token_type": "Bearer", "expires_in": 3600}'
        else:
            self.server.requests.append((self.path, self.headers, body))
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_args):  # pylint: disable=arguments-differ
        """Nothing."""


class Node:
    """A folder as a node has it, and the program."""

    def __init__(self, program, folder, token_url):
        self.program, self.folder = Path(program).resolve(), folder
        (folder / "etc").mkdir()
        shutil.copytree(REPOSITORY / "examples/templates", folder / "etc/templates")
        key = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt",
                              "rsa_keygen_bits:2048"], check=True, capture_output=True, text=True)
        account = {"type": "service_account", "client_email": "pusher@my-project.example",
                   "private_key": key.stdout, "token_uri": token_url}
        (folder / "etc/service-account.json").write_text(json.dumps(account))
        (folder / "etc/webhook-secrets").write_text("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n")
        for name in ("ntfy-token", "twilio-token", "elasticsearch-password", "telegram-token", "slack-webhook",
                     "discord-webhook", "mattermost-hook"):
            (folder / "etc" / name).write_text("s3cr3t\n")
        for name, text in (("message.xml", MESSAGE), ("presence.xml", PRESENCE)):
            (folder / name).write_text(text)

    def configure(self, page, url=None, batches=False, more=""):
        """Writes the handler of a page, with another host if there is a URL, with its lines for batches, and with more
        options."""
        text = block(page, "toml")
        text = re.sub(r"(\n *\[\[modules[^\n]*handlers\]\]\n)", lambda found: found[1] + more, text)
        if batches:
            lines = block(page, "toml batch")
            text = re.sub(r" *template_file = .*\n", lambda _: lines, text).replace("db=xmpp", "db=batches")
        if url:
            text = re.sub(r'host = "http[^"]*"', f'host = "{url}"', text)
            # Longer than any machine takes.
            text = text.replace("request_timeout = 5000", "request_timeout = 60000")
            text = text.replace("call_timeout = 15000", "call_timeout = 90000")
        general = '[general]\n  hosts = ["example.com"]\n\n'
        (self.folder / "mongooseim.toml").write_text(general + text)
        return tomllib.loads(text)

    def run(self, *words):
        """Runs the program in the folder."""
        done = subprocess.run([self.program, *words], cwd=self.folder, capture_output=True, text=True,
                              timeout=2 * PATIENCE, check=False)
        if done.returncode != 0:
            raise Wrong(f"{words[0]}: {done.stdout}{done.stderr}")
        if "s3cr3t" in done.stdout + done.stderr:
            raise Wrong(f"{words[0]} shows a secret")
        return done.stdout

    def check(self):
        """`check` finds neither a problem nor anything to warn of."""
        said = self.run("check", "mongooseim.toml", "--mongooseim", "6.5")
        if "0 problems, 0 warnings" not in said:
            raise Wrong(said)

    def send(self, *words):
        """`send` sends an event."""
        return self.run("send", "mongooseim.toml", "--mongooseim", "6.5", *words)


def block(page, fence):
    """The first block of a page with this behind its fence."""
    return re.search(rf"```{fence}\n(.*?)```", page.read_text(), re.S)[1]


def direction(page):
    """What the rules of a page want a message to be."""
    if 'direction = "out"' in page.read_text():
        return ["--direction", "out", "--user-status", "offline"]
    return ["--direction", "in"]


def to_the_sink(node, sink, page, batches=False):
    """What arrives is of the type that the page says, and JSON is JSON."""
    handler = node.configure(page, f"http://127.0.0.1:{sink.server_port}", batches)
    handler = handler["modules"]["mod_event_pusher"]["http"]["handlers"][0]
    to = []
    if "receiver_domain" in page.read_text():
        text = MESSAGE.replace("bob@example.com", "help@support.example.com")
        (node.folder / "support.xml").write_text(text)
        to = ["--event", "support.xml"]
    sink.requests.clear()
    node.send(*(to or ["--event", "message.xml"]), *direction(page))
    (path, headers, body), = sink.requests
    if headers["content-encoding"] == "gzip":
        body = gzip.decompress(body)
    if batches and not headers["webhook-id"].startswith("batch_"):
        raise Wrong(f"no batch: {headers['webhook-id']}")
    wanted = handler.get("content_type", "application/json")
    if headers["content-type"] != wanted:
        raise Wrong(f"content-type {headers['content-type']}, not {wanted}")
    if not path.endswith(handler["path"].split("{")[0].replace("$SECRET", "s3cr3t")):
        raise Wrong(f"path {path}")
    for name in ("webhook-id", "webhook-timestamp"):
        if len(headers.get_all(name, [])) != 1:
            raise Wrong(f"{name}: {headers.get_all(name)}")
    for field in handler.get("headers", []):
        if "value" in field and headers.get_all(field["name"]) != [field["value"]]:
            raise Wrong(f"{field['name']}: {headers.get_all(field['name'])}")
    auth = handler.get("auth", {})
    wanted = ("Basic " if "basic_user" in auth else "Bearer ") if auth else ""
    if not (headers["authorization"] or "").startswith(wanted):
        raise Wrong("no authorization")
    if "ndjson" in headers["content-type"]:
        for line in body.splitlines():
            json.loads(line)
    elif "json" in headers["content-type"]:
        json.loads(body)
    return f"{len(body)} bytes to {path.split('?')[0][:60]}"


def described(node, sink, page, check):
    """What is sent to the sink is as others describe it, and so is the answer in the page."""
    host = tomllib.loads(block(page, "toml"))["outgoing_pools"]["http"][page.stem]["connection"]["host"]
    to_the_sink(node, sink, page)
    (path, _, body), = sink.requests
    answer = block(page, "json")
    return check(host + path, body, answer)


def get(url, **fields):
    """The answer to a GET."""
    query = urllib.parse.urlencode(fields)
    with urllib.request.urlopen(f"{url}?{query}", timeout=PATIENCE) as answer:
        return answer.read().decode()


def start_influxdb(root, folder, ports):
    """InfluxDB 1, with a database."""
    http_port, rpc = ports(), ports()
    config = folder / "influxdb.conf"
    config.write_text(f"""reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/influx/meta"
[data]
  dir = "{folder}/influx/data"
  wal-dir = "{folder}/influx/wal"
[http]
  bind-address = "127.0.0.1:{http_port}"
""")
    child = Child("influxdb", [f"{root}/usr/bin/influxd", "-config", str(config)], folder, [http_port])
    return child, f"http://127.0.0.1:{http_port}"


def start_victoria(root, folder, ports):
    """VictoriaMetrics."""
    port = ports()
    child = Child("victoria", [f"{root}/usr/bin/victoria-metrics", f"-httpListenAddr=127.0.0.1:{port}",
                               f"-storageDataPath={folder}/victoria", "-search.latencyOffset=0s"],
                  folder, [port])
    return child, f"http://127.0.0.1:{port}"


def compress(node, page, url):
    """Sends a message whose template makes a hundred points, compressed."""
    node.configure(page, url, True)
    points = """{% for n in range(100) -%}
compressed,host={{ events[0].host }} number={{ n }}i {{ (events[0].timestamp | epoch("ns")) + n }}
{% endfor %}
"""
    (node.folder / "etc/templates/influxdb_batch.txt.j2").write_text(points)
    said = node.send("--event", "message.xml", "--direction", "in")
    if "content-encoding: gzip" not in said or "bytes compressed)" not in said:
        raise Wrong(said)
    return list(range(100))


def compressed_to_influxdb(node, page, url):
    """What InfluxDB has stored of points that came compressed."""
    wanted = compress(node, page, url)
    said = json.loads(get(f"{url}/query", db="batches", q="SELECT number FROM compressed"))
    got = [number for _, number in said["results"][0]["series"][0]["values"]]
    if got != wanted:
        raise Wrong(f"{got}")
    return f"{len(got)} points"


def by_zstd(node, sink, page):
    """What the program zstd makes of a body that came compressed by zstd."""
    node.configure(page, f"http://127.0.0.1:{sink.server_port}")
    file = node.folder / "mongooseim.toml"
    text = file.read_text()
    file.write_text(text.replace('  format = "json"\n', '  format = "json"\n  compress = "zstd"\n'))
    long = MESSAGE.replace("Hi", "Hi there, " * 200)
    (node.folder / "long.xml").write_text(long)
    sink.requests.clear()
    node.send("--event", "long.xml", *direction(page))
    (_, headers, body), = sink.requests
    if headers["content-encoding"] != "zstd":
        raise Wrong(f"{headers}")
    done = subprocess.run(["zstd", "-dc"], input=body, capture_output=True, check=True, timeout=PATIENCE)
    event = json.loads(done.stdout)
    if event["data"]["body"].count("Hi there, ") != 200:
        raise Wrong(f"{event}")
    return f"{len(done.stdout)} bytes of {len(body)}"


def create_database(url, database):
    """A database that keeps what is written. InfluxDB 1.6 answers 204 to what comes right after its creation, and may
    lose it."""
    query = urllib.request.Request(f"{url}/query?q=CREATE+DATABASE+{database}", method="POST")
    urllib.request.urlopen(query, timeout=PATIENCE).close()
    end = time.monotonic() + PATIENCE
    while "series" not in get(f"{url}/query", db=database, q="SELECT * FROM first"):
        if time.monotonic() > end:
            raise Wrong(f"{database} keeps nothing")
        write = urllib.request.Request(f"{url}/write?db={database}", data=b"first number=1i", method="POST")
        urllib.request.urlopen(write, timeout=PATIENCE).close()
        time.sleep(0.1)


def to_influxdb(node, page, url, batches=False):
    """What InfluxDB has stored of a message and a presence."""
    database = "batches" if batches else "xmpp"
    create_database(url, database)
    node.configure(page, url, batches)
    node.send("--event", "message.xml", "--direction", "in")
    node.send("--event", "presence.xml", "--user-status", "online")
    said = json.loads(get(f"{url}/query", db=database, q="SELECT * FROM messages"))
    series = said["results"][0]["series"][0]
    rows = sorted((dict(zip(series["columns"], row)) for row in series["values"]),
                  key=lambda row: row["type"])
    got = [(row["host"], row["type"], row["count"], row["length"]) for row in rows]
    wanted = [("example.com", "message.chat", 1, len('Hi "Bob" & {{ id }} x')),
              ("example.com", "presence.online", 1, 0)]
    if got != wanted:
        raise Wrong(f"{got}, not {wanted}")
    return f"{len(got)} points"


def half_a_batch(url):
    """What becomes of a batch with a bad line, as the page says."""
    lines = b"half,host=a number=1i\nhalf,host=a number=\nhalf,host=b number=2i\n"
    write = urllib.request.Request(f"{url}/write?db=batches", data=lines, method="POST")
    try:
        urllib.request.urlopen(write, timeout=PATIENCE).close()
        raise Wrong("it was accepted")
    except urllib.error.HTTPError as error:
        said = error.read().decode()
        if error.code != 400 or "half,host=a number=" not in said:
            raise Wrong(f"{error.code} {said}") from error
    said = json.loads(get(f"{url}/query", db="batches", q="SELECT SUM(number) FROM half"))
    if said["results"][0]["series"][0]["values"][0][1] != 3:
        raise Wrong(f"{said}")
    return "2 of 3 points"


def to_victoria(node, page, url):
    """What VictoriaMetrics has stored of a message."""
    node.configure(page, url)
    node.send("--event", "message.xml", "--direction", "in")
    end = time.monotonic() + PATIENCE
    while True:
        said = get(f"{url}/api/v1/export", **{"match[]": 'messages_length{type="message.chat"}'})
        if said:
            break
        if time.monotonic() > end:
            raise Wrong("nothing is stored")
        time.sleep(0.2)
    values = json.loads(said.splitlines()[0])["values"]
    if values != [len('Hi "Bob" & {{ id }} x')]:
        raise Wrong(f"{values}")
    return "1 point"


class Report:
    """Counts and prints."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, function, *arguments):
        """One check."""
        try:
            said = function(*arguments) or "ok"
            self.passed += 1
            print(f"ok      {name}: {said}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            self.failed += 1
            kind = "" if isinstance(error, Wrong) else f"{type(error).__name__}: "
            print(f"FAILED  {name}: {kind}{error}", flush=True)


def main():
    """Runs it all; the exit status is 1 if a check has failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--google", required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="http-pusher-recipes-"))
    report, sink, children = Report(), Sink(), []
    pages = [page for page in sorted((REPOSITORY / "docs/recipes").glob("*.md"))
             if page.stem != "README"]
    try:
        node = Node(options.program, folder, f"http://127.0.0.1:{sink.server_port}/token")
        strict = block(REPOSITORY / "docs/recipes/README.md", "toml strict")
        for page in pages:
            node.configure(page)
            report.check(f"{page.stem}, check", node.check)
            report.check(f"{page.stem}, send", to_the_sink, node, sink, page)
            node.configure(page, more=strict)
            report.check(f"{page.stem} until it is delivered, check", node.check)
            if "```toml batch" in page.read_text():
                node.configure(page, batches=True)
                report.check(f"{page.stem} in batches, check", node.check)
                report.check(f"{page.stem} in batches, send", to_the_sink, node, sink, page, True)
        for name, check in (("fcm", descriptions.Google(options.google, "fcm.v1").fcm),
                            ("telegram", descriptions.telegram)):
            page = REPOSITORY / f"docs/recipes/{name}.md"
            report.check(f"{name}, as others describe it", described, node, sink, page, check)
        report.check("zstd", by_zstd, node, sink, REPOSITORY / "docs/recipes/webhook.md")
        ports, page = Ports(), REPOSITORY / "docs/recipes/influxdb.md"
        for name, start, function in (("InfluxDB", start_influxdb, to_influxdb),
                                      ("VictoriaMetrics", start_victoria, to_victoria)):
            child, url = start(options.root, folder, ports)
            children.append(child)
            report.check(f"{name} starts", child.wait_until_ready)
            report.check(f"{name}, for real", function, node, page, url)
            if name == "InfluxDB":
                report.check(f"{name}, in batches", to_influxdb, node, page, url, True)
                report.check(f"{name}, compressed", compressed_to_influxdb, node, page, url)
                report.check(f"{name}, half a batch", half_a_batch, url)
    finally:
        for child in children:
            child.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed or not report.passed else 0


if __name__ == "__main__":
    sys.exit(main())
