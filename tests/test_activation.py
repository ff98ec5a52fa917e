"""A service manager holds the listening socket: systemd's own tool, and a restart under load that refuses nobody."""

import json
import os
import shutil
import socket
import subprocess
import threading

import pytest

from harness.http import Client
from harness.process import SLOW, Process, free_port, wait_until
from harness.sokoul import BINARY, SET, Sokoul, environment

# What is left of a manager that hands the descriptors of its standard input to a program: number 3 is the socket, and the
# program is told its own process id, which only exec keeps.
HAND_OVER = 'exec env LISTEN_PID=$$ LISTEN_FDS=1 "$0" serve 3<&0 </dev/null'


class Manager(Sokoul):
  """Holds a socket over all lives of the server, and hears when it is ready."""

  def __init__(self, folder, listener, **settings):
    self.listener, self.said = listener, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    self.said.bind(str(folder / "notify"))
    self.said.settimeout(30 * SLOW)
    super().__init__(folder, **settings)

  def start(self, wait=True):
    if SET == "cluster":
      self.own_nats()
    self.port = self.listener.getsockname()[1]
    # Its own address is one that nobody may use: only the socket that is handed over counts.
    settings = {**self.settings, "SOKOUL_LISTEN": "192.0.2.1:1", "NOTIFY_SOCKET": str(self.folder / "notify")}
    self.process = Process(["sh", "-c", HAND_OVER, self.binary], self.folder / "log", environment(settings), self.folder, stdin=self.listener)
    if wait:
      self.hears("READY=1")

  def hears(self, word):
    assert self.said.recv(4096).decode() == word

  def kill(self):
    super().kill()
    self.said.close()


@pytest.fixture
def listener():
  with socket.create_server(("127.0.0.1", 0), backlog=512) as made:
    yield made


def test_a_restart_behind_a_held_socket_refuses_nobody(folder, keep, listener):
  server = keep(Manager(folder, listener))
  answers, over, lock = [], threading.Event(), threading.Lock()

  def ask():
    while not over.is_set():
      try:
        status = Client(server.port).get("//.well-known/jwks.json", timeout=60 * SLOW).status
      except OSError as error:
        status = repr(error)
      with lock:
        answers.append(status)

  askers = [threading.Thread(target=ask) for _ in range(8)]
  for asker in askers:
    asker.start()
  try:
    for life in range(5):
      before = len(answers)
      wait_until(lambda: len(answers) > before + 100, what="requests between two restarts")
      server.stop()
      server.hears("STOPPING=1")
      server.start()
  finally:
    over.set()
    for asker in askers:
      asker.join()
  failed = [status for status in answers if status != 200]
  print(f"\n5 restarts, {len(answers)} requests, {len(failed)} failed")
  assert not failed, failed[:5]


def test_systemd_starts_it_at_the_first_request(folder, keep):
  if not shutil.which("systemd-socket-activate"):
    pytest.skip("no systemd here")
  server = keep(Sokoul(folder, start=False))
  command = ["systemd-socket-activate", "--listen", f"127.0.0.1:{server.port}",
             *(f"--setenv={name}={value}" for name, value in server.settings.items() if name != "SOKOUL_LISTEN"),
             "--setenv=SOKOUL_LISTEN=192.0.2.1:1", BINARY, "serve"]
  if SET == "cluster":
    server.own_nats()
  server.process = keep(Process(command, folder / "log", environment({}), folder))
  wait_until(lambda: "Listening on" in server.log(), what="systemd's tool")
  assert '"ready"' not in server.log()
  assert server.client().get("//health", timeout=30 * SLOW).status == 200
  ready = wait_until(lambda: [json.loads(line) for line in server.log().splitlines() if '"msg":"ready"' in line], what="the word that it is ready")[0]
  assert ready["address"] == f"http://127.0.0.1:{server.port}"
  server.stop()


@pytest.mark.parametrize("kind, what", [(socket.SOCK_DGRAM, "a socket for datagrams"), (None, "no socket at all")])
def test_what_is_no_listening_socket_is_refused(folder, kind, what):
  with socket.socket(socket.AF_UNIX, kind) if kind else open(os.devnull) as handed:
    done = subprocess.run(["sh", "-c", HAND_OVER, str(BINARY)], stdin=handed, capture_output=True, text=True, timeout=30 * SLOW, cwd=folder,
                          env=environment({"SOKOUL_DATA_DIR": folder / "data", "SOKOUL_TORRENT_LISTEN": f"127.0.0.1:{free_port()}"}))
  assert done.returncode == 1 and "descriptor 3" in done.stderr and "no listening stream socket" in done.stderr, (what, done.stderr)
