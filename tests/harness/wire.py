"""HTTP/1.1 as bytes: sends exactly what it is told to, and reads replies so strictly that a byte too many is found."""

import re
import socket

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


class Wire:
  """One connection. `source` is the loopback address to come from."""

  def __init__(self, port, source=None, timeout=20):
    self.socket = socket.create_connection(("127.0.0.1", port), timeout * SLOW, (source, 0) if source else None)
    self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    self.buffer = b""
    self.closed = False

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.close()

  def close(self):
    self.socket.close()

  def send(self, data):
    """False when the server has hung up before the end."""
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
    return Reply(status, headers, body)

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
