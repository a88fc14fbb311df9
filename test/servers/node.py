"""The Erlang node that sends: runs in it, and what came of them."""

import itertools
import json
import queue
import subprocess
import threading
from concurrent.futures import Future

# Characters that a form escapes, one outside ASCII and one outside the basic plane.
TEXT = "a&b=c+d%20e ü 💌\nline 2 "


def term(value):
    """An Erlang term: maps, whole numbers, booleans; text as a UTF-8 binary."""
    if isinstance(value, dict):
        return "#{" + ",".join(f"{key} => {term(item)}" for key, item in value.items()) + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return "<<" + ",".join(str(byte) for byte in value.encode()) + ">>"


def message(run, number, size=None):
    """The text of a sender's notification; as in servers_node.erl."""
    return f"{run} {number} {TEXT}" + "x" * (number * 200 if size is None else size)


class Node:
    """The node. It ends when its standard input does."""

    def __init__(self, command, log):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self.ids = itertools.count(1)
        self.waiting = {}
        self.lock = threading.Lock()
        self.slots = queue.Queue()
        words = self.process.stdout.readline().split()
        if words[:2] != [b"@", b"ready"]:
            raise RuntimeError(f"the node does not start: {words}")
        for slot in range(int(words[2])):
            self.slots.put(slot)
        threading.Thread(target=self._read, daemon=True).start()

    def start(self, url, **spec):
        """Begins a run; its result comes in the future."""
        run_id, slot, future = next(self.ids), self.slots.get(), Future()
        future.run, future.slot, future.spec = f"run{run_id}", slot, spec
        spec = {"url": url, "run": future.run, "text": TEXT, "request_timeout": 20000,
                "call_timeout": 40000, "workers": 10, "http2": False, **spec}
        # Text of the host's configuration, which is a string there.
        strings = {key: [*spec.pop(key)] for key in ("url", "path", "ca") if key in spec}
        fields = [f"{key} => {term(item)}" for key, item in spec.items()]
        fields += [f"{key} => {json.dumps(''.join(item))}" for key, item in strings.items()]
        with self.lock:
            self.waiting[run_id] = future
            line = f"{{run, {run_id}, {slot}, #{{{','.join(fields)}}}}}.\n"
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        return future

    def _read(self):
        for line in self.process.stdout:
            mark, run_id, text = line.decode().split(" ", 2)
            assert mark == "@", line
            with self.lock:
                future = self.waiting.pop(int(run_id))
            self.slots.put(future.slot)
            future.set_result(json.loads(text))
        with self.lock:
            for future in self.waiting.values():
                future.set_exception(RuntimeError("the node has ended"))

    def stop(self):
        """Ends the node."""
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
