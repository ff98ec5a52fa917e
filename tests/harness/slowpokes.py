"""A program of its own: clients that take their time, thousands of them, on one epoll. `slowpokes.py PORT COUNT KIND,... ANSWERS`

They come from several loopback addresses, a KIND each in turn. Every second it writes a line of JSON: how many were made, how many are
still connected, how many the server has ended. What one has sent and what it was answered goes to the file ANSWERS, a line of JSON
each, once the server has ended it. It ends when its standard input does.
"""

import json
import os
import resource
import selectors
import socket
import sys
import time

EVERY_S = 4  # a byte or line of those that trickle
ADDRESSES = 8
LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n{"
READ = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"

# What each says first, and then again and again.
KINDS = {
  "line": (b"GET /he", b"a"),
  "headers": (b"GET /health HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n"),
  "body": (LOGIN, b" "),
  "reader": (READ * 40, b""),  # and reads nothing
  "silent": (b"", b""),
  "idle": (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b""),  # keeps its connection
  "half": (b"GET /health HTTP/1.1\r\nHost:", b""),  # says that it sends no more
}


class Poke:
  def __init__(self, port, number, kind):
    self.kind, self.again = kind, KINDS[kind][1]
    self.sent, self.answer = b"", b""
    self.socket = socket.socket()
    if kind == "reader":
      self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    self.socket.bind((f"127.0.1.{1 + number % ADDRESSES}", 0))
    self.socket.connect(("127.0.0.1", port))
    self.socket.setblocking(False)
    self.say(KINDS[kind][0])
    if kind == "half":
      self.socket.shutdown(socket.SHUT_WR)

  def say(self, data):
    try:
      self.socket.send(data)
      self.sent += data
    except OSError:  # the read tells
      pass

  def is_over(self):
    try:
      piece = self.socket.recv(1 << 16)
      self.answer += piece
      return not piece
    except BlockingIOError:
      return False
    except OSError:
      return True


def main():
  port, count, kinds, answers = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","), open(sys.argv[4], "w", encoding="ascii")
  hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
  resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
  selector = selectors.DefaultSelector()
  selector.register(sys.stdin, selectors.EVENT_READ)
  os.set_blocking(0, False)
  made = open_ones = ended = 0
  pokes, tick, report = [], time.monotonic() + EVERY_S, time.monotonic()
  while True:
    for _ in range(min(100, count - made)):
      poke = Poke(port, made, kinds[made % len(kinds)])
      made, open_ones = made + 1, open_ones + 1
      pokes.append(poke)
      if poke.kind != "reader":
        selector.register(poke.socket, selectors.EVENT_READ, poke)
    for key, _ in selector.select(0 if made < count else 0.2):
      if not key.data:
        return
      if key.data.is_over():
        selector.unregister(key.data.socket)
        key.data.socket.close()
        key.data.again = b""
        print(json.dumps([key.data.sent.decode("latin-1"), key.data.answer.decode("latin-1")]), file=answers)
        open_ones, ended = open_ones - 1, ended + 1
    now = time.monotonic()
    if now >= tick:
      tick = now + EVERY_S
      for poke in pokes:
        if poke.again:
          poke.say(poke.again)
    if now >= report:
      report = now + 0.5
      print(json.dumps({"made": made, "open": open_ones, "ended": ended}), flush=True)


if __name__ == "__main__":
  main()
