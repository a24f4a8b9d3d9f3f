"""The JSON Schema of a report, made from its own classes: docs/report.schema.json."""

import dataclasses
import inspect
import json
import re
from typing import Any

from pydantic import TypeAdapter

from handrail.ledger.report import figures, model, task

ARGUMENT = re.compile(r"^    (\w+): (.+(?:\n        .+)*)", re.MULTILINE)


def schema_text() -> str:
    """Return the schema as it is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:  # Any: JSON
    """Return the schema; what each field means is what its class says of it."""
    found = TypeAdapter(model.Report).json_schema(mode="serialization")
    classes = {
        name: each
        for module in (figures, model, task)
        for name, each in vars(module).items()
        if dataclasses.is_dataclass(each)
    }
    parts = {"Report": found, **found["$defs"]}
    for name, part in parts.items():
        doc = inspect.getdoc(classes[name]) or ""  # Python 3.13 keeps it without its margin
        part["description"] = doc.splitlines()[0]
        part["additionalProperties"] = False
        part["required"] = list(part["properties"])
        for field, words in ARGUMENT.findall(doc):
            if field in part["properties"]:
                part["properties"][field]["description"] = " ".join(words.split())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | found
