"""Reads requests, one a line (native/payload/examples/requests.rs), with Python's JSON parser and the official
SDK of CloudEvents, and checks each event against docs/schemas with another validator than the Rust tests have."""

import json
import sys
from pathlib import Path

from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from jsonschema import Draft202012Validator, FormatChecker


def validators(folder):
    """A validator by type of event."""
    found = {}
    for file in Path(folder).glob("*.json"):
        schema = json.loads(file.read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(schema)
        checker = FormatChecker(formats=["date-time"])
        found[file.stem] = Draft202012Validator(schema, format_checker=checker)
    return found


def is_cloudevent(headers):
    """Structured or binary."""
    return "ce-id" in headers or headers["content-type"] == "application/cloudevents+json"


def cloudevent(headers, body):
    """The event as the SDK reads it, in the shape of a JSON event, after its attributes were checked."""
    event = from_http_event(HTTPMessage(headers, body.encode()))
    assert event.get_specversion() == "1.0", event.get_specversion()
    assert event.get_id() == headers["webhook-id"], event.get_id()
    assert event.get_datacontenttype() == "application/json", event.get_datacontenttype()
    source = event.get_source()
    sources = ("xmpp://localhost", "xmpp://m%C3%BCnchen.example", "urn:example:50%25")
    assert source in sources, source
    time = event.get_time()
    data = event.get_data()
    data = data if isinstance(data, dict) else json.loads(data)
    if source == "xmpp://m%C3%BCnchen.example":
        assert data["host"] == "münchen.example", data
    return {"type": event.get_type(), "timestamp": f"{time:%Y-%m-%dT%H:%M:%S.%f}Z", "data": data}


def events_of(request):
    """The events of a request with their texts and ids, and how many of them are CloudEvents. The SDK knows no batches, but
    each member of a batch is a structured event."""
    headers, body = request["headers"], request["body"]
    if "messages" not in request:
        if is_cloudevent(headers):
            return [(cloudevent(headers, body), request["message"])], 1
        return [(json.loads(body), request["message"])], 0
    members = json.loads(body)
    assert [member["id"] for member in members] == request["ids"], members
    assert headers["webhook-id"] not in request["ids"], headers
    if headers["content-type"] == "application/json":
        return list(zip(members, request["messages"], strict=True)), 0
    assert headers["content-type"] == "application/cloudevents-batch+json", headers
    structured = {"content-type": "application/cloudevents+json"}
    events = [cloudevent({**structured, "webhook-id": member["id"]}, json.dumps(member)) for member in members]
    return list(zip(events, request["messages"], strict=True)), len(events)


def main():
    """FOLDER of the schemas; the requests are on standard input."""
    by_type = validators(sys.argv[1])
    count = events = cloudevents = 0
    for line in sys.stdin:
        request = json.loads(line)
        if "messages" in request and request["headers"]["content-type"] == "application/json":
            by_type["batch"].validate(json.loads(request["body"]))
        members, of_them = events_of(request)
        for event, text in members:
            by_type[event["type"]].validate(event)
            assert event["timestamp"] == "2026-11-26T12:34:56.789012Z", event["timestamp"]
            assert event["data"].get("body") == text, event["data"]
        count, events, cloudevents = count + 1, events + len(members), cloudevents + of_them
    assert cloudevents and events > cloudevents and events > count, "requests of each kind"
    print(f"Python: {count} requests with {events} events, {cloudevents} CloudEvents among them, are as the schemas say")


main()
