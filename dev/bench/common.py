"""What the measurements share: rows, CPU and memory of a process, a film of a given size, and an end for everything started."""

import contextlib
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from harness.films import make_film  # noqa: E402

MIB = 1 << 20
TICKS = os.sysconf("SC_CLK_TCK")


class Row:
  """One line of the table. `more` is true where the greater figure is the better one; n rounds, of which the best counts."""

  def __init__(self, what, unit, ours, peer, peer_name, n, more=False):
    self.what, self.unit, self.peer_name, self.n = what, unit, peer_name, n
    self.ours, self.peer = ours, peer
    self.ratio = (ours / peer if more else peer / ours) if ours and peer else None


class Place:
  """A temporary folder, and the end of whatever was started in it."""

  def __init__(self):
    self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sokoul-bench-"))
    self.kept, self.count = [], 0

  def new(self, name):
    self.count += 1
    folder = self.folder / f"{self.count}-{name}"
    folder.mkdir()
    return folder

  def keep(self, thing):
    self.kept.append(thing)
    return thing

  @contextlib.contextmanager
  def running(self, thing):
    try:
      yield self.keep(thing)
    finally:
      self.kept.remove(thing)
      thing.kill()

  def end(self):
    while self.kept:
      with contextlib.suppress(Exception):
        self.kept.pop().kill()
    shutil.rmtree(self.folder, ignore_errors=True)


def children(pid):
  """The process and all that descend from it."""
  found = [pid]
  for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
    with contextlib.suppress(OSError):
      for child in path.read_text().split():
        found += children(int(child))
  return found


def cpu_seconds(pid):
  """User and system time of a process and its children so far; steps of 10 ms."""
  total = 0
  for one in children(pid):
    with contextlib.suppress(OSError):
      fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
      total += int(fields[11]) + int(fields[12])
  return total / TICKS


def memory_mib(pid):
  """(resident, anonymous) of a process and its children."""
  resident = anonymous = 0
  for one in children(pid):
    text = pathlib.Path(f"/proc/{one}/smaps_rollup").read_text()
    resident += int(re.search(r"^Rss:\s+(\d+)", text, re.M)[1])
    anonymous += int(re.search(r"^Anonymous:\s+(\d+)", text, re.M)[1])
  return resident / 1024, anonymous / 1024


def film_of(path, mib):
  """A film that plays for two seconds and is padded to a size with a box of random bytes that players skip."""
  make_film(path, seconds=2)
  rest = mib * MIB - path.stat().st_size
  with open(path, "ab") as out:
    out.write((1).to_bytes(4, "big") + b"free" + rest.to_bytes(8, "big"))
    rest -= 16
    while rest:
      rest -= out.write(os.urandom(min(rest, 4 * MIB)))
  return path


def poll(condition, limit_s, every_s=0.005, what="the condition"):
  """As the harness' wait_until, in small steps; returns (value, seconds)."""
  began = time.monotonic()
  while True:
    value = condition()
    now = time.monotonic()
    if value:
      return value, now - began
    if now - began > limit_s:
      raise RuntimeError(f"{what} did not come true within {limit_s} s")
    time.sleep(every_s)
