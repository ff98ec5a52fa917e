"""Thousands of clients that take their time, while everybody else is served; all of them are ended, and what they took comes back."""

import collections
import json
import os
import pathlib
import resource
import socket
import subprocess
import sys
import time

import pytest

from harness.process import SLOW, wait_until
from harness.sokoul import BINARY
from harness.wire import CLOSED, Conversation, Wire

COUNT = int(os.environ.get("SOKOUL_SLOW_CLIENTS", "5000"))
FILES = 20_000
SCRIPT = pathlib.Path(__file__).parent / "harness" / "slowpokes.py"
KINDS = "line,headers,body,reader,silent,idle,half"
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def many_files():
  """Room for this many descriptors, for the programs that are started, too."""
  before = resource.getrlimit(resource.RLIMIT_NOFILE)
  hard = before[1]
  if hard != resource.RLIM_INFINITY and hard < FILES:
    if os.geteuid() != 0:
      pytest.skip(f"needs {FILES} descriptors, only {hard} are allowed")
    hard = FILES
  resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))
  yield
  resource.setrlimit(resource.RLIMIT_NOFILE, before)


class Slowpokes:
  def __init__(self, server, count, kinds=KINDS):
    self.answers = server.folder / "answers"
    self.popen = subprocess.Popen([sys.executable, SCRIPT, str(server.port), str(count), kinds, self.answers], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    os.set_blocking(self.popen.stdout.fileno(), False)
    self.last, self.text = {"made": 0, "open": 0, "ended": 0}, b""

  def look(self):
    """How it stands."""
    assert self.popen.poll() is None, "the slow clients have ended"
    self.text += self.popen.stdout.read() or b""
    *lines, self.text = self.text.split(b"\n")
    if lines:
      self.last = json.loads(lines[-1])
    return self.last

  def end(self):
    """How often each status came; what they were answered is held against the API's description."""
    self.kill()
    lines = [json.loads(line) for line in self.answers.read_text().splitlines()]
    heard = [Conversation(sent.encode("latin-1"), answer.encode("latin-1")).all() for sent, answer in lines]
    return dict(collections.Counter(reply.status for replies in heard for reply in replies))

  def kill(self):
    self.popen.stdin.close()
    self.popen.wait(60)


def descriptors(server):
  return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def processor_s(server):
  fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
  return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def p99_ms(times):
  return sorted(times)[len(times) * 99 // 100] * 1000


def ask(client, fresh):
  """One request of an ordinary client, on the connection it keeps or on a new one; the seconds it took."""
  began = time.monotonic()
  reply = fresh.get("/media") if fresh.token else fresh.get("//health")
  assert reply.status == 200, reply
  client.send(HEALTH)
  kept = client.reply()
  assert kept is not CLOSED and kept.status == 200, kept
  return time.monotonic() - began


def test_5000_slow_clients_are_ended_and_harm_nobody(start, keep, many_files):
  server = start()
  admin = server.admin()
  with Wire(server.port) as client:
    quiet = [ask(client, admin) for _ in range(200)]
    before = descriptors(server), server.resident_mib()
    pokes = keep(Slowpokes(server, COUNT))
    wait_until(lambda: pokes.look()["made"] == COUNT, 60, what=lambda: f"all of them: {pokes.last}")
    most, peak_mib = descriptors(server), server.resident_mib()
    times, deadline = [], time.monotonic() + 180 * SLOW
    # Idle and trickling ones have 75 s, those whose body is too slow 30 s, those who said they are done a few.
    while descriptors(server) > before[0] + 20:
      assert time.monotonic() < deadline, (pokes.look(), descriptors(server))
      times += [ask(client, admin) for _ in range(20)]
      most = max(most, descriptors(server))
      pokes.look()
      time.sleep(0.2)
  statuses = pokes.end()
  assert statuses.get(200), statuses
  print(f"\nanswers {statuses}; {most} descriptors at most, {descriptors(server)} afterwards ({before[0]} before); resident {before[1]:.0f} MiB before, {peak_mib:.0f} with all, "
        f"{server.resident_mib():.0f} afterwards; p99 {p99_ms(quiet):.1f} ms quiet, {p99_ms(times):.1f} ms among them: {p99_ms(times) / p99_ms(quiet):.1f} times")
  assert most > COUNT / 2  # so many were really there
  assert len(times) > 200
  # Memory: freed, though not all of it given back to the system; so a second crowd must need no more than the first.
  crowd = keep(Slowpokes(server, COUNT, "silent,idle"))
  wait_until(lambda: crowd.look()["made"] == COUNT, 60, what=lambda: f"the second crowd: {crowd.last}")
  wait_until(lambda: descriptors(server) > COUNT, 60, what="all of them at the server")
  if "san" not in BINARY.parent.name:
    assert server.resident_mib() < peak_mib * 1.25 + 16, (before, peak_mib, server.resident_mib())
  crowd.kill()
  wait_until(lambda: descriptors(server) <= before[0] + 20, 60, what="the end of the second crowd")
  assert admin.get("/auth/me").status == 200


def test_one_address_gets_a_share_and_others_are_served(start, many_files):
  server = start()
  greedy = []
  try:
    for _ in range(3000):
      greedy.append(socket.create_connection(("127.0.0.1", server.port), 10 * SLOW, ("127.0.2.1", 0)))
    # Refused ones are closed by the server; a share of them stays.
    def open_ones():
      held = 0
      for one in greedy:
        one.setblocking(False)
        try:
          held += bool(one.recv(1))
        except BlockingIOError:
          held += 1
        except OSError:
          pass
      return held
    wait_until(lambda: open_ones() <= 2100, 30, 0.5, lambda: f"its share: {open_ones()}")
    assert open_ones() >= 1500
    assert server.client().get("//health").status == 200
  finally:
    for one in greedy:
      one.close()
  wait_until(lambda: descriptors(server) < 1000, 30, what="the end of the greedy one")


def set_limit(server, files):
  resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (files, FILES))


def share_of_processor(server, seconds, meanwhile):
  began, used = time.monotonic(), processor_s(server)
  while time.monotonic() < began + seconds:
    meanwhile()
    time.sleep(0.1)
  return (processor_s(server) - used) / (time.monotonic() - began)


def test_at_its_descriptor_limit_it_turns_away_and_does_not_spin(start, many_files):
  server = start()
  admin = server.admin()
  with Wire(server.port) as kept:
    kept.send(HEALTH)
    assert kept.reply().status == 200
    limit = descriptors(server) + 100
    set_limit(server, limit)
    crowd = [socket.create_connection(("127.0.0.1", server.port), 10 * SLOW, (f"127.0.3.{1 + number % 8}", 0)) for number in range(400)]
    wait_until(lambda: descriptors(server) >= limit - 12, 20, what=lambda: f"the limit {limit}: {descriptors(server)}")
    kept.send(b"GET /api/v1/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + admin.token.encode() + b"\r\n\r\n")
    assert kept.reply().status in (200, 503)

    def ask_again():
      kept.send(HEALTH)
      assert kept.reply().status == 200
    share = share_of_processor(server, 3, ask_again)
    for one in crowd:
      one.close()
    wait_until(lambda: descriptors(server) < limit - 50, 30, what="room again")
  wait_until(lambda: can_connect(server), 30, what="new connections")
  print(f"\n{share:.2f} of a processor at the limit")
  assert share < 0.5 * SLOW
  server.stop()


def can_connect(server):
  try:
    return server.client().get("//health", timeout=5).status == 200
  except OSError:
    return False


def test_without_any_descriptor_it_turns_away_and_does_not_spin(start, many_files):
  """No thread of the server has a connection whose end it could wait for."""
  server = start()
  server.admin()
  set_limit(server, descriptors(server))
  crowd = []

  def come():
    try:
      crowd.append(socket.create_connection(("127.0.0.1", server.port), 5 * SLOW))
    except OSError:  # turned away already
      pass
  come()
  share = share_of_processor(server, 3, lambda: len(crowd) < 20 and come())
  print(f"\n{share:.2f} of a processor without a descriptor")
  assert share < 0.5 * SLOW
  assert server.process.alive(), (server.process.popen.returncode, server.log()[-1500:])
  set_limit(server, FILES)
  wait_until(lambda: can_connect(server), 30, what="new connections")
  for one in crowd:
    one.close()
  server.stop()
