"""Several processes of the program as one system: API processes and workers on one PostgreSQL, Redis and NATS."""

import contextlib
import pathlib

from . import servers
from .process import Process, free_port, wait_until
from .sokoul import Sokoul, environment


class Worker(Sokoul):
  """`sokoul worker ROLE`: no server of its own."""

  def __init__(self, folder, role, **settings):
    self.role, self.metrics_port = role, free_port()
    super().__init__(folder, start=False, **{"metrics_listen": f"127.0.0.1:{self.metrics_port}", **settings})

  def start(self, wait=True):
    log = self.folder / "log"
    self.said_before = log.stat().st_size if log.exists() else 0
    self.process = Process([self.binary, "worker", self.role], log, environment(self.settings), self.folder)
    if wait:
      self.wait_ready()

  def wait_ready(self):
    """It takes jobs, or watches, from now on."""
    def ready():
      said = (self.folder / "log").read_bytes()[self.said_before:]
      if not self.process.alive():
        raise AssertionError(f"the {self.role} ended with {self.process.popen.returncode}: {said[-3000:].decode(errors='replace')}")
      return b'"msg":"ready"' in said
    wait_until(ready, 60, what=lambda: f"the {self.role} to be ready: {self.log()[-3000:]}")


class Fleet:
  """`api` and `workers` are its members; they share the data folder, as on one machine or a network's.
  `address`: of the servers they stand on, which are started `inside` it."""

  def __init__(self, folder, apis=2, workers=("scout", "hunter", "oracle", "sentinel"), address="127.0.0.1", inside=contextlib.nullcontext, **settings):
    self.folder = pathlib.Path(folder)
    with inside():
      self.postgres, self.redis, self.nats = servers.Postgres(address), servers.Redis(address), servers.Nats(address)
    self.shared = {**settings, "data_dir": self.folder / "data", "database_url": self.postgres.new_database(),
                   "cache_url": self.redis.new_database(), "queue_url": self.nats.url}
    self.api, self.workers = [], []
    for _ in range(apis):
      self.add_api()
    for role in workers:
      self.add_worker(role, wait=False)
    for member in self.workers:
      member.wait_ready()

  def add_api(self):
    member = Sokoul(self.folder / f"api{len(self.api)}", start=False, roles="api", **self.shared)
    member.data = self.folder / "data"
    member.start()
    self.api.append(member)
    return member

  def add_worker(self, role, wait=True):
    member = Worker(self.folder / f"{role}{len(self.workers)}", role, **self.shared)
    member.data = self.folder / "data"
    member.start(wait)
    self.workers.append(member)
    return member

  def worker(self, role):
    return next(member for member in self.workers if member.role == role and member.process)

  def admin(self):
    """The first account, made with the setup link that the first API process printed."""
    return self.api[0].admin()

  def at(self, number, client):
    """The same person at another API process."""
    other = self.api[number].client(client.token)
    other.refresh_token, other.user = client.refresh_token, client.user
    return other

  def wait_healthy(self, limit_s=30):
    for member in self.api:
      wait_until(member.healthy, limit_s, what="an API process to be healthy")

  def kill(self):
    try:
      for member in [*self.workers, *self.api]:
        member.kill()
    finally:
      for server in (self.nats, self.redis, self.postgres):
        server.kill()
