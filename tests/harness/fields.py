"""Fields of bodies and query strings as docs/api/openapi.json describes them, and what would be wrong in each."""

import json
import re

from .sokoul import ROOT

# What the schema does not say of a field by its name: a text that it cannot be.
NEVER = {"base_url": "ftp://files.example/", "poster_url": "ftp://files.example/", "backdrop_url": "javascript:alert(1)", "release_date": "31.5.2019", "imdb_id": "7",
         "original_language": "Klingon", "cidr": "192.0.2.7/24", "email": "nobody", "token": "never-made", "info_hash": "zz", "magnet_link": "magnet:?x", "torrent_url": "ftp://x/",
         "kind": "opera", "ip": "here", "from": "soon", "to": "later", "cursor": "!", "sort": "nothing", "providers": ["Nobody's"], "expires_at": "2001-01-01T00:00:00Z"}
# Of those, what is read as one of these in query strings, too; the others are looked for as they are.
QUERIES = {"cursor", "sort", "ip", "from", "to"}
# And one that it may be, where the schema alone would let through what the program looks up.
ALWAYS = {"username": "fields", "email": "fields@example.org", "password": "correct horse battery", "new_password": "correct horse battery", "current_password": "correct horse battery",
          "cidr": "198.51.100.0/24", "base_url": "http://127.0.0.1:9/", "kind": "torznab", "media_type": "movie", "name": "fields"}


class Field:
  def __init__(self, document, name, schema, required):
    self.document, self.name, self.required = document, name, required
    self.schema = document.resolve(schema)
    kinds = self.schema.get("type", [])
    self.kinds = [kinds] if isinstance(kinds, str) else kinds

  def value(self):
    """A right one."""
    short = self.name.split(".")[-1]
    if short in ALWAYS:
      return ALWAYS[short]
    kind = self.kinds[0] if self.kinds else "string"
    if "enum" in self.schema:
      return self.schema["enum"][0]
    return {"boolean": False, "array": [], "object": {}}.get(kind, self.schema.get("minimum", 0) + 1 if kind in ("integer", "number") else "a text")

  def wrong_kinds(self):
    """Values of JSON types that it does not take."""
    fits = {"string": "string", "boolean": "boolean", "integer": "number", "number": "number", "array": "array", "object": "object"}
    taken = {fits.get(kind) for kind in self.kinds}
    return [value for kind, value in (("string", "x"), ("boolean", True), ("number", 7), ("array", [{}]), ("object", {"a": 1})) if kind not in taken]

  def wrong_values(self, as_text=False):
    """Values of the right type (texts, in a query string) that it cannot be."""
    found, schema, short = [], self.schema, self.name.split(".")[-1]
    if short in NEVER and (not as_text or short in QUERIES) and (short != "email" or "format" in schema):
      found.append(NEVER[short])
    if "enum" in schema:
      found.append("no such word")
    elif "string" in self.kinds:
      if self.required and not as_text and short != "current_password":
        found.append("")
      if schema.get("minLength", 0) > 1:
        found.append("x" * (schema["minLength"] - 1))
      if "maxLength" in schema:
        found.append("x" * (schema["maxLength"] + 1))
      if "pattern" in schema:
        found.append("a b!")
      found += {"uuid": ["7"], "date-time": ["soon", "2026-13-45"]}.get(schema.get("format"), [])
    if {"integer", "number"} & set(self.kinds):
      found += [schema["minimum"] - 1] if "minimum" in schema else []
      found += [schema["maximum"] + 1] if "maximum" in schema else []
      found += ["soon"] if as_text else []
    if "array" in self.kinds:
      found += [[7], ["x"] * (schema["maxItems"] + 1)] if "maxItems" in schema else [[7]]
    if as_text and "boolean" in self.kinds:
      found.append("maybe")
    return found


class Operation:
  def __init__(self, method, path, query, body):
    self.method, self.path, self.query, self.body = method, path, query, body
    self.name = f"{method} {path}"

  def fill(self, ids):
    path = re.sub(r"\{(\w+)\}", lambda match: ids[self.name.split("{")[0].rstrip("/")] if self.name.split("{")[0].rstrip("/") in ids else ids[match[1]], self.path)
    return path.removeprefix("/api/v1") if path.startswith("/api/v1/") else "/" + path


class Document:
  def __init__(self):
    self.root = json.loads((ROOT / "docs" / "api" / "openapi.json").read_text())

  def resolve(self, value):
    while "$ref" in value:
      place = self.root
      for part in value["$ref"].removeprefix("#/").split("/"):
        place = place[part]
      value = place
    return value

  def fields(self, schema, prefix=""):
    """Those of an object, and those of its groups under their full names."""
    schema, found = self.resolve(schema), []
    for name, child in schema.get("properties", {}).items():
      field = Field(self, prefix + name, child, name in schema.get("required", []))
      found.append(field)
      if "object" in field.kinds:
        found += self.fields(field.schema, prefix + name + ".")
    return found

  def operations(self):
    """Every one with a query string or a JSON body."""
    found = []
    for path, item in self.root["paths"].items():
      for method, operation in item.items():
        if method not in ("get", "post", "put", "patch", "delete"):
          continue
        query = [self.resolve(one) for one in operation.get("parameters", [])]
        query = [Field(self, one["name"], one["schema"], one.get("required", False)) for one in query if one["in"] == "query"]
        content = self.resolve(operation.get("requestBody", {})).get("content", {})
        body = self.fields(content["application/json"]["schema"]) if "application/json" in content else []
        if query or body:
          found.append(Operation(method.upper(), path, query, body))
    return found


def put(body, name, value):
  """body["a"]["b"] = value for the name a.b; False where a is something else already."""
  *groups, last = name.split(".")
  for group in groups:
    body = body.setdefault(group, {})
    if not isinstance(body, dict):
      return False
  body[last] = value
  return True
