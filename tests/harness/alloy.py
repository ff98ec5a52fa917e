"""Grafana Alloy's configuration syntax, as far as deploy/loki/ uses it: blocks, labels, attributes of text, lists and objects."""

import json
import re

TOKEN = re.compile(r"""\s*(?://[^\n]*)?(?:\s*(?P<text>"(?:[^"\\]|\\.)*")|\s*(?P<word>[A-Za-z_][\w.]*(?:\([^)]*\))?)|\s*(?P<sign>[{}\[\]=,+]))?""")


def tokens(text):
  at, found = 0, []
  while at < len(text):
    match = TOKEN.match(text, at)
    assert match.end() > at, f"not understood: {text[at:at + 40]!r}"
    at = match.end()
    if match.lastgroup:
      found.append((match.lastgroup, match[match.lastgroup]))
  return found


class _Reader:
  def __init__(self, text):
    self.tokens, self.at = tokens(text), 0

  def peek(self, ahead=0):
    return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else (None, None)

  def take(self, *wanted):
    kind, value = self.peek()
    assert value in wanted or kind in wanted, f"expected {wanted}, there is {self.tokens[self.at:self.at + 4]}"
    self.at += 1
    return value

  def value(self):
    kind, value = self.peek()
    if value == "{":
      found = self.several("{", "}", lambda: (self.take("word"), self.take("=") and self.value()))
      return dict(found)
    if value == "[":
      return self.several("[", "]", self.value)
    self.at += 1
    found = json.loads(value) if kind == "text" else value
    while self.peek()[1] == "+":
      self.take("+")
      found = f"{found}{self.value()}"
    return found

  def several(self, begin, end, item):
    self.take(begin)
    found = []
    while self.peek()[1] != end:
      found.append(item())
      if self.peek()[1] != end:
        self.take(",")
    self.take(end)
    return found

  def body(self, end):
    """(name, label, {attribute: value}, [blocks])"""
    attributes, blocks = {}, []
    while self.peek()[1] != end:
      name = self.take("word")
      if self.peek()[1] == "=":
        self.take("=")
        assert name not in attributes, name
        attributes[name] = self.value()
        continue
      label = json.loads(self.take("text")) if self.peek()[0] == "text" else None
      self.take("{")
      blocks.append((name, label, *self.body("}")))
      self.take("}")
    return attributes, blocks


def read(text):
  """The file's blocks."""
  attributes, blocks = _Reader(text).body(None)
  assert not attributes, attributes
  return blocks
