"""A program of its own: sign-ins at a steady pace, whatever becomes of them. `flood.py PORT PER_SECOND NAME,...`

NAMEs are accounts whose password is tried; every second sign-in is for a name that nobody has. They come through a proxy that the server trusts
(us), each from another address. On the end of its standard input it writes one line of JSON: the seconds it took, how many were sent, and how many
answers of each status came.
"""

import collections
import json
import os
import random
import selectors
import socket
import sys
import time

CONNECTIONS = 400


class Line:
  """A connection that is kept, with one sign-in at a time."""

  def __init__(self, port):
    self.socket = socket.create_connection(("127.0.0.1", port), 10)
    self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    self.buffer = b""

  def say(self, name):
    body = json.dumps({"username": name, "password": "not the password"}).encode()
    address = ".".join(str(random.randrange(1, 250)) for _ in range(3))
    self.socket.sendall(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Forwarded-For: 11.%s\r\nContent-Length: %d\r\n\r\n"
                        % (address.encode(), len(body)) + body)

  def hear(self):
    """The status once the answer is whole; None before, and on the end of the connection 0."""
    piece = self.socket.recv(1 << 16)
    if not piece:
      return 0
    self.buffer += piece
    head, end, body = self.buffer.partition(b"\r\n\r\n")
    if not end:
      return None
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    if len(body) < length:
      return None
    self.buffer = b""
    return int(head.split(b" ", 2)[1])


def main():
  port, per_second, names = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3].split(",")
  selector = selectors.DefaultSelector()
  selector.register(sys.stdin, selectors.EVENT_READ)
  os.set_blocking(0, False)
  idle, lines, sent, statuses = [], 0, 0, collections.Counter()
  began = time.monotonic()
  while True:
    due = int((time.monotonic() - began) * per_second)
    while sent < due:
      sent += 1
      if not idle and lines < CONNECTIONS:
        idle.append(Line(port))
        lines += 1
      if not idle:
        statuses["no free connection"] += 1
        continue
      line = idle.pop()
      line.say(random.choice(names) if sent % 2 else f"nobody{random.randrange(10**9)}")
      selector.register(line.socket, selectors.EVENT_READ, line)
    for key, _ in selector.select(0.002):
      if not key.data:
        print(json.dumps({"seconds": time.monotonic() - began, "sent": sent, "statuses": statuses}), flush=True)
        return
      status = key.data.hear()
      if status is not None:
        statuses[status] += 1
        selector.unregister(key.data.socket)
        if status:
          idle.append(key.data)
        else:
          lines -= 1


if __name__ == "__main__":
  main()
