"""Render's own OpenAPI document, where one is given: every answer is held against it.

The document is Render's and lies beside the project, never in it: ``RENDER_OPENAPI`` names the
file. Source: https://api-docs.render.com/openapi/render-public-api-1.json
"""

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from rehearsal.wire import Answer

VARIABLE = "RENDER_OPENAPI"
BASE = "urn:render"
# What Render itself answers otherwise than its document says, as recorded traffic shows: a deploy
# that goes on has `finishedAt: null`, one of an image has `commit: null`, no database a `project`.
RECORDED_NULLS = ("finishedAt", "commit")
RECORDED_ABSENT = "'project' is a required property"
# What every web service is by the document: its details fit `oneOf` three forms at once.
AMBIGUOUS = "is valid under each of"
BODILESS = frozenset({202, 204})


class Document:
    """The schemas of answers, by call and status.

    Args:
        text: The document, as JSON.
    """

    def __init__(self, text: str) -> None:
        self._whole = json.loads(text)
        resource = Resource(contents=self._whole, specification=DRAFT4)
        self._registry: Registry[Any] = Registry().with_resource(BASE, resource)
        self._paths = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path) for path in self._whole["paths"]
        ]
        self.validator = cache(self._validator)

    @classmethod
    def given(cls) -> "Document | None":
        """Read the document that the environment names; None where it names none."""
        path = os.environ.get(VARIABLE)
        return cls(Path(path).read_text(encoding="utf-8")) if path else None

    def problem(self, method: str, path: str, answer: Answer) -> str | None:
        """Return what makes an answer none of Render's, or None."""
        found = next((known for form, known in self._paths if form.fullmatch(path)), None)
        if found is None:
            return f"{method} {path} is in no document"
        schema = self._schema(found, method.lower(), answer.status)
        if schema is None:
            return f"status {answer.status} is not documented"
        if not schema:
            return "a body where none is documented" if answer.body.strip() else None
        if not answer.body.strip():
            return None if answer.status in BODILESS else "no body where one is documented"
        return self._first(schema, json.loads(answer.body))

    def _first(self, schema: str, body: Any) -> str | None:  # Any: JSON
        for error in self.validator(schema).iter_errors(body):
            *_, last = ["", *map(str, error.absolute_path)]
            as_recorded = error.instance is None and last in RECORDED_NULLS
            as_recorded = as_recorded or error.message == RECORDED_ABSENT
            if not (as_recorded or (error.validator == "oneOf" and AMBIGUOUS in error.message)):
                return f"{error.json_path}: {error.message[:160]}"
        return None

    def _validator(self, pointer: str) -> OAS30Validator:
        return OAS30Validator({"$ref": f"{BASE}#{pointer}"}, registry=self._registry)

    def _schema(self, path: str, method: str, status: int) -> str | None:
        """Return where the schema of an answer stands; empty where it has no body."""
        operation = self._whole["paths"][path].get(method)
        responses = operation["responses"] if operation else {}
        if str(status) not in responses:
            return None
        place = f"/paths/{_escaped(path)}/{method}/responses/{status}"
        response = responses[str(status)]
        while "$ref" in response:
            place = response["$ref"].removeprefix("#")
            response = self._at(place)
        if "application/json" not in response.get("content", {}):
            return ""
        return f"{place}/content/application~1json/schema"

    def _at(self, pointer: str) -> Any:  # Any: JSON
        value = self._whole
        for part in pointer.strip("/").split("/"):
            value = value[part.replace("~1", "/").replace("~0", "~")]
        return value


def _escaped(part: str) -> str:
    """Return a name as a JSON pointer has it."""
    return part.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
