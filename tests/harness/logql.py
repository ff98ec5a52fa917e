"""The part of LogQL that our examples use, over lines of JSON: {selector} filters | json | comparisons; count_over_time, rate, sum by, topk.

(https://grafana.com/docs/loki/latest/query/) As Loki has it: labels are what the shipper makes of a line (`job`, `level`); the other fields
are there behind `| json`, nested ones with `_` between; a comparison with a number holds for numbers only, one with a text for text.
"""

import json
import re

LABELS = ("job", "level")
TOKEN = re.compile(r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?P<range>\[\d+[smhd]\])|(?P<number>\d+(?:\.\d+)?)|(?P<word>[A-Za-z_]\w*)
                       |(?P<sign>\|=|\|~|!=|!~|=~|==|>=|<=|[{}(),|=><]))""", re.X)
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Mistake(AssertionError):
  """No query, or one beyond what this understands."""


def _tokens(query):
  at, found = 0, []
  while at < len(query.rstrip()):
    match = TOKEN.match(query, at)
    if not match:
      raise Mistake(f"at {query[at:at + 30]!r} of {query!r}")
    found.append((match.lastgroup, match[match.lastgroup]))
    at = match.end()
  return found


def _text(token):
  return token[1:-1] if token[0] == "`" else json.loads(token)


def _flat(value, prefix=""):
  found = {}
  for key, inner in value.items():
    if isinstance(inner, dict):
      found.update(_flat(inner, f"{prefix}{key}_"))
    elif not isinstance(inner, list):
      found[prefix + key] = inner
  return found


def _compare(sign, wanted):
  if isinstance(wanted, str):
    whole = re.compile(wanted) if sign in ("=~", "!~") else None
    return {"=": lambda value: value == wanted, "!=": lambda value: value != wanted, "=~": lambda value: bool(whole.fullmatch(value)),
            "!~": lambda value: not whole.fullmatch(value)}[sign]
  compare = {"=": lambda a, b: a == b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
             "<": lambda a, b: a < b, "<=": lambda a, b: a <= b}[sign]

  def holds(value):
    try:
      return compare(float(value), wanted)
    except ValueError:
      return False
  return holds


class _Reader:
  def __init__(self, query):
    self.query, self.tokens, self.at = query, _tokens(query), 0

  def peek(self):
    return self.tokens[self.at][1] if self.at < len(self.tokens) else None

  def take(self, *wanted):
    if self.at >= len(self.tokens) or (wanted and self.tokens[self.at][1] not in wanted and self.tokens[self.at][0] not in wanted):
      raise Mistake(f"expected {wanted} at {self.tokens[self.at:self.at + 3]} of {self.query!r}")
    self.at += 1
    return self.tokens[self.at - 1][1]

  def comma(self, end, item):
    found = [item()]
    while self.peek() == ",":
      self.take(",")
      found.append(item())
    self.take(end)
    return found

  # Each gives a function of the lines.

  def matcher(self):
    name, sign, wanted = self.take("word"), self.take("=", "!=", "=~", "!~"), _text(self.take("text"))
    if name not in LABELS:
      raise Mistake(f"{name} is no label of the shipper: {self.query!r}")
    holds = _compare(sign, wanted)
    return lambda labels: holds(str(labels.get(name, "")))

  def comparison(self):
    name, sign = self.take("word"), self.take("=", "!=", "=~", "!~", "==", ">", ">=", "<", "<=")
    if self.tokens[self.at][0] == "text":
      wanted, missing = _text(self.take()), ""
    else:
      wanted, missing = float(self.take("number")), "nothing"
    holds = _compare(sign, wanted)
    return lambda labels: holds(str(labels.get(name, missing)))

  def any_of(self):
    """Comparisons with `and` and `or` (`and` binds closer)."""
    alternatives = [[self.comparison()]]
    while self.peek() in ("and", "or", ","):
      if self.take() == "or":
        alternatives.append([self.comparison()])
      else:
        alternatives[-1].append(self.comparison())
    return lambda labels: any(all(one(labels) for one in every) for every in alternatives)

  def stage(self):
    sign = self.take("|=", "!=", "|~", "!~", "|")
    if sign != "|":
      wanted = _text(self.take("text"))
      inside = {"|=": lambda text: wanted in text, "!=": lambda text: wanted not in text, "|~": lambda text: bool(re.search(wanted, text)),
                "!~": lambda text: not re.search(wanted, text)}[sign]
      return lambda rows: [row for row in rows if inside(row[0])]
    if self.peek() == "json":
      self.take()
      return lambda rows: [(text, {**_flat(json.loads(text)), **labels}) for text, labels in rows]
    holds = self.any_of()
    return lambda rows: [row for row in rows if holds(row[1])]

  def lines(self):
    self.take("{")
    matchers = self.comma("}", self.matcher)
    stages = []
    while self.peek() in ("|=", "!=", "|~", "!~", "|"):
      stages.append(self.stage())

    def run(rows):
      rows = [row for row in rows if all(one(row[1]) for one in matchers)]
      for stage in stages:
        rows = stage(rows)
      return rows
    return run

  def metric(self):
    name = self.take("word")
    if name in ("count_over_time", "rate"):
      self.take("(")
      lines, span = self.lines(), self.take("range")
      self.take(")")
      seconds = int(span[1:-2]) * SECONDS[span[-2]]

      def run(rows):
        found = {}
        for _, labels in lines(rows):
          key = tuple(sorted((name, str(value)) for name, value in labels.items()))
          found[key] = found.get(key, 0) + (1 / seconds if name == "rate" else 1)
        return found
      return run
    if name == "topk":
      self.take("(")
      count = int(self.take("number"))
      self.take(",")
      inner = self.metric()
      self.take(")")
      return lambda rows: dict(sorted(inner(rows).items(), key=lambda item: -item[1])[:count])
    if name != "sum":
      raise Mistake(f"{name} in {self.query!r}")
    by = []
    if self.peek() == "by":
      self.take("by")
      self.take("(")
      by = self.comma(")", lambda: self.take("word"))
    self.take("(")
    inner = self.metric()
    self.take(")")

    def run(rows):
      found = {}
      for key, value in inner(rows).items():
        group = tuple((name, dict(key).get(name, "")) for name in by)
        found[group] = found.get(group, 0) + value
      return found
    return run


def evaluate(query, lines):
  """Lines (text) of a log query, {labels: value} of a metric query."""
  reader = _Reader(query)
  is_log = reader.peek() == "{"
  run = reader.lines() if is_log else reader.metric()
  if reader.peek() is not None:
    raise Mistake(f"more behind the end of {query!r}")
  rows = []
  for text in lines:
    fields = json.loads(text)
    rows.append((text, {name: fields[name] for name in LABELS if name in fields}))
  found = run(rows)
  return [text for text, _ in found] if is_log else found
