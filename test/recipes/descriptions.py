"""What others have written down for programs about the services of the recipes: Google's description of Firebase Cloud
Messaging, and the types that aiogram makes of the documentation of Telegram's Bot API."""

import json
import re
import zipfile

from aiogram.methods import SendMessage
from aiogram.types import LinkPreviewOptions


class Unfit(Exception):
    """A request or an answer is not as described."""


class Google:
    """The description of an API: a file of the package google-api-python-client."""

    def __init__(self, wheel, name):
        with zipfile.ZipFile(wheel) as package:
            path = f"googleapiclient/discovery_cache/documents/{name}.json"
            self.api = json.loads(package.read(path))

    def fcm(self, url, body, answer):
        """A request that sends a message, and its answer."""
        method = self.api["resources"]["projects"]["resources"]["messages"]["methods"]["send"]
        parent = method["parameters"]["parent"]["pattern"].strip("^$")
        path = method["path"].replace("{+parent}", "PARENT")
        pattern = re.escape(self.api["rootUrl"] + path).replace("PARENT", f"({parent})")
        if method["httpMethod"] != "POST" or not re.fullmatch(pattern, url):
            raise Unfit(f"{url} is not {pattern}")
        self.fits(json.loads(body), method["request"], "request")
        self.fits(json.loads(answer), method["response"], "answer")
        return f"as of {self.api['revision']}"

    def fits(self, value, schema, where):
        """Whether a value is of a schema; no member may be unknown."""
        schema = self.api["schemas"][schema["$ref"]] if "$ref" in schema else schema
        kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
        if not isinstance(value, kinds[schema["type"]]):
            raise Unfit(f"{where} is not {schema['type']}")
        if "enum" in schema and value.upper() not in schema["enum"]:
            raise Unfit(f"{where} is not one of {schema['enum']}")
        if isinstance(value, list):
            for number, item in enumerate(value):
                self.fits(item, schema["items"], f"{where}[{number}]")
        if isinstance(value, dict):
            members = schema.get("properties", {})
            for name, member in value.items():
                found = members.get(name, schema.get("additionalProperties"))
                if found is None:
                    raise Unfit(f"{where} has {name}")
                self.fits(member, found, f"{where}.{name}")


def known(members, model, where):
    """No member is unknown to a type of aiogram."""
    names = {field.alias or name for name, field in model.model_fields.items()}
    if unknown := set(members) - names:
        raise Unfit(f"{where} has {unknown}")


def telegram(path, body, answer):
    """A request to the Bot API that sends a message, and its answer."""
    if path.rsplit("/", 1)[1] != SendMessage.__api_method__:
        raise Unfit(path)
    body, answer = json.loads(body), json.loads(answer)
    known(body, SendMessage, "the request")
    known(body["link_preview_options"], LinkPreviewOptions, "link_preview_options")
    sent = SendMessage.model_validate(body)
    if not 1 <= len(sent.text) <= 4096 or answer["ok"] is not True:
        raise Unfit(f"{sent.text}, {answer}")
    known(answer["result"], SendMessage.__returning__, "the answer")
    return SendMessage.__returning__.model_validate(answer["result"]).chat.type
