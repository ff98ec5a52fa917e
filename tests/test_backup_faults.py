"""What stands in the way of a restore: a full disk, processes that run, a database that loses patience; and files that are no files."""

import os
import shutil
import signal
import sqlite3
import subprocess
import threading

import pytest

from harness import servers
from harness.backups import Backup, seal, users_of
from harness.process import wait_until
from harness.sokoul import SET, Sokoul, environment

PASSPHRASE = "seven lanterns on the pier"
KEY = {"SOKOUL_BACKUP_PASSPHRASE": PASSPHRASE}


@pytest.fixture
def ada(place, folder):
  """(a place with one account, its backup)"""
  server = place()
  server.add_user("ada")
  assert server.run("backup", folder / "ada.backup", settings=KEY)[0] == 0
  return server, folder / "ada.backup"


# --- A full disk.

@pytest.mark.root
@pytest.mark.embedded
def test_a_disk_of_any_size_has_all_of_a_restore_or_nothing_of_it(ada, place, folder):
  """From far too small to large enough: the load fails, or the folding in of its journal at the end, or it is all there."""
  old, path = ada
  held = Backup(path.read_bytes(), PASSPHRASE)
  columns, cells = held.tables["audit_logs"]
  for number in range(20_000):  # some MiB of them
    row = dict(zip(columns, cells[0]), id=f"01900000-0000-7000-8000-{number:012x}", new_value="x" * 150)
    cells.append([row[name] for name in columns])
  (folder / "large.backup").write_bytes(seal(held.bytes(), PASSPHRASE))
  old_mib = 1 + sum(one.stat().st_size for one in old.data.rglob("*") if one.is_file()) // (1 << 20)
  server = place()
  server.data.mkdir()
  said = []
  for mib in range(old_mib + 1, 400, 2):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0700", "sokoul-test", server.data], check=True)
    try:
      shutil.copytree(old.data, server.data, dirs_exist_ok=True)
      code, out, err = server.run("restore", folder / "large.backup", "--force", settings=KEY)
      assert users_of(server.data / "sokoul.db") == ["ada"]
      rows = sqlite3.connect(server.data / "sokoul.db").execute("SELECT count(*) FROM audit_logs").fetchone()[0]
      if code == 0:
        assert rows > 20_000, (mib, rows, out)
        break
      assert code == 1 and rows < 100, (mib, code, rows, out)
      assert not list(server.data.glob("*restore*")), (mib, list(server.data.iterdir()))
      said.append(err)
    finally:
      subprocess.run(["umount", "-l", server.data], check=True)
  else:
    pytest.fail("no disk was large enough")
  assert len(said) > 5, said
  assert any("could not be written to the end" in line for line in said), "the journal was never what did not fit"
  assert all(any(word in line.lower() for word in ("space", "full", "to the end", "disk")) for line in said), said
  print(f"{len(said)} disks were too small, {mib} MiB were enough")


# --- Processes that run.

def test_the_data_folder_of_a_running_process_is_not_restored_into(start, ada, folder):
  """Also when the database is another one, so that only the folder's lock tells: in a cluster it is shared."""
  server = start()
  before = (server.data / "keys" / "secret.key").read_bytes()
  other = servers.shared(servers.Postgres).new_database() if SET == "cluster" else f"sqlite:{folder / 'other.db'}"
  code, _, err = server.run("restore", ada[1], "--force", settings={**KEY, "SOKOUL_DATABASE_URL": other})
  assert code == 1 and "running" in err, err
  assert (server.data / "keys" / "secret.key").read_bytes() == before
  server.stop()
  code, _, err = server.run("restore", ada[1], "--force", settings={**KEY, "SOKOUL_DATABASE_URL": other})
  assert code == 0, err
  assert (server.data / "keys" / "secret.key").read_bytes() == (ada[0].data / "keys" / "secret.key").read_bytes()


@pytest.mark.skipif(SET != "cluster", reason="one process alone otherwise")
def test_processes_that_start_at_once_on_what_a_kill_left_all_come_up(ada, folder, keep):
  server, _ = ada
  server.own_nats()
  (server.data / "restore.part" / "keys").mkdir(parents=True)
  (server.data / "restore.part" / "keys" / "secret.key").write_bytes(b"x" * 32)
  others = []
  for number in range(2):
    other = keep(Sokoul(folder / f"other{number}", start=False))
    other.nats.kill()
    other.nats = None
    other.data = server.data
    other.settings.update({name: server.settings[name] for name in ("SOKOUL_DATA_DIR", "SOKOUL_DATABASE_URL", "SOKOUL_CACHE_URL", "SOKOUL_QUEUE_URL")})
    others.append(other)
  for other in others:
    other.nats = server.nats
    other.start(wait=False)
    other.nats = None
  for other in others:
    wait_until(other.healthy, 60, what="both at work")
  assert not (server.data / "restore.part").exists()
  for other in others:
    other.stop()


# --- A database that loses patience.

@pytest.mark.embedded
def test_a_restore_may_take_its_time_over_the_files(ada, place, folder):
  """PostgreSQL ends a session whose transaction waits for 30 s; the file is handed over slowly for longer than that."""
  _, path = ada
  url = servers.shared(servers.Postgres).new_database()
  server = place(database_url=url)
  pipe = folder / "slow.backup"
  os.mkfifo(pipe)
  process = subprocess.Popen([str(server.binary), "restore", str(pipe)], env=environment({**server.settings, **KEY}), cwd=server.folder,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
  data, go_on = path.read_bytes(), threading.Event()

  def feed():
    with open(pipe, "wb", buffering=0) as file:
      file.write(data[:100])
      go_on.wait(600)
      file.write(data[100:])

  feeder = threading.Thread(target=feed, daemon=True)
  feeder.start()

  def sessions(where):
    return servers.rows(url, f"SELECT pid FROM pg_stat_activity WHERE application_name = 'sokoul' AND datname = current_database() {where}", ())
  try:
    wait_until(lambda: sessions("AND state = 'idle in transaction'"), 60, what="the transaction")
    wait_until(lambda: sessions("AND now() - state_change > INTERVAL '32 s'") or not sessions(""), 90, 0.2, what="longer than PostgreSQL would wait")
    assert sessions(""), "PostgreSQL has ended it"
    go_on.set()
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
  finally:
    go_on.set()
    process.send_signal(signal.SIGKILL)
    process.wait()
  assert [row["username"] for row in servers.rows(url, "SELECT username FROM users", ())] == ["ada"]


# --- What is no file.

def test_a_link_among_the_keys_is_no_silent_gap(ada, folder):
  server, _ = ada
  key = server.data / "keys" / "secret.key"
  key.rename(folder / "secret.key")
  key.symlink_to(folder / "secret.key")
  code, _, err = server.run("backup", folder / "gap.backup", settings=KEY)
  assert code == 1 and "is a link" in err and "secret.key" in err, err
  assert not list(folder.glob("gap.backup*"))


@pytest.mark.embedded
def test_a_configuration_that_is_a_link_is_in_the_backup(ada, folder):
  server, _ = ada
  (folder / "sokoul.conf").write_text("seed_hours = 7\n")
  (server.folder / "sokoul.conf").symlink_to(folder / "sokoul.conf")
  assert server.run("backup", folder / "linked.backup", settings=KEY)[0] == 0
  assert Backup((folder / "linked.backup").read_bytes(), PASSPHRASE).files["sokoul.conf"] == b"seed_hours = 7\n"
