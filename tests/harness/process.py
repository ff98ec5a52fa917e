"""Processes that end with the test, whatever happens to it, and loopback ports."""

import ctypes
import fcntl
import os
import pathlib
import random
import signal
import socket
import subprocess
import tempfile
import time

SLOW = float(os.environ.get("SOKOUL_TEST_SLOW", "1"))  # the sanitized program is slower: deadlines stretch
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
  _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


# Below the ports that the kernel gives to outgoing connections, which would take one between our look and its use.
PORTS = range(10000, 32000)
_given = set()
_dice = random.SystemRandom()  # tests that throw seeded dice must not all get the same ports
_reserved = open(pathlib.Path(tempfile.gettempdir()) / f"sokoul-test-ports-{os.getuid()}", "a")  # a byte a port, locked while this process lives


def _reserve(port):
  try:
    fcntl.lockf(_reserved, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
  except OSError:
    return False
  return True


def free_port():
  """A loopback port that is free for TCP and UDP and was not given out before, here or in a run beside this one."""
  while True:
    port = _dice.choice(PORTS)
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
      try:
        tcp.bind(("127.0.0.1", port))
        udp.bind(("127.0.0.1", port))
      except OSError:
        continue
    if port not in _given and _reserve(port):
      _given.add(port)
      return port


def wait_until(condition, limit_s=30, every_s=0.05, what="the condition"):
  """Polls until `condition()` is true and returns its value; fails the test after the limit."""
  deadline = time.monotonic() + limit_s * SLOW
  while True:
    value = condition()
    if value:
      return value
    if time.monotonic() > deadline:
      raise AssertionError(f"{what() if callable(what) else what} did not come true within {limit_s * SLOW:.0f} s")
    time.sleep(every_s)


class Process:
  """A program with its output in a file; killed by `kill`, which every fixture calls at its end."""

  def __init__(self, command, log, env=None, cwd=None, stdin=subprocess.DEVNULL):
    self.command = [str(part) for part in command]
    self.log = pathlib.Path(log)
    with open(self.log, "ab") as out:
      self.popen = subprocess.Popen(self.command, stdout=out, stderr=subprocess.STDOUT, stdin=stdin, env=env, cwd=cwd,
                                    preexec_fn=_die_with_parent, start_new_session=True)

  @property
  def pid(self):
    return self.popen.pid

  def alive(self):
    return self.popen.poll() is None

  def output(self):
    return self.log.read_text(errors="replace")

  def signal(self, number):
    os.kill(self.pid, number)

  def kill(self):
    """SIGKILL to the process and whatever it started."""
    try:
      os.killpg(self.pid, signal.SIGKILL)
    except ProcessLookupError:
      pass
    self.popen.wait()

  def end(self, limit_s=30):
    """SIGTERM and the exit code."""
    if self.alive():
      self.popen.terminate()
    return self.popen.wait(limit_s * SLOW)
