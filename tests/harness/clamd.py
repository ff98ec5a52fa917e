"""The real virus scanner, with one signature of our own: no database of anybody's is needed or asked for."""

import pathlib
import socket

from .process import Process, free_port, wait_until

MARKER = b"sokoul-marker:these bytes stand for something bad:6d61726b6572"
SIGNATURE = "Sokoul.Test.Marker"
STREAM_MAX = 4 << 20


class Clamd:
  def __init__(self, folder):
    self.folder = pathlib.Path(folder)
    (self.folder / "database").mkdir(parents=True)
    (self.folder / "temporary").mkdir()
    (self.folder / "database" / "sokoul.ndb").write_text(f"{SIGNATURE}:0:*:{MARKER.hex()}\n")
    self.socket, self.port = self.folder / "socket", free_port()
    (self.folder / "clamd.conf").write_text("\n".join([
      "Foreground yes", f"DatabaseDirectory {self.folder}/database", f"TemporaryDirectory {self.folder}/temporary",
      f"LocalSocket {self.socket}", f"TCPSocket {self.port}", "TCPAddr 127.0.0.1", f"StreamMaxLength {STREAM_MAX}", "MaxThreads 4",
      "Bytecode no", "OfficialDatabaseOnly no", "SelfCheck 3600", ""]))
    self.process = None
    self.start()

  @property
  def unix(self):
    return f"unix:{self.socket}"

  @property
  def tcp(self):
    return f"tcp:127.0.0.1:{self.port}"

  def start(self):
    self.process = Process(["/usr/sbin/clamd", "--config-file", self.folder / "clamd.conf"], self.folder / "log", cwd=self.folder)
    wait_until(self.answers, 60, what=lambda: f"clamd: {self.process.output()[-2000:]}")

  def answers(self):
    assert self.process.alive(), self.process.output()[-2000:]
    try:
      with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
        connection.sendall(b"zPING\0")
        return connection.recv(16) == b"PONG\0"
    except OSError:
      return False

  def signal(self, number):
    self.process.signal(number)

  def kill(self):
    self.process.kill()
