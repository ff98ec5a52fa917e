"""A WebSocket client on a plain socket (RFC 6455): enough to read events and to misbehave."""

import base64
import http.client
import io
import json
import os
import select
import socket
import struct
import time

from . import replies
from .http import Reply
from .process import SLOW

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Refused(Exception):
  def __init__(self, status, head):
    super().__init__(f"{status}: {head[:300]}")
    self.status = status


class WebSocket:
  def __init__(self, port, path="/ws", headers=None, host="127.0.0.1"):
    self.socket = self.connect(host, port)
    lines = {"Host": f"{host}:{port}", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), **(headers or {})}
    head = f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    self.socket.sendall(head.encode())
    self.buffer = b""
    while b"\r\n\r\n" not in self.buffer:
      more = self.socket.recv(65536)
      if not more:
        break
      self.buffer += more
    answer, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
    status = int(answer.split(b" ")[1])
    if answer.startswith(b"HTTP/1.1"):
      self._note(path, status, answer)
    if status != 101:
      self.socket.close()
      raise Refused(status, answer.decode(errors="replace"))
    self.closed = None  # the close code, once the server has closed
    self.events = []

  def connect(self, host, port):
    return socket.create_connection((host, port), timeout=30 * SLOW)

  def _note(self, path, status, answer):
    """The answer to the handshake, with its body when it is a refusal, is a reply like any other."""
    headers = http.client.parse_headers(io.BytesIO(answer.partition(b"\r\n")[2] + b"\r\n\r\n"))
    body = self.buffer if status != 101 else b""
    while status != 101 and len(body) < int(headers.get("Content-Length", 0)):
      more = self.socket.recv(65536)
      if not more:
        break
      body += more
    replies.note("GET", path, Reply(status, headers, body))

  def send(self, payload, opcode=TEXT):
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    mask = os.urandom(4)
    size = len(data)
    if size < 126:
      head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 65536:
      head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
      head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    key = (mask * (size // 4 + 1))[:size]
    masked = (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big") if size else b""
    self.socket.sendall(head + mask + masked)

  def _frame(self):
    """One frame from the buffer, or None while it is not complete."""
    if len(self.buffer) < 2:
      return None
    opcode, size, at = self.buffer[0] & 15, self.buffer[1] & 127, 2
    if size >= 126:
      width = 2 if size == 126 else 8
      if len(self.buffer) < 2 + width:
        return None
      size, at = int.from_bytes(self.buffer[2:2 + width], "big"), 2 + width
    if len(self.buffer) < at + size:
      return None
    payload, self.buffer = self.buffer[at:at + size], self.buffer[at + size:]
    return opcode, payload

  def pump(self, limit_s):
    """Reads what comes within the limit, or until one frame came; True when there was one."""
    deadline = time.monotonic() + limit_s
    while self.closed is None:
      frame = self._frame()
      if frame:
        opcode, payload = frame
        if opcode == TEXT:
          self.events.append(json.loads(payload))
          replies.note_message(self.events[-1])
        elif opcode == PING:
          self.send(payload, PONG)
        elif opcode == CLOSE:
          self.closed = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
        return True
      left = deadline - time.monotonic()
      if left <= 0 or not select.select([self.socket], [], [], left)[0]:
        return False
      more = self.socket.recv(65536)
      if not more:
        self.closed = 1006
        return False
      self.buffer += more
    return False

  def wait(self, type_, limit_s=30, where=lambda data: True):
    """The first event of the type, new or already read, that `where(data)` holds for."""
    deadline = time.monotonic() + limit_s * SLOW
    seen = 0
    while True:
      for event in self.events[seen:]:
        if event["type"] == type_ and where(event["data"]):
          return event
      seen = len(self.events)
      assert self.closed is None, f"closed with {self.closed} while waiting for {type_}"
      assert time.monotonic() < deadline, f"no {type_} came; {[event['type'] for event in self.events][-30:]} did"
      self.pump(0.5)

  def wait_closed(self, limit_s=60):
    deadline = time.monotonic() + limit_s * SLOW
    while self.closed is None and time.monotonic() < deadline:
      self.pump(0.5)
    return self.closed

  def close(self):
    self.socket.close()
