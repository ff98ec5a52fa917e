"""A backup of a large catalogue: the time, the file, and the memory it takes; and back."""

import os
import sqlite3
import subprocess
import time

from common import MIB, Row
from harness import servers
from harness.sokoul import Sokoul, environment
from titles import Titles, fill

WORKS = 200_000
PASSPHRASE = "seven lanterns on the pier"


def timed(command, env=None):
  """(seconds, MiB resident at most) of a command that must do well."""
  began = time.perf_counter()
  process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
  said = process.stderr.read()
  _, status, usage = os.wait4(process.pid, 0)
  process.returncode = os.waitstatus_to_exitcode(status)
  if process.returncode:
    raise RuntimeError(f"{command[:2]}: {said.decode()[-500:]}")
  return time.perf_counter() - began, usage.ru_maxrss / 1024


def of_their_own(database, folder):
  """What one does without us: SQLite's own online copy, then GnuPG over the file (it compresses as well). Seconds."""
  began = time.perf_counter()
  source, target = sqlite3.connect(database), sqlite3.connect(folder / "copy.db")
  source.backup(target)
  target.close()
  source.close()
  timed(["gpg", "--homedir", str(folder), "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", PASSPHRASE, "--symmetric",
         "--cipher-algo", "AES256", "--output", str(folder / "copy.gpg"), str(folder / "copy.db")])
  return time.perf_counter() - began


def to_postgresql(place, file):
  """A restore onto PostgreSQL, and what pg_restore takes over the same rows and indexes, each in one transaction. Seconds."""
  server = servers.Postgres()
  try:
    ours, theirs = server.new_database(), server.new_database()
    other, dump = Sokoul(place.new("cluster"), start=False, database_url=ours), place.new("dump") / "dump"
    took, _ = timed([str(other.binary), "restore", str(file)], environment({**other.settings, "SOKOUL_BACKUP_PASSPHRASE": PASSPHRASE}))
    timed([str(servers.PROGRAMS / "pg_dump"), "-Fc", "-f", str(dump), ours])
    peer, _ = timed([str(servers.PROGRAMS / "pg_restore"), "-1", "-d", theirs, str(dump)])
    return took, peer
  finally:
    server.kill()


def backups(place):
  maker = Titles(7)
  server, other, theirs = Sokoul(place.new("sokoul"), start=False), Sokoul(place.new("other"), start=False), place.new("gpg")
  theirs.chmod(0o700)
  server.run("migrate")
  fill(server, [maker.title() for _ in range(WORKS)]).close()
  file = theirs / "sokoul.backup"
  env = [environment({**one.settings, "SOKOUL_BACKUP_PASSPHRASE": PASSPHRASE}) for one in (server, other)]
  ours = [timed([str(server.binary), "backup", str(file)], env[0]) for _ in range(2)]
  peer = min(of_their_own(server.data / "sokoul.db", theirs) for _ in range(2))
  back, _ = timed([str(server.binary), "restore", str(file)], env[1])
  plain, _ = timed(["gpg", "--homedir", str(theirs), "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", PASSPHRASE, "--output",
                    str(theirs / "back.db"), "--decrypt", str(theirs / "copy.gpg")])
  cluster, restored = to_postgresql(place, file)
  return [Row(f"backup of {WORKS:,} works", "s", min(took for took, _ in ours), peer, "SQLite's copy and GnuPG", 2),
          Row("its file", "MiB", file.stat().st_size / MIB, (theirs / "copy.gpg").stat().st_size / MIB, "SQLite's copy and GnuPG", 1),
          Row("its memory", "MiB", max(memory for _, memory in ours), (server.data / "sokoul.db").stat().st_size / MIB, "the database's file", 2),
          Row("restoring it, row by row and every index", "s", back, plain, "GnuPG: the file as it was", 1),
          Row("restoring it to PostgreSQL", "s", cluster, restored, "pg_restore, not encrypted", 1)]
