"""Receives signed events in Flask: verifies, answers, and does the work afterwards.

pip install flask standardwebhooks
WEBHOOK_SECRET=whsec_... flask --app flask_receiver run --port 8080
"""

import os
import queue
import threading
from collections import OrderedDict

from flask import Flask, abort, request
from standardwebhooks import Webhook, WebhookVerificationError

app = Flask(__name__)
# Anyone can send something before the signature is checked.
app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024
webhook = Webhook(os.environ["WEBHOOK_SECRET"])
work = queue.Queue()
# With more than one process, keep the ids in a table that all see.
seen, lock = OrderedDict(), threading.Lock()


def is_new(webhook_id):
    """Whether this id comes for the first time; the last 100,000 are remembered."""
    with lock:
        if webhook_id in seen:
            return False
        seen[webhook_id] = True
        if len(seen) > 100_000:
            seen.popitem(last=False)
        return True


@app.post("/events")
def events():
    """One event."""
    try:
        # Over the bytes as they came.
        event = webhook.verify(request.get_data(), dict(request.headers))
    except (WebhookVerificationError, ValueError):
        abort(401)
    if is_new(request.headers["webhook-id"]):
        work.put((request.headers["webhook-id"], event))
    return "", 204


def handle_all():
    """What takes time."""
    while True:
        webhook_id, event = work.get()
        try:
            print(f"event {webhook_id} {event['type']}", flush=True)
        except Exception:  # It costs this event alone, not all that come after it.
            app.logger.exception("event %s", webhook_id)


threading.Thread(target=handle_all, daemon=True).start()
