"""Whether a dashboard is one that Grafana's own definitions know, field by field: those of its Foundation SDK, which are made
of the definitions that Grafana itself is made of. A Grafana is in no package registry."""

import json

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

register_default_plugins()


def unknown(dashboard):
    """The places of what does not come through reading and writing: no such field, or another type. A panel's own options
    are read as its type of panel defines them."""
    read = Dashboard.from_json(json.loads(json.dumps(dashboard)))
    return list(differences(dashboard, json.loads(JSONEncoder().encode(read)), ""))


def differences(given, kept, place):
    """Where what was kept lacks or changes something that was given; it may have more, which are defaults."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, value in given.items():
            yield from differences(value, kept.get(name), f"{place}/{name}")
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for at, (one, other) in enumerate(zip(given, kept)):
            yield from differences(one, other, f"{place}/{at}")
    elif given != kept:
        yield place
