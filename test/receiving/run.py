"""The commands of README's ten minutes and of docs/receiving.md, as they are written there: run by scripts/test-receiving.

The receivers in Flask and in Express take every event that `http-pusher simulate` has sent, verified and once, and refuse
what another key has signed. A port that is free stands for 8080, and the program is there already.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "test/servers"))

from process import PATIENCE, Ports  # noqa: E402 pylint: disable=wrong-import-position

SECTION = "## Ten minutes, without MongooseIM"
BUILD = "cargo build -p http-pusher-cli"
EVENT = re.compile(r"^event (msg_\w+) ((?:message|presence)\.\w+)$", re.MULTILINE)
SUMMARY = re.compile(r"^\{\"accepted\".*\}$", re.MULTILINE)


class Wrong(Exception):
    """A check has failed."""


def blocks(page, language, after="", until="\n## "):
    """The fenced blocks of a language in a part of a page."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    start = text.index(after) + len(after)
    end = text.find(until, start) if after else -1
    part = text[start:end if end > 0 else None]
    return re.findall(rf"^```{language}\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)


class Place:
    """A copy of what a clone has, as far as the commands need it."""

    def __init__(self, folder, program, port):
        self.port = port
        self.root = Path(folder)
        receivers = self.root / "examples/receivers"
        self.received = receivers / "received"
        shutil.copytree(REPOSITORY / "examples/receivers", receivers,
                        ignore=shutil.ignore_patterns(".venv", "node_modules", "webhook_secret"))
        (self.root / "target/debug").mkdir(parents=True)
        (self.root / "target/debug/http-pusher").symlink_to(Path(program).resolve())
        for file in receivers.iterdir():
            file.write_text(self.local(file.read_text(encoding="utf-8")), encoding="utf-8")

    def local(self, text):
        """The text with the port that is free."""
        return text.replace("8080", str(self.port))

    def events(self):
        """The ids and types of the events that the receiver has printed."""
        return EVENT.findall(self.received.read_text(errors="replace"))

    def run(self, script, done):
        """Runs the script until `done` accepts what it has printed; then ends what it has left running."""
        output = self.root / "output"
        self.received.write_text("", encoding="utf-8")
        # What runs in the background lives as long as this shell, which ends when its input does.
        command = f"set -e\n{self.local(script)}\ncat > /dev/null"
        with output.open("wb") as file:
            shell = subprocess.Popen(["bash", "-c", command], cwd=self.root, stdin=subprocess.PIPE, stdout=file,
                                     stderr=subprocess.STDOUT, start_new_session=True)
        try:
            # It also installs the receiver's packages, which takes minutes on a busy machine.
            end = time.monotonic() + 10 * PATIENCE
            while not done(text := output.read_text(errors="replace"), self.events()):
                if time.monotonic() > end or shell.poll() is not None:
                    raise Wrong(f"{len(self.events())} events; {text[-4000:]}")
                time.sleep(0.1)
            return text
        finally:
            os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()


def summaries(text):
    """What the program said at its ends."""
    return [json.loads(found) for found in SUMMARY.findall(text)]


def ten_minutes(place, receiver):
    """README's commands with one of its receivers, and then the last one with a key that the receiver does not have."""
    setup, flask, express, simulate = blocks("README.md", "sh", SECTION)
    if BUILD not in setup or "flask" not in flask or "express" not in express:
        raise Wrong("README has other commands than these")
    # Its status says whether the receiver kept up, which a busy machine may not.
    # What it has to try again still arrives before its end.
    simulate = simulate.replace("--duration 10s", f"--duration 3s --drain {PATIENCE}s").strip() + " || [ $? = 1 ]"
    other_key = ("echo whsec_bm90IHRoZSBzZWNyZXQgb2YgdGhlIHJlY2VpdmVy > other_secret\n"
                 "sed -i s/webhook_secret/other_secret/ mongooseim.toml")
    # In a file of its own: two programs that write into one file write into the middle of each other's lines.
    begin = {"flask": flask, "express": express}[receiver].replace(" &\n", " > received 2> received.log &\n")
    if "> received" not in begin:
        raise Wrong("README does not start the receiver in the background")
    script = "\n".join([setup.replace(BUILD, ":"), begin, simulate, other_key, simulate])

    def done(text, events):
        known = summaries(text)
        return len(known) == 2 and len(events) >= known[0]["sent"]

    text = place.run(script, done)
    (right, wrong), events = summaries(text), place.events()
    ids = {webhook_id for webhook_id, _ in events}
    if not right["sent"] == len(events) == len(ids) > 20 or right["statuses"] != {"204": len(events)}:
        raise Wrong(f"{len(events)} events, {len(ids)} ids: {right}")
    if not any(kind == "message.chat" for _, kind in events):
        raise Wrong("no message")
    if wrong["sent"] or wrong["failed"] != {"bad_status": wrong["accepted"]}:
        raise Wrong(f"with another key: {wrong}")
    return f"{len(events)} events, verified and handled once; {wrong['accepted']} with another key refused"


def page(place):
    """The commands of docs/receiving.md, and what they print if the page shows it."""
    program = place.root / "target/debug"
    env = {**os.environ, "PATH": f"{program}:{os.environ['PATH']}"}
    folder = place.root / "examples/receivers"
    (folder / "webhook_secret").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", encoding="utf-8")
    count = 0
    for block in blocks("docs/receiving.md", "console"):
        lines = block.splitlines()
        commands = [line[2:] for line in lines if line.startswith("$ ")]
        shown = [line for line in lines if not line.startswith("$ ")]
        script = "set -e\n" + "\n".join(commands).replace("simulate mongooseim.toml",
                                                           "simulate mongooseim.toml --drain 1s")
        run = subprocess.run(["bash", "-c", place.local(script)], cwd=folder, env=env, capture_output=True, text=True,
                             timeout=2 * PATIENCE, check=False)
        # Nothing listens, so the last command of a block may say that what it sent did not arrive.
        if run.returncode not in ([0, 1] if "simulate" in script else [0]):
            raise Wrong(f"{commands}: {run.stdout}{run.stderr}")
        if shown and run.stdout.splitlines() != shown:
            raise Wrong(f"{commands}: {run.stdout}")
        count += len(commands)
    if count < 6:
        raise Wrong(f"{count} commands")
    return f"{count} commands"


def main():
    """Runs everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    arguments = parser.parse_args()
    ports, passed, failed = Ports(), 0, 0
    checks = {
        "docs/receiving.md": page,
        "Flask": lambda place: ten_minutes(place, "flask"),
        "Express": lambda place: ten_minutes(place, "express"),
    }
    for name, check in checks.items():
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="http-pusher-receiving-") as folder:
            try:
                said = check(Place(folder, arguments.program, ports()))
                passed += 1
                print(f"{name}: {said} ({time.monotonic() - begin:.1f} s)", flush=True)
            except (Wrong, subprocess.SubprocessError) as error:
                failed += 1
                print(f"{name}: FAILED: {error}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
