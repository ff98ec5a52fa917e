"""HTTP/1.1 as bytes: sends exactly what it is told to, and reads replies so strictly that a byte too many is found."""

import re
import socket
import urllib.parse

from . import replies
from .http import Reply
from .process import SLOW

CLOSED = None  # what a read gives when the server has ended the connection


class Garbage(AssertionError):
  """The server sent what is no reply."""


class _Headers(dict):
  """Case does not matter in names; a name that stands twice is an error, as every one of ours stands once."""

  def __init__(self, lines):
    super().__init__()
    for line in lines:
      match = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([^\r\n\0]*)", line)
      if not match:
        raise Garbage(f"no header line: {line!r}")
      name = match[1].lower()
      if name in self and name != "set-cookie":
        raise Garbage(f"{name} stands twice: {lines}")
      self[name] = match[2]

  def __getitem__(self, name):
    return super().__getitem__(name.lower())

  def get(self, name, default=None):
    return super().get(name.lower(), default)

  def __contains__(self, name):
    return super().__contains__(name.lower())


NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
BROKEN = ("BROKEN", "*")  # who asked for what cannot be said; the reply is a refusal that every route may give


class Asked:
  """What was sent, read so strictly that nothing has two readings: whose reply the next one is."""

  def __init__(self, sent=b""):
    self.data, self.at, self.is_broken = bytearray(sent), 0, False

  def _head(self):
    """(method, path, length, is it chunked) of the next request, and `at` is behind its head; None when it has no plain reading."""
    while self.data.startswith(b"\r\n", self.at):
      self.at += 2
    end = self.data.find(b"\r\n\r\n", self.at)
    if end < 0:
      return None
    first, *lines = bytes(self.data[self.at:end]).decode("latin-1").split("\r\n")
    self.at = end + 4
    line = re.fullmatch(rf"({NAME}) ([!-~\x80-\xff]+) HTTP/1\.[0-9]", first)
    headers = [re.fullmatch(rf"({NAME}):[ \t]*([\t -~\x80-\xff]*?)[ \t]*", one) for one in lines]
    if not line or None in headers:
      return None
    values = {name: [one[2] for one in headers if one[1].lower() == name] for name in ("host", "content-length", "transfer-encoding")}
    lengths, codings = values["content-length"], values["transfer-encoding"]
    target = urllib.parse.urlsplit(line[2]) if line[2].startswith("http://") else None
    if len(values["host"]) > 1 or (not values["host"] and first.endswith("1")) or (target and target.netloc != values["host"][0]):
      return None
    if len(lengths) + len(codings) > 1 or not all(re.fullmatch("[0-9]{1,18}", one) for one in lengths) or not all(one.lower() == "chunked" for one in codings):
      return None
    return line[1], target.path if target else line[2], int(lengths[0]) if lengths else 0, bool(codings)

  def _skip_chunks(self):
    """Goes behind the last one; False when they cannot be followed."""
    while chunk := re.compile(rb"([0-9A-Fa-f]{1,15})(;[^\r\n]*)?\r\n").match(self.data, self.at):
      size = int(chunk[1], 16)
      self.at = chunk.end() + size
      if not size:
        trailers = re.compile(rb"([^\r\n]+\r\n)*\r\n").match(self.data, self.at)
        self.at = trailers.end() if trailers else self.at
        return bool(trailers)
      if not self.data.startswith(b"\r\n", self.at):
        return False
      self.at += 2
    return False

  def next(self):
    """(method, path) of the request that the next reply answers; BROKEN from the first on that has no plain reading."""
    head = None if self.is_broken else self._head()
    if not head:
      self.is_broken = True
      return BROKEN
    method, path, length, is_chunked = head
    if is_chunked:
      self.is_broken = not self._skip_chunks()
    else:
      self.at += length
    if self.at > 1 << 20:
      read = min(self.at, len(self.data))
      del self.data[:read]
      self.at -= read
    return method, path


class Conversation:
  """What came back on one connection, and what had been asked; its replies are held against the API's description. Not `ours`: they
  may be those of somebody else than the program."""

  def __init__(self, sent=b"", received=b"", ours=True):
    self.asked = Asked(sent) if ours else None
    self.buffer, self.closed = received, False

  def _more(self):
    """Adds to `buffer`; False when nothing will come any more."""
    return False

  def reply(self, method="GET"):
    """The next reply, also an interim one; CLOSED when the connection ends before its first byte."""
    while b"\r\n\r\n" not in self.buffer:
      if not self._more():
        if self.buffer:
          raise Garbage(f"the connection ended inside a head: {self.buffer[:300]!r}")
        return CLOSED
    head, rest = self.buffer.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    match = re.fullmatch(r"HTTP/1\.[01] (\d{3}) [ -~]*", lines[0])
    if not match:
      raise Garbage(f"no status line: {lines[0]!r}")
    status, headers = int(match[1]), _Headers(lines[1:])
    bodiless = method == "HEAD" or status in (204, 304) or status < 200
    length = 0 if bodiless else int(headers["Content-Length"])
    self.buffer = rest
    while len(self.buffer) < length:
      if not self._more():
        raise Garbage(f"{len(self.buffer)} of {length} bytes of a body: {head!r}")
    body, self.buffer = self.buffer[:length], self.buffer[length:]
    reply = Reply(status, headers, body)
    if self.asked and status != 100:
      replies.note(*self.asked.next(), reply)
    return reply

  def final(self, method="GET"):
    """The next reply that is not an interim one."""
    while True:
      reply = self.reply(method)
      if reply is CLOSED or reply.status >= 200:
        return reply

  def all(self, limit=10_000):
    """Every reply until the server ends the connection."""
    found = []
    while len(found) < limit:
      reply = self.reply()
      if reply is CLOSED:
        return found
      found.append(reply)
    raise AssertionError(f"more than {limit} replies")


class Wire(Conversation):
  """One connection. `source` is the loopback address to come from."""

  def __init__(self, port, source=None, timeout=20, ours=True):
    super().__init__(ours=ours)
    self.socket = socket.create_connection(("127.0.0.1", port), timeout * SLOW, (source, 0) if source else None)
    self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.close()

  def close(self):
    self.socket.close()

  def send(self, data):
    """False when the server has hung up before the end."""
    if self.asked:
      self.asked.data += data
    try:
      self.socket.sendall(data)
      return True
    except (BrokenPipeError, ConnectionResetError):
      return False

  def finish(self):
    """Nothing more will be sent."""
    try:
      self.socket.shutdown(socket.SHUT_WR)
    except OSError:
      pass

  def _more(self):
    if self.closed:
      return False
    try:
      piece = self.socket.recv(1 << 16)
    except ConnectionResetError:
      piece = b""
    self.closed = not piece
    self.buffer += piece
    return bool(piece)
