"""The program under test: started on loopback with a folder of its own, spoken to over HTTP."""

import os
import pathlib
import re
import sqlite3
import subprocess
import time

from . import secrets, servers
from .films import make_film
from .http import Client
from .process import SLOW, Process, free_port, wait_until
from .ws import WebSocket

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ.get("SOKOUL_BIN", ROOT / "build" / "sokoul"))

# On which set every program under test runs: "embedded" (SQLite, all in one process) or "cluster" (PostgreSQL, Redis,
# NATS: a database of its own on each).
SET = os.environ.get("SOKOUL_TEST_SET", "embedded")

# Nothing but loopback, cheap passwords, no limits, and no alert because the machine is busy (it is a row, an entry of the
# audit trail and an event): a test that is about one of these sets it.
DEFAULTS = {
  "SOKOUL_ARCHIVE_ORG_URL": "off", "SOKOUL_TVMAZE_URL": "off", "SOKOUL_TORRENT_DHT": "off", "SOKOUL_TORRENT_LSD": "off",
  "SOKOUL_TORRENT_UPNP": "off", "SOKOUL_BCRYPT_COST": "10", "SOKOUL_RATE_API": "0", "SOKOUL_RATE_SEARCH": "0",
  "SOKOUL_RATE_AUTH": "0", "SOKOUL_RATE_IP": "0", "SOKOUL_MAX_DOWNLOADS_PER_USER": "0", "SOKOUL_LOG_FORMAT": "json",
  "SOKOUL_ALERT_CPU_PERCENT": "0", "SOKOUL_ALERT_MEMORY_PERCENT": "0", "SOKOUL_ALERT_DISK_MIB": "0", "SOKOUL_ALERT_QUEUE_SECONDS": "0",
}


def environment(settings):
  """The environment for the program: nothing of SOKOUL_* but what the test gives."""
  clean = {key: value for key, value in os.environ.items() if not key.startswith("SOKOUL_")}
  return {**clean, **{key: str(value) for key, value in settings.items() if value is not None}}


class Sokoul:
  """`settings` by their short names: torznab_urls="...", seed_hours=0."""

  def __init__(self, folder, start=True, binary=BINARY, **settings):
    self.folder, self.binary = pathlib.Path(folder), binary
    self.folder.mkdir(parents=True, exist_ok=True)
    self.port, self.torrent_port = free_port(), free_port()
    self.peer = f"127.0.0.1:{self.torrent_port}"
    self.data = self.folder / "data"
    self.settings = {**DEFAULTS, "SOKOUL_LISTEN": f"127.0.0.1:{self.port}", "SOKOUL_DATA_DIR": self.data,
                     "SOKOUL_TORRENT_LISTEN": self.peer}
    self.nats = None
    if SET == "cluster":
      self.settings.update({"SOKOUL_DATABASE_URL": servers.shared(servers.Postgres).new_database(),
                            "SOKOUL_CACHE_URL": servers.shared(servers.Redis).new_database()})
      self.own_nats()
    self.settings.update({"SOKOUL_" + name.upper(): value for name, value in settings.items()})
    self.process = None
    if start:
      self.start()

  def own_nats(self):
    """Anew and empty after each kill: nothing may depend on what it held."""
    if not self.nats:
      self.nats = servers.Nats()
      self.settings["SOKOUL_QUEUE_URL"] = self.nats.url

  def listen(self, port):
    """Another port, before the start."""
    self.port = port
    self.settings["SOKOUL_LISTEN"] = f"127.0.0.1:{port}"

  @property
  def library(self):
    return pathlib.Path(self.settings.get("SOKOUL_LIBRARY_DIRS") or self.data / "library")

  @property
  def downloads(self):
    return pathlib.Path(self.settings.get("SOKOUL_DOWNLOAD_DIR") or self.data / "downloads")

  def start(self, wait=True):
    """Starts the server; returns the seconds until /health answered."""
    if SET == "cluster":
      self.own_nats()
    began = time.monotonic()
    self.process = Process([self.binary, "serve"], self.folder / "log", environment(self.settings), self.folder)
    if wait:
      wait_until(self.healthy, 30, 0.005, lambda: f"/health: {self.log()[-3000:]}")
    return time.monotonic() - began

  def healthy(self):
    if not self.process.alive():
      raise AssertionError(f"the server ended with {self.process.popen.returncode}: {self.log()[-3000:]}")
    try:
      return Client(self.port).get("//health", timeout=2).status == 200
    except OSError:
      return False

  def log(self):
    return self.process.output()

  def kill(self):
    """SIGKILL; a word of a sanitizer or a secret in the log fails the test."""
    if self.process:
      self.process.kill()
      said = re.search(r"(ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer).*(\n.*){0,25}", self.log())
      assert not said, said[0]
      told = secrets.in_log(self.log())
      assert not told, told[:5]
    if self.nats:
      self.nats.kill()
      self.nats = None

  def stop(self):
    """A graceful stop; the exit code must be 0 and no sanitizer may have spoken."""
    code = self.process.end(45)
    assert code == 0, (code, self.log()[-3000:])

  def restart(self):
    self.stop()
    return self.start()

  def run(self, *arguments, stdin=None, settings=None, limit_s=60):
    """A command of the program with the same settings; (exit code, stdout, stderr)."""
    done = subprocess.run([str(self.binary), *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=limit_s * SLOW,
                          env=environment({**self.settings, **(settings or {})}), cwd=self.folder)
    return done.returncode, done.stdout, done.stderr

  def add_user(self, name, role="admin"):
    code, _, err = self.run("user", "add", name, "--email", f"{name}@example.org", "--role", role, stdin="correct horse battery\n")
    assert code == 0, err

  def run_killed(self, *arguments, after_s, settings=None):
    """The same, killed after that time if it has not ended by then."""
    process = subprocess.Popen([str(self.binary), *map(str, arguments)], env=environment({**self.settings, **(settings or {})}), cwd=self.folder,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
      process.wait(after_s)
    except subprocess.TimeoutExpired:
      process.kill()
    process.wait()

  def client(self, token=None):
    return Client(self.port, token)

  def setup_token(self):
    match = wait_until(lambda: re.search(r"setup\?token=([\w.~-]+)", self.log()), 10, what="the setup link in the log")
    return match[1]

  def admin(self, name="admin"):
    """The first account, made with the setup link."""
    return self.account(name, setup_token=self.setup_token())

  def account(self, name, password="correct horse battery", **extra):
    client = self.client()
    client.ok("POST", "/auth/register", {"username": name, "email": f"{name}@example.org", "password": password, **extra}, status=201)
    return self.login(name, password)

  def put_film(self):
    """A film into the library, before the start; `scan` finds it."""
    folder = self.library / "Movies" / "Paper Lantern (2019)"
    folder.mkdir(parents=True)
    make_film(folder / "Paper Lantern (2019) - 720p.mkv", seconds=2)

  def scan(self, admin):
    """Scans the library; the id of a work that has a file then."""
    task = admin.ok("POST", "/media/scan")["task_id"]
    wait_until(lambda: admin.ok("GET", f"/tasks/{task}")["status"] == "completed", 60, what="the scan")
    return admin.ok("GET", "/media?has_files=true")["items"][0]["id"]

  def login(self, name, password="correct horse battery"):
    client = self.client()
    pair = client.ok("POST", "/auth/login", {"username": name, "password": password}, status=200)
    client.token, client.refresh_token, client.user = pair["access_token"], pair["refresh_token"], pair["user"]
    return client

  def socket(self, client, last_id=None):
    ticket = client.ok("POST", "/auth/ws-ticket")["ticket"]
    return WebSocket(self.port, f"/ws?ticket={ticket}" + (f"&last_id={last_id}" if last_id else ""))

  def rows(self, sql, *values):
    """What the database says, read only; parameters are `?`."""
    if "SOKOUL_DATABASE_URL" in self.settings:
      return servers.rows(self.settings["SOKOUL_DATABASE_URL"], sql, values)
    connection = sqlite3.connect(f"file:{self.data / 'sokoul.db'}?mode=ro", uri=True, timeout=10)
    try:
      connection.row_factory = sqlite3.Row
      return [dict(row) for row in connection.execute(sql, values)]
    finally:
      connection.close()

  def change(self, sql, rows):
    """Writes to the database, past the program and its caches: the statement once for each of the rows."""
    if "SOKOUL_DATABASE_URL" in self.settings:
      servers.change(self.settings["SOKOUL_DATABASE_URL"], sql, rows)
      return
    connection = sqlite3.connect(self.data / "sokoul.db", timeout=30)
    try:
      with connection:
        connection.executemany(sql, rows)
    finally:
      connection.close()

  def resident_mib(self):
    status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

  # The main job, a step a function.

  def search(self, client, query, limit_s=45, **more):
    """Starts a search and waits until it is completed; the whole answer with its results by score."""
    started = client.ok("POST", "/search", {"query": query, **more}, status=202)
    return self.wait_search(client, started["search_id"], limit_s)

  def wait_search(self, client, search_id, limit_s=45):
    def done():
      answer = client.ok("GET", f"/search/{search_id}?sort=-score")
      return answer if answer["status"] in ("completed", "failed") else None
    return wait_until(done, limit_s, what=f"the end of search {search_id}")

  def download(self, client, **what):
    return client.ok("POST", "/downloads/start", what, status=(200, 202))["download_id"]

  def wait_download(self, client, download_id, states=("seeding", "completed"), limit_s=90):
    last = {}

    def reached():
      last.update(client.ok("GET", f"/downloads/{download_id}"))
      assert last["status"] in states or last["status"] != "failed", last
      return last["status"] in states
    wait_until(reached, limit_s, 0.1, lambda: f"download {states}: {last}\n{self.log()[-2000:]}")
    return last

  def integrity(self):
    """What SQLite itself says of the database; PostgreSQL keeps its keys by itself."""
    if "SOKOUL_DATABASE_URL" in self.settings:
      return "ok", []
    connection = sqlite3.connect(self.data / "sokoul.db", timeout=10)
    try:
      return connection.execute("PRAGMA integrity_check").fetchone()[0], connection.execute("PRAGMA foreign_key_check").fetchall()
    finally:
      connection.close()

