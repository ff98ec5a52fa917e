"""What a cluster stands on, real and private: PostgreSQL, Redis, NATS JetStream on free loopback ports, gone afterwards."""

import contextlib
import itertools
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile

from .process import Process, free_port, wait_until

PROGRAMS = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), default=pathlib.Path("/usr/bin"))
REDIS_DATABASES = 4000


def _unprivileged():
  """What stands before a command: PostgreSQL refuses to run as root. Changing users forgets to die with the parent."""
  if os.geteuid() != 0:
    return []
  user = pwd.getpwnam("postgres")
  return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig", "KILL", "--"]


class _Server:
  """A program with a folder; `stop` ends it gracefully or not, `start` starts it where it was."""

  def __init__(self, name, address):
    self.address = address
    # Not below /tmp, which may be closed to other users than the tests' own.
    self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"sokoul-{name}-", dir="/var/tmp"))
    self.port, self.process = free_port(), None

  def run(self, command, answers):
    self.process = Process(command, f"{self.folder}.log", cwd="/")
    wait_until(answers, 60, 0.02, what=lambda: f"{command[0]}: {self.process.output()[-2000:]}")

  def kill(self):
    if self.process:
      self.process.kill()
      self.process = None
    pathlib.Path(f"{self.folder}.log").unlink(missing_ok=True)
    shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(_Server):
  """`url` names its server; its one account, sokoul, may make databases."""

  def __init__(self, address="127.0.0.1"):
    super().__init__("postgres", address)
    self.url = f"postgresql://sokoul@{address}:{self.port}"
    self._numbers = itertools.count()
    if os.geteuid() == 0:
      shutil.chown(self.folder, "postgres", "postgres")
    self.fill()
    self.start()

  def fill(self):
    self.tool("initdb", "-U", "sokoul", "-A", "trust", "--locale=C.UTF-8", "-E", "UTF8", "--no-sync")
    with open(self.folder / "data" / "pg_hba.conf", "a", encoding="ascii") as rules:
      rules.write("host all all samenet trust\n")  # where it has an address in a network of the test's own

  def tool(self, name, *words):
    subprocess.run([*_unprivileged(), PROGRAMS / name, "-D", self.folder / "data", *words], check=True, capture_output=True, cwd="/", timeout=300)

  def start(self):
    options = {"port": self.port, "listen_addresses": self.address, "unix_socket_directories": "", "max_connections": 300}
    command = [*_unprivileged(), PROGRAMS / "postgres", "-D", self.folder / "data"]
    for name, value in options.items():
      command += ["-c", f"{name}={value}"]
    self.run(command, self.answers)

  def answers(self):
    return subprocess.run([PROGRAMS / "pg_isready", "-q", "-h", self.address, "-p", str(self.port)], timeout=60, check=False).returncode == 0

  def stop(self, mode="fast"):
    """fast: connections are ended and all is written; immediate: as in a crash."""
    self.tool("pg_ctl", "-m", mode, "-w", "stop")
    self.process.popen.wait(60)

  def signal(self, number):
    """To all of its processes: SIGSTOP makes a server that is there and says nothing."""
    children = pathlib.Path(f"/proc/{self.process.popen.pid}/task/{self.process.popen.pid}/children").read_text().split()
    for pid in [self.process.popen.pid, *map(int, children)]:
      with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)

  def crash(self):
    self.stop("immediate")

  def new_database(self):
    """An empty database; its URL. It goes with the server."""
    name = f"sokoul_{next(self._numbers)}"
    connection = connect(f"{self.url}/postgres")
    connection.autocommit = True
    connection.cursor().execute(f"CREATE DATABASE {name}")
    connection.close()
    return f"{self.url}/{name}"


class Replica(Postgres):
  """A streaming replica of another one, with the same databases."""

  def __init__(self, primary):
    self.primary = primary
    super().__init__()

  def fill(self):
    self.tool("pg_basebackup", "-d", self.primary.url + "/postgres", "-R", "-X", "stream", "-c", "fast", "--no-sync")

  def replay(self, goes_on):
    rows(self.url + "/postgres", f"SELECT CAST(pg_wal_replay_{'resume' if goes_on else 'pause'}() AS text)", [])


class Redis(_Server):
  """Keeps what it has over a stop, as an operator would have it."""

  def __init__(self, address="127.0.0.1"):
    super().__init__("redis", address)
    self.url = f"redis://{address}:{self.port}"
    self._numbers = itertools.count(1)
    self.start()

  def start(self):
    self.run(["redis-server", "--port", str(self.port), "--bind", self.address, "--protected-mode", "no", "--dir", str(self.folder), "--appendonly", "yes", "--save", "",
              "--databases", str(REDIS_DATABASES)], self.answers)

  def answers(self):
    done = subprocess.run(["redis-cli", "-h", self.address, "-p", str(self.port), "ping"], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip() == "PONG"

  def stop(self):
    self.process.end(60)

  def crash(self):
    self.process.kill()

  def new_database(self):
    return f"{self.url}/{next(self._numbers)}"

  @staticmethod
  def keys(url):
    """Those of a database."""
    return subprocess.run(["redis-cli", "-u", url, "keys", "*"], capture_output=True, text=True, timeout=60, check=True).stdout.split()


class Nats(_Server):
  def __init__(self, address="127.0.0.1", options=()):
    super().__init__("nats", address)
    self.url, self.options = f"nats://{address}:{self.port}", options
    self.start()

  def start(self):
    self.run(["nats-server", "-js", "-sd", str(self.folder / "data"), "-a", self.address, "-p", str(self.port), *self.options], self.answers)

  def answers(self):
    return "Server is ready" in self.process.output()

  def stop(self):
    self.process.end(60)
    self.process.log.unlink()

  def crash(self):
    self.process.kill()
    self.process.log.unlink()

  def stream(self, name):
    """What JetStream says of a stream, asked in NATS's own words."""
    with socket.create_connection((self.address, self.port), timeout=60) as connection:
      connection.sendall(b'CONNECT {"verbose":false}\r\nSUB told 1\r\nPUB $JS.API.STREAM.INFO.%s told 0\r\n\r\n' % name.encode())
      with connection.makefile("rb") as lines:
        head = next(line for line in lines if line.startswith(b"MSG told"))
        return json.loads(lines.read(int(head.split()[-1])))

  def wipe(self):
    """Its data, while it is stopped."""
    shutil.rmtree(self.folder / "data", ignore_errors=True)


def connect(url):
  import psycopg2.extras  # pylint: disable=import-outside-toplevel
  # Here, since the demonstration goes through this file and has no PostgreSQL.
  return psycopg2.connect(url, cursor_factory=psycopg2.extras.RealDictCursor)


def rows(url, sql, values):
  """What a database says; parameters are `?`."""
  connection = connect(url)
  try:
    cursor = connection.cursor()
    cursor.execute(sql.replace("?", "%s"), values)
    return [{name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()} for row in cursor.fetchall()]
  finally:
    connection.close()


def change(url, sql, rows):
  connection = connect(url)
  try:
    with connection:
      connection.cursor().executemany(sql.replace("?", "%s"), rows)
  finally:
    connection.close()



_shared = {}


def shared(kind):
  """One server of the kind for the whole run; a program under test gets a database of its own on it."""
  if kind not in _shared:
    _shared[kind] = kind()
  return _shared[kind]


def end_shared():
  for server in _shared.values():
    server.kill()
  _shared.clear()
