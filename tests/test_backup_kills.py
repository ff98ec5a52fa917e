"""What a restore or a move leaves when it is killed, ended by whatever command of the program comes next."""

import os
import random
import shutil
import subprocess
import time

import pytest

from harness import servers
from harness.backups import users_of
from harness.process import wait_until
from harness.sokoul import Sokoul, environment

pytestmark = pytest.mark.embedded  # either engine, by its URL

KEY = {"SOKOUL_BACKUP_PASSPHRASE": "seven lanterns on the pier"}
FOLDERS = ("keys", "avatars", "resume")
CLAIM = 6003127482651  # of src/data/tables_postgresql.c


def seed_of(what):
  seed = int(os.environ.get("SOKOUL_SEED", random.SystemRandom().randrange(1 << 30)))
  print(f"seed {seed} ({what})")
  return random.Random(seed)


def run(server, *words, code=0):
  found, out, err = server.run(*words, settings=KEY)
  assert found == code, (words, found, out, err)
  return out + err


def secret(folder):
  return (folder / "keys" / "secret.key").read_bytes()


@pytest.fixture(scope="module")
def pair(module_folder, module_keep):
  """(what was there: bob's, what a restore brings: ada's, its backup); the tests only read them."""
  old, new = (module_keep(Sokoul(module_folder / name, start=False)) for name in ("bob", "ada"))
  for one, name in ((old, "bob"), (new, "ada")):
    one.add_user(name)
    run(one, "backup", module_folder / f"{name}.backup")
    for folder in FOLDERS:
      (one.data / folder).mkdir(exist_ok=True)
  return old, new, module_folder / "ada.backup"


# Each opens the data folder. `restore` and `migrate-data` refuse, since there is something; that is after what was killed has ended.
COMMANDS = {
  "user": (("user", "list"), 0),
  "provider": (("provider", "list"), 0),
  "migrate": (("migrate",), 0),
  "status": (("migrate", "--status"), 0),
  "search": (("search", "anything"), 1),  # no server answers
  "backup": (("backup", "../of.backup"), 0),
  "restore": (("restore", "{backup}"), 1),
  "migrate-data": (("migrate-data", "sqlite:{data}/sokoul.db", "sqlite:../copy.db"), 0),
  "serve": None,
}


def use(server, name, path):
  if name == "serve":
    server.start()
    server.stop()
    return
  words, code = COMMANDS[name]
  (server.folder.parent / "copy.db").unlink(missing_ok=True)
  run(server, *(word.format(data=server.data, backup=path) for word in words), code=code)


def plant(server, old, new, marker, database):
  """The old state, with the new one staged beside it."""
  shutil.rmtree(server.data, ignore_errors=True)
  shutil.copytree(old.data, server.data)
  for name in FOLDERS:
    shutil.copytree(new.data / name, server.data / marker / name)
  if database:
    (server.data / marker / "database").write_text(database)


# What has been done of the last step when it is killed: so many of these renames.
STEPS = [("sokoul.db", "sokoul.db.before-restore"), ("sokoul.db.restored", "sokoul.db")] + [
  step for name in FOLDERS for step in ((name, f"before-restore/{name}"), (f"restore.ready/{name}", name))]


@pytest.mark.parametrize("command", COMMANDS)
def test_whatever_comes_next_ends_a_restore(place, pair, command):
  old, new, path = pair
  server = place()
  steps = range(len(STEPS) + 1) if command in ("user", "migrate") else (0, 1, 4, len(STEPS))
  for done in steps:
    plant(server, old, new, "restore.ready", "sqlite sokoul.db\n")
    shutil.copy(new.data / "sokoul.db", server.data / "sokoul.db.restored")
    (server.data / "before-restore").mkdir()
    for source, to in STEPS[:done]:
      (server.data / source).rename(server.data / to)
    use(server, command, path)
    assert users_of(server.data / "sokoul.db") == ["ada"] and users_of(server.data / "sokoul.db.before-restore") == ["bob"], done
    assert secret(server.data) == secret(new.data) and secret(server.data / "before-restore") == secret(old.data), done
    assert not list(server.data.glob("*restore.*")) and not list(server.data.glob("*.restored")), done


@pytest.mark.parametrize("command", COMMANDS)
def test_whatever_comes_next_undoes_a_restore_that_does_not_count(place, pair, command):
  old, new, path = pair
  server = place()
  for database in (None, "sqlite sokoul.db\n"):
    plant(server, old, new, "restore.part", database)
    (server.data / "sokoul.db.restored").write_bytes((new.data / "sokoul.db").read_bytes()[:9000])
    (server.data / "sokoul.db.restored-wal").write_bytes(b"begun")
    use(server, command, path)
    assert users_of(server.data / "sokoul.db") == ["bob"] and secret(server.data) == secret(old.data)
    assert not list(server.data.glob("restore.*")) and not list(server.data.glob("*.restored*"))


@pytest.mark.parametrize("command", COMMANDS)
def test_whatever_comes_next_ends_or_undoes_a_move(place, pair, command):
  old, new, path = pair
  server = place()
  for done in range(4):
    shutil.rmtree(server.data, ignore_errors=True)
    shutil.copytree(old.data, server.data)
    if done == 0:
      (server.data / "sokoul.db.moving").write_bytes((new.data / "sokoul.db").read_bytes()[:9000])
      (server.data / "sokoul.db.moving-wal").write_bytes(b"begun")
    else:
      shutil.copy(new.data / "sokoul.db", server.data / "sokoul.db.moved")
    for source, to in (("sokoul.db", "sokoul.db.before-restore"), ("sokoul.db.moved", "sokoul.db"))[:max(0, done - 1)]:
      (server.data / source).rename(server.data / to)
    use(server, command, path)
    assert users_of(server.data / "sokoul.db") == (["ada"] if done else ["bob"]), done
    assert not done or users_of(server.data / "sokoul.db.before-restore") == ["bob"], done
    assert secret(server.data) == secret(old.data), "a move is of the database alone"
    assert not list(server.data.glob("*.mov*")), done


def test_a_move_that_is_killed_leaves_the_old_or_the_new(pair, place, folder):
  old, new, _ = pair
  victim = place()
  here = f"sqlite:{victim.data / 'sokoul.db'}"
  shutil.copytree(old.data, victim.data)
  shutil.copy(old.data / "sokoul.db", folder / "bob.db")
  shutil.copy(new.data / "sokoul.db", folder / "ada.db")
  rng, ended = seed_of("moves"), {"ada": 0, "bob": 0}
  began = time.monotonic()
  run(victim, "migrate-data", f"sqlite:{folder / 'ada.db'}", here, "--force")
  whole_s = time.monotonic() - began
  for number in range(16):
    words = ["migrate-data", f"sqlite:{folder / ('bob.db', 'ada.db')[number % 2]}", here, "--force"]
    victim.run_killed(*words, after_s=rng.uniform(0.3, 1.05) * whole_s)
    said = run(victim, "user", "list")
    found = users_of(victim.data / "sokoul.db")
    assert found in (["ada"], ["bob"]) and found[0] in said, (number, found, said)
    assert not list(victim.data.glob("*.mov*")), number
    ended[found[0]] += 1
  print(f"ended as {ended}")


# --- PostgreSQL: the database says whether a restore was committed.

@pytest.fixture
def restored(place, pair):
  """(a place whose database has ada's restored into it, the restore's id)"""
  _, _, path = pair
  url = servers.shared(servers.Postgres).new_database()
  server = place(database_url=url)
  run(server, "restore", path)
  ids = [row["id"] for row in servers.rows(url, "SELECT id FROM audit_logs WHERE action = 'backup.restore'", ())]
  assert len(ids) == 1
  return server, ids[0]


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "migrate-data"])
def test_whatever_comes_next_ends_a_restore_to_postgresql(pair, restored, command):
  old, new, path = pair
  server, number = restored
  other = number[:-1] + ("0" if number[-1] != "0" else "1")
  for noted, expected in ((f"postgresql {number}\n", new), (f"postgresql {other}\n", old), ("postgresql " + number, old), (None, old)):
    plant(server, old, new, "restore.part", noted)
    use(server, command, path)
    assert secret(server.data) == secret(expected.data), noted
    assert (secret(server.data / "before-restore") == secret(old.data)) if expected is new else not (server.data / "before-restore").exists()
    assert not list(server.data.glob("restore.*")), noted
  for done in range(len(STEPS) - 1):  # committed, and the folders on their way
    plant(server, old, new, "restore.ready", f"postgresql {number}\n")
    (server.data / "before-restore").mkdir()
    for source, to in STEPS[2:2 + done]:
      (server.data / source).rename(server.data / to)
    use(server, "user", path)
    assert secret(server.data) == secret(new.data) and secret(server.data / "before-restore") == secret(old.data)


def test_without_the_database_nothing_is_decided(pair, restored):
  old, new, _ = pair
  server, number = restored
  plant(server, old, new, "restore.part", f"postgresql {number}\n")
  url = server.settings["SOKOUL_DATABASE_URL"]
  for away in ("postgresql://nobody@127.0.0.1:1/none", f"sqlite:{server.data}/sokoul.db"):
    server.settings["SOKOUL_DATABASE_URL"] = away
    run(server, "user", "list", code=1)
    assert secret(server.data) == secret(old.data) and (server.data / "restore.part" / "keys" / "secret.key").exists()
  server.settings["SOKOUL_DATABASE_URL"] = url
  assert "ada" in run(server, "user", "list") and secret(server.data) == secret(new.data)


@pytest.mark.parametrize("is_committed", [True, False])
def test_a_commit_that_is_on_its_way_is_waited_for(pair, restored, is_committed):
  """The client is gone, and its transaction is not over yet on the server."""
  old, new, _ = pair
  server, number = restored
  url = server.settings["SOKOUL_DATABASE_URL"]
  later = number[:-4] + "beef"
  plant(server, old, new, "restore.part", f"postgresql {later}\n")
  connection = servers.connect(url)
  try:
    cursor = connection.cursor()
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (CLAIM,))
    cursor.execute("INSERT INTO audit_logs (id, action, resource, created_at) VALUES (%s, 'backup.restore', 'backup', 1)", (later,))
    asking = subprocess.Popen([str(server.binary), "user", "list"], env=environment(server.settings), cwd=server.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_until(lambda: servers.rows(url, "SELECT 1 AS is FROM pg_locks WHERE locktype = 'advisory' AND NOT granted", ()), 30, what="the question")
    assert secret(server.data) == secret(old.data)
    if is_committed:
      connection.commit()
    else:
      connection.rollback()
    out, _ = asking.communicate(timeout=60)
    assert asking.returncode == 0 and "ada" in out, out
  finally:
    connection.close()
  assert secret(server.data) == secret((new if is_committed else old).data)
  assert not list(server.data.glob("restore.*"))


def test_a_restore_to_postgresql_that_is_killed_leaves_both_old_or_both_new(pair, restored):
  old, new, path = pair
  server, _ = restored
  keys = {"ada": secret(new.data), "bob": secret(old.data)}
  rng, ended = seed_of("kills"), {"ada": 0, "bob": 0}
  began = time.monotonic()
  run(server, "restore", path, "--force")
  whole_s = time.monotonic() - began
  for number in range(12):
    which = (path.with_name("bob.backup"), path)[number % 2]
    server.run_killed("restore", which, "--force", after_s=rng.uniform(0.5, 1.05) * whole_s, settings=KEY)
    said = run(server, "user", "list")
    found = [row["username"] for row in servers.rows(server.settings["SOKOUL_DATABASE_URL"], "SELECT username FROM users", ())]
    assert len(found) == 1 and found[0] in said, (number, found, said)
    assert secret(server.data) == keys[found[0]], (number, "a database without its keys")
    ended[found[0]] += 1
  print(f"ended as {ended}")
