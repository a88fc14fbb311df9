"""Receives signed events in FastAPI: verifies, answers, and does the work afterwards.

pip install fastapi uvicorn standardwebhooks
WEBHOOK_SECRET=whsec_... uvicorn fastapi_receiver:app --port 8080
"""

import os
from collections import OrderedDict

from fastapi import BackgroundTasks, FastAPI, HTTPException, Request
from standardwebhooks import Webhook, WebhookVerificationError

app = FastAPI()
webhook = Webhook(os.environ["WEBHOOK_SECRET"])
# With more than one process, keep the ids in a table that all see.
seen = OrderedDict()


def is_new(webhook_id):
    """Whether this id comes for the first time; the last 100,000 are remembered."""
    if webhook_id in seen:
        return False
    seen[webhook_id] = True
    if len(seen) > 100_000:
        seen.popitem(last=False)
    return True


async def body_of(request):
    """At most 1 MiB: anyone can send something before the signature is checked."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > 1024 * 1024:
            raise HTTPException(413)
    return bytes(body)


@app.post("/events", status_code=204)
async def events(request: Request, tasks: BackgroundTasks):
    """One event."""
    try:
        # Over the bytes as they came.
        event = webhook.verify(await body_of(request), dict(request.headers))
    except (WebhookVerificationError, ValueError) as error:
        raise HTTPException(401) from error
    if is_new(request.headers["webhook-id"]):
        tasks.add_task(handle, request.headers["webhook-id"], event)


def handle(webhook_id, event):
    """What takes time: runs after the answer, on a thread."""
    print(f"event {webhook_id} {event['type']}\n", end="", flush=True)
