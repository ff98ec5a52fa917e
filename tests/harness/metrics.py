"""What /metrics says: read, held against its own rules and against promtool's."""

import math
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LINE = re.compile(r'(\w+)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
  """`named`: the type of each family; `types`: of those that have a series; `series` by (name of the line, its labels as a
  frozenset of pairs)."""

  def __init__(self, text):
    self.text, self.named, self.series = text, {}, {}
    for line in text.splitlines():
      if line.startswith("# TYPE "):
        assert line.split()[2] not in self.named, f"twice: {line}"
        self.named[line.split()[2]] = line.split()[3]
      elif line and not line.startswith("#"):
        name, labels, value = LINE.fullmatch(line).groups()
        key = name, frozenset(LABEL.findall(labels or ""))
        assert key not in self.series, f"twice: {line}"
        self.series[key] = float(value)
    self.types = self.named
    there = {self.family(name) for name, _ in self.series}
    self.types = {name: kind for name, kind in self.named.items() if name in there}

  def sum(self, name, **labels):
    """Of all the series with at least these labels."""
    return sum(value for (at, has), value in self.series.items() if at == name and set(labels.items()) <= has)

  def values(self, label):
    return {value for _, has in self.series for name, value in has if name == label}

  def family(self, name):
    return name if name in self.types else re.sub(r"_(bucket|sum|count)$", "", name)

  def labels(self):
    """The label names of each family, without le."""
    found = {}
    for name, has in self.series:
      found.setdefault(self.family(name), set()).add(tuple(sorted(label for label, _ in has if label != "le")))
    return found

  def check(self):
    """Every rule of the format, and what promtool says."""
    for name, _ in self.series:
      assert self.family(name) in self.types, f"{name} has no type"
    for family in (name for name, kind in self.types.items() if kind == "histogram"):
      self.check_histogram(family)
    for (name, has), value in self.series.items():
      assert math.isfinite(value), (name, has, value)
      assert self.types[self.family(name)] == "gauge" or value >= 0, (name, has, value)
    done = subprocess.run(["promtool", "check", "metrics"], input=self.text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr

  def check_histogram(self, family):
    buckets = {}
    for (name, has), value in self.series.items():
      if name == family + "_bucket":
        bound = next(float(value) for label, value in has if label == "le")
        buckets.setdefault(frozenset(pair for pair in has if pair[0] != "le"), []).append((bound, value))
    assert buckets, f"{family} has no buckets"
    for has, found in buckets.items():
      found.sort()
      counts = [count for _, count in found]
      assert counts == sorted(counts), f"{family}{set(has)} is not cumulative: {found}"
      assert found[-1] == (math.inf, self.series[family + "_count", has]), f"{family}{set(has)}: +Inf is not the count"
      assert family + "_sum" in {name for name, labels in self.series if labels == has}


def documented():
  """{name: (type, labels)} of docs/guide/metrics.md."""
  page = (ROOT / "docs" / "guide" / "metrics.md").read_text()
  rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \|", page, re.M)
  return {name: (kind, tuple(sorted(re.findall(r"`(\w+)`", labels)))) for name, kind, labels in rows}


def read(client):
  reply = client.get("//metrics")
  assert reply.status == 200 and reply.headers["Content-Type"].startswith("text/plain; version=0.0.4"), reply
  return Metrics(reply.body.decode())


def check_against_page(metrics):
  page = documented()
  for family, shapes in metrics.labels().items():
    assert family in page, f"{family} is not in docs/guide/metrics.md"
    assert page[family] == (metrics.types[family], next(iter(shapes))) and len(shapes) == 1, (family, page[family], shapes)
