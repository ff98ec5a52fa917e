"""Secrets that must not come out: planted ones, searched for in everything a program emits, and shapes that no log may have."""

import base64
import re
import urllib.parse

# What no log line may hold, whichever test wrote it (Sokoul.kill looks).
SHAPES = {
  "a token": re.compile(r"eyJ[\w-]{20,}\.eyJ[\w-]{20,}"),
  "a password hash": re.compile(r"\$2[aby]\$\d\d\$[./\w]{53}"),
  "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
  "an API key": re.compile(r"\bsok_[\w-]{30,}"),
  "the tests' password": re.compile(r"correct horse battery"),
  "a signed link": re.compile(r"signature=[\w-]{43}"),
  "a ticket": re.compile(r"ticket=[\w-]{43}"),
  "an indexer's key": re.compile(r"(?i)\b(api_?key|passkey)=[\w-]+"),
  "a name and password in an address": re.compile(r"\w://[^/\s:@\"]+:[^/\s@\"]+@"),
  "the refresh cookie": re.compile(r"sokoul_refresh=[\w-]"),
}


def in_log(text):
  """[(what, line)] of a log."""
  return [(what, line[:300]) for what, shape in SHAPES.items() if shape.search(text) for line in text.splitlines() if shape.search(line)]


def spellings(value):
  raw = value if isinstance(value, bytes) else value.encode()
  found = {raw, base64.b64encode(raw).rstrip(b"="), base64.urlsafe_b64encode(raw).rstrip(b"="), raw.hex().encode(), raw.hex().upper().encode()}
  return found | {urllib.parse.quote(raw, safe="").encode(), urllib.parse.quote_plus(raw).encode(), raw.replace(b"/", b"\\/")}


class Planted:
  """`plant(name, value, *places)`: a secret and the places, as regular expressions, whose answer is meant to give it."""

  def __init__(self):
    self.secrets, self.emitted = {}, []

  def plant(self, name, value, *places):
    assert len(value) >= 16, name
    self.secrets[name, value] = (spellings(value), [re.compile(place) for place in places])
    return value

  def emit(self, place, data):
    self.emitted.append((place, data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")))

  @property
  def searched(self):
    return len(self.emitted), sum(len(data) for _, data in self.emitted)

  def found(self):
    """[(secret, place, what stands around it)] of every secret in a place it does not belong."""
    leaks = []
    for (name, _), (values, places) in self.secrets.items():
      for place, data in self.emitted:
        if any(allowed.fullmatch(place) for allowed in places):
          continue
        for value in values:
          at = data.find(value)
          if at >= 0:
            leaks.append((name, place, data[max(0, at - 120):at + len(value) + 40]))
            break
    return leaks
