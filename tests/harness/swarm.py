"""A film in a swarm: the file, its torrent at a tracker, and a seeder of it."""

import pathlib
import shutil
import socket
import threading
import time

from .films import sha256
from .peers import Aria2
from .process import free_port
from .torrents import Torrent


class Swarm:
  def __init__(self, folder, film, tracker, name=None, up_kib=0, seed=True, piece_length=256 * 1024):
    self.folder = pathlib.Path(folder)
    content = self.folder / "content"
    content.mkdir(parents=True, exist_ok=True)
    self.path = content / (name or pathlib.Path(film).name)
    if not self.path.exists():
      shutil.copyfile(film, self.path)
    self.torrent = Torrent(self.path, [tracker.url], piece_length)
    self.sha256 = sha256(self.path)
    self.tracker, self.seeder = tracker, None
    if seed:
      self.seed(up_kib)

  def seed(self, up_kib=0):
    self.seeder = Aria2(self.folder / "aria2", self.torrent, self.path.parent, up_kib).wait_seeding()
    self.tracker.add(self.torrent, self.seeder.port)
    return self

  def kill(self):
    if self.seeder:
      self.seeder.kill()


class Throttle:
  """A TCP proxy to a peer that lets through so many KiB a second, and can be held and let go."""

  def __init__(self, target_port, kib_s):
    self.target, self.rate, self.held = target_port, kib_s * 1024, threading.Event()
    self.held.set()
    self.port = free_port()
    self.peer = f"127.0.0.1:{self.port}"
    self.listener = socket.create_server(("127.0.0.1", self.port))
    threading.Thread(target=self.accept, daemon=True).start()

  def accept(self):
    while True:
      try:
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.target))
      except OSError:
        return
      threading.Thread(target=self.pump, args=(client, server, 0), daemon=True).start()
      threading.Thread(target=self.pump, args=(server, client, self.rate), daemon=True).start()

  def pump(self, source, target, rate):
    try:
      while data := source.recv(16384):
        self.held.wait()
        target.sendall(data)
        if rate:
          time.sleep(len(data) / rate)
    except OSError:
      pass
    finally:
      for end in (source, target):
        try:
          end.shutdown(socket.SHUT_RDWR)
        except OSError:
          pass

  def kill(self):
    self.held.set()
    self.listener.close()
