"""What everybody else gets while something happens to the server: the requests of an ordinary client, and how long they took."""

import json
import pathlib
import subprocess
import sys
import time

from .wire import CLOSED, Conversation, Wire

HARNESS = pathlib.Path(__file__).parent


def measure(port, token, seconds):
  """The seconds that each of an ordinary client's requests took, on a connection that is kept. None may fail."""
  paths = ["/api/v1/auth/me", "/api/v1/media", "/api/v1/downloads", "/api/v1/history/continue", "/health"]
  times, end = [], time.monotonic() + seconds
  with Wire(port) as wire:
    while time.monotonic() < end:
      for path in paths:
        began = time.monotonic()
        wire.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        reply = wire.reply()
        times.append(time.monotonic() - began)
        assert reply is not CLOSED and reply.status == 200, (path, reply)
      time.sleep(0.005)
  return times


def p99_ms(times):
  return sorted(times)[len(times) * 99 // 100] * 1000


class Flood:
  """flood.py at work."""

  def __init__(self, port, per_second, names):
    self.popen = subprocess.Popen([sys.executable, HARNESS / "flood.py", str(port), str(per_second), ",".join(names)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

  def end(self):
    """{seconds, sent, statuses, answers} of it."""
    self.popen.stdin.close()
    return json.loads(self.popen.stdout.read())

  @staticmethod
  def check(answers):
    """Holds them against the API's description."""
    for answer in answers:
      Conversation(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n\r\n", answer.encode("latin-1")).all()

  def kill(self):
    if self.popen.poll() is None:
      self.popen.kill()
    self.popen.wait()


def thread_seconds(pid, name):
  """The processor time of the threads of that name so far, each."""
  found = []
  for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
    fields = (task / "stat").read_text()
    if fields[fields.index("(") + 1:fields.rindex(")")].startswith(name):
      fields = fields.rsplit(")", 1)[1].split()
      found.append((int(fields[11]) + int(fields[12])) / 100)
  return found
