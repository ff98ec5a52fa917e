"""A small validator for the JSON Schema (2020-12) that docs/api/openapi.json uses; what it does not know is an error."""

import json
import re
import uuid

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None)}
KNOWN = {"$ref", "additionalProperties", "anyOf", "default", "description", "enum", "format", "items", "maxItems", "maxLength", "maximum",
         "minLength", "minimum", "oneOf", "pattern", "properties", "required", "type"}
FORMATS = {"uuid": lambda text: str(uuid.UUID(text)) == text,
           "date-time": lambda text: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text),
           "date": lambda text: re.fullmatch(r"\d{4}-\d\d-\d\d", text),
           "email": lambda text: "@" in text,
           "password": lambda text: True}


class Schemas:
  """The schemas of one document."""

  def __init__(self, document):
    self.document = document

  def resolve(self, value):
    while "$ref" in value:
      place = self.document
      for part in value["$ref"].removeprefix("#/").split("/"):
        place = place[part]
      value = place
    return value

  def problems(self, value, schema, where="$"):
    """Everything that is wrong with `value`; fields that the schema does not describe are wrong too."""
    schema = self.resolve(schema)
    if set(schema) - KNOWN:
      return [f"{where}: the schema says {set(schema) - KNOWN}, which this validator does not know"]
    types = schema.get("type", list(TYPES))
    if not any(is_type(value, name) for name in ([types] if isinstance(types, str) else types)):
      return [f"{where}: {json.dumps(value)[:80]} is no {types}"]
    found = []
    if "enum" in schema and value not in schema["enum"]:
      found.append(f"{where}: {value!r} is none of {schema['enum']}")
    for kind, most in (("anyOf", None), ("oneOf", 1)):
      if kind in schema:
        good = sum(not self.problems(value, one, where) for one in schema[kind])
        if not good or good > (most or good):
          found.append(f"{where}: {good} of {kind} hold")
    if isinstance(value, str):
      found += text_problems(value, schema, where)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
      if value < schema.get("minimum", value) or value > schema.get("maximum", value):
        found.append(f"{where}: {value} is out of range")
    elif isinstance(value, dict):
      found += self.object_problems(value, schema, where)
    elif isinstance(value, list):
      if len(value) > schema.get("maxItems", len(value)):
        found.append(f"{where}: {len(value)} items are too many")
      for number, item in enumerate(value if "items" in schema else []):
        found += self.problems(item, schema["items"], f"{where}[{number}]")
    return found

  def object_problems(self, value, schema, where):
    found = [f"{where}: {name} is missing" for name in schema.get("required", []) if name not in value]
    properties, more = schema.get("properties", {}), schema.get("additionalProperties")
    for name, child in value.items():
      if name in properties:
        found += self.problems(child, properties[name], f"{where}.{name}")
      elif isinstance(more, dict):
        found += self.problems(child, more, f"{where}.{name}")
      elif properties:
        found.append(f"{where}: {name} is not described")
    return found


def is_type(value, name):
  if isinstance(value, bool):
    return name == "boolean"
  return isinstance(value, TYPES[name]) or (name == "integer" and isinstance(value, float) and value.is_integer())


def text_problems(value, schema, where):
  found = []
  if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
    found.append(f"{where}: {len(value)} characters")
  if "pattern" in schema and not re.search(schema["pattern"], value):
    found.append(f"{where}: {value!r} does not match {schema['pattern']}")
  try:
    good = FORMATS[schema["format"]](value) if "format" in schema else True
  except ValueError:
    good = False
  return found if good else found + [f"{where}: {value!r} is no {schema['format']}"]
