"""A PostgreSQL of the tests' own, on a free loopback port, gone afterwards."""

import itertools
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

import psycopg2
import psycopg2.extras

from .process import Process, free_port, wait_until

PROGRAMS = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), default=pathlib.Path("/usr/bin"))


def _unprivileged():
  """What stands before a command: PostgreSQL refuses to run as root."""
  if os.geteuid() != 0:
    return []
  user = pwd.getpwnam("postgres")
  return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]


_numbers = itertools.count()


def new_database(server_url):
  """An empty database on that server; its URL. It goes with the server."""
  name = f"sokoul_{os.getpid()}_{next(_numbers)}"
  connection = psycopg2.connect(f"{server_url}/postgres")
  connection.autocommit = True
  connection.cursor().execute(f"CREATE DATABASE {name}")
  connection.close()
  return f"{server_url}/{name}"


def rows(url, sql, values):
  connection = psycopg2.connect(url, cursor_factory=psycopg2.extras.RealDictCursor)
  try:
    cursor = connection.cursor()
    cursor.execute(sql.replace("?", "%s"), values)
    return [{name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()} for row in cursor.fetchall()]
  finally:
    connection.close()


class Postgres:
  """`url` names its server; its one account, sokoul, may make databases."""

  def __init__(self, durable=False):
    # /tmp may be closed to other users than the tests' own.
    self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sokoul-postgres-", dir="/var/tmp"))
    self.port, self.durable, self.process = free_port(), durable, None
    self.url = f"postgresql://sokoul@127.0.0.1:{self.port}"
    if os.geteuid() == 0:
      shutil.chown(self.folder, "postgres", "postgres")
    subprocess.run([*_unprivileged(), PROGRAMS / "initdb", "-D", self.folder / "data", "-U", "sokoul", "-A", "trust", "--locale=C.UTF-8",
                    "-E", "UTF8", "--no-sync"], check=True, capture_output=True, cwd="/", timeout=120)
    self.start()

  def start(self):
    options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": 200,
               "fsync": "on" if self.durable else "off"}
    command = [*_unprivileged(), PROGRAMS / "postgres", "-D", self.folder / "data"]
    for name, value in options.items():
      command += ["-c", f"{name}={value}"]
    self.process = Process(command, self.folder.parent / f"{self.folder.name}.log", cwd="/")
    wait_until(self.answers, 60, what=lambda: f"PostgreSQL: {self.process.output()[-2000:]}")

  def answers(self):
    return subprocess.run([PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], timeout=20, check=False).returncode == 0

  def kill(self):
    if self.process:
      self.process.kill()
      self.process = None
    pathlib.Path(f"{self.folder}.log").unlink(missing_ok=True)
    shutil.rmtree(self.folder, ignore_errors=True)
