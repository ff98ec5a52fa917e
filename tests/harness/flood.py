"""A program of its own: sign-ins at a steady pace, whatever becomes of them. `flood.py PORT PER_SECOND NAME,...`

NAMEs are accounts whose password is tried; every second sign-in is for a name that nobody has. They come through a proxy that the server trusts
(us), each from another address. On the end of its standard input it writes one line of JSON: the seconds it took, how many were sent, how many
answers of each status came, and the answers as they came.
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
    """The answer once it is whole; None before, and empty on the end of the connection."""
    piece = self.socket.recv(1 << 16)
    if not piece:
      return b""
    self.buffer += piece
    head, end, body = self.buffer.partition(b"\r\n\r\n")
    if not end:
      return None
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    if len(body) < length:
      return None
    answer, self.buffer = self.buffer, b""
    return answer


def main():
  port, per_second, names = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3].split(",")
  selector = selectors.DefaultSelector()
  selector.register(sys.stdin, selectors.EVENT_READ)
  os.set_blocking(0, False)
  idle, lines, sent, statuses, answers = [], 0, 0, collections.Counter(), []
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
        print(json.dumps({"seconds": time.monotonic() - began, "sent": sent, "statuses": statuses, "answers": answers}), flush=True)
        return
      answer = key.data.hear()
      if answer is not None:
        statuses[int(answer.split(b" ", 2)[1]) if answer else 0] += 1
        selector.unregister(key.data.socket)
        if answer:
          answers.append(answer.decode("latin-1"))
          idle.append(key.data)
        else:
          lines -= 1


if __name__ == "__main__":
  main()
