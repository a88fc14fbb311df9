"""A web service in Flask, for gunicorn and waitress."""

from flask import Flask, abort, request

from record import record

app = Flask(__name__)


@app.post("/notifications")
def notifications():
    """What MongooseIM sends."""
    record(request.form, request.headers["host"], request.headers["content-type"])
    return "ok"


@app.post("/limited")
def limited():
    """Takes 100 KB: Flask looks at the length and answers 413."""
    request.max_content_length = 100_000
    return str(len(request.form))


@app.post("/private")
def private():
    """Leaves the body unread."""
    abort(401)
