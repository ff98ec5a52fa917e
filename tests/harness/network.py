"""Network namespaces of a test's own, joined by cables that can be cut: a star, whose middle is the address ADDRESS. Needs root.

The namespaces have no names and end with the processes in them, so nothing is left when a run is killed. What a thread does
`inside` one (connect, listen, start a process) happens there and stays there.
"""

import contextlib
import ctypes
import os
import subprocess

from .process import Process

ADDRESS = "10.77.0.1"
CLONE_NEWNET = 0x40000000
NOBODY = "02:00:00:00:00:ff"  # a card that nobody has: what is sent to it is lost on the way, and no one says so
_libc = ctypes.CDLL(None, use_errno=True)


def missing():
  """None, or why there can be no networks here."""
  if os.geteuid() != 0:
    return "only root can make network namespaces"
  tried = subprocess.run(["unshare", "--net", "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1"], capture_output=True, text=True, check=False)
  return f"no network namespaces: {tried.stderr.strip()}" if tried.returncode else None


class _Namespace:
  def __init__(self, folder, name):
    self.holder = Process(["unshare", "--net", "sh", "-c", "echo here; exec sleep infinity"], folder / f"network-{name}.log")
    while "here" not in self.holder.output():
      assert self.holder.alive(), self.holder.output()
    self.ip("link set lo up")

  def ip(self, command):
    subprocess.run(["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "ip", *command.split()], check=True, timeout=60)

  def enter(self):
    with open(f"/proc/{self.holder.pid}/ns/net", "rb") as there:
      if _libc.setns(there.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Network:
  """`middle` and the ends by their names."""

  def __init__(self, folder, *ends):
    self.middle = _Namespace(folder, "middle")
    self.ends = {}
    self.middle.ip(f"addr add {ADDRESS}/32 dev lo")
    for number, name in enumerate(ends, 1):
      end = self.ends[name] = _Namespace(folder, name)
      end.number = number
      self.middle.ip(f"link add m{number} address {self._card(number, 1)} type veth peer name e{number} address {self._card(number, 2)} netns {end.holder.pid}")
      self.middle.ip(f"addr add 10.77.{number}.1/24 dev m{number}")
      end.ip(f"addr add 10.77.{number}.2/24 dev e{number}")
      self.middle.ip(f"link set m{number} up")
      end.ip(f"link set e{number} up")
      self._route(end)

  @staticmethod
  def _card(number, side):
    return f"02:00:00:00:{number:02x}:{side:02x}"

  @staticmethod
  def _route(end):
    end.ip(f"route replace {ADDRESS} via 10.77.{end.number}.1")

  @contextlib.contextmanager
  def inside(self, name=None):
    """This thread in the end of that name, or in the middle; threads and processes that it starts, too."""
    with open("/proc/thread-self/ns/net", "rb") as here:
      (self.ends[name] if name else self.middle).enter()
      try:
        yield
      finally:
        assert _libc.setns(here.fileno(), CLONE_NEWNET) == 0, "the way back is closed"

  def cut(self, name, how):
    """`unplugged`: its cable; `silent`: everything is lost on the way, in both directions, and neither side is told."""
    end = self.ends[name]
    if how == "unplugged":
      self.middle.ip(f"link set m{end.number} down")
    else:
      self.middle.ip(f"neigh replace 10.77.{end.number}.2 lladdr {NOBODY} dev m{end.number} nud permanent")
      end.ip(f"neigh replace 10.77.{end.number}.1 lladdr {NOBODY} dev e{end.number} nud permanent")

  def heal(self, name):
    """As if nothing had been."""
    end = self.ends[name]
    self.middle.ip(f"link set m{end.number} up")
    self.middle.ip(f"neigh replace 10.77.{end.number}.2 lladdr {self._card(end.number, 2)} dev m{end.number} nud reachable")
    end.ip(f"neigh replace 10.77.{end.number}.1 lladdr {self._card(end.number, 1)} dev e{end.number} nud reachable")
    self._route(end)

  def kill(self):
    for namespace in [self.middle, *self.ends.values()]:
      namespace.holder.kill()
