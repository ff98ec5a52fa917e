"""Backups taken while the server runs and is written to, and brought back; a database moved to another engine and back."""

import os
import random
import sqlite3
import threading
import time

import pytest

from harness import pictures, servers
from harness.backups import HEADER, Backup, pieces, seal
from harness.process import wait_until
from harness.scene import Torznab, release
from harness.sokoul import SET, Sokoul

PASSPHRASE = "seven lanterns on the pier"
KEY = {"SOKOUL_BACKUP_PASSPHRASE": PASSPHRASE}
NOT_DATA = ("db_ping", "sqlite_", "media_titles")


def is_sqlite(url):
  return url.startswith("sqlite:")


def database_url(server):
  return server.settings.get("SOKOUL_DATABASE_URL") or f"sqlite:{server.data / 'sokoul.db'}"


def rows(url, sql):
  if not is_sqlite(url):
    return servers.rows(url, sql, ())
  connection = sqlite3.connect(f"file:{url.removeprefix('sqlite:')}?mode=ro", uri=True, timeout=30)
  try:
    connection.row_factory = sqlite3.Row
    return [dict(row) for row in connection.execute(sql)]
  finally:
    connection.close()


def table_names(url):
  sql = ("SELECT name FROM sqlite_schema WHERE type = 'table'" if is_sqlite(url) else
         "SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables WHERE table_schema = 'public'")
  return sorted(row["name"] for row in rows(url, sql) if not row["name"].startswith(NOT_DATA))


def everything(url):
  """{table: its rows, sorted, with their types}"""
  return {name: sorted((repr(sorted(row.items())) for row in rows(url, f"SELECT * FROM {name}"))) for name in table_names(url)}


def schema(url):
  """{name: statement} of its indexes and triggers, and of its tables where there is one."""
  sql = ("SELECT name, sql FROM sqlite_schema" if is_sqlite(url) else
         "SELECT CAST(indexname AS TEXT) AS name, indexdef AS sql FROM pg_indexes WHERE schemaname = 'public' UNION ALL "
         "SELECT CAST(tgname AS TEXT), pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal")
  return {row["name"]: row["sql"] for row in rows(url, sql) if "db_ping" not in row["name"]}


def without_notes(tables):
  """What a backup and a restore write down about themselves is no part of what they copy."""
  return {**tables, "audit_logs": [row for row in tables["audit_logs"] if "'resource', 'backup'" not in row]}


def check_sound(server):
  assert server.integrity() == ("ok", [])


def backup(server, path, code=0, **settings):
  found, out, err = server.run("backup", path, settings={**KEY, **settings})
  assert found == code, (found, out, err)
  return out + err


def restore(server, path, *more, code=0, **settings):
  found, out, err = server.run("restore", path, *more, settings={**KEY, **settings})
  assert found == code, (found, out, err)
  return out + err


@pytest.fixture
def library(folder):
  """A library folder that the machine restored to has, too: films are not in a backup."""
  return folder / "library"


@pytest.fixture
def indexer(keep):
  return keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1), release("Paper.Lantern.2019.720p.WEB.x264-OWN", 2)]))


def settings_of(library, indexer):
  return {"library_dirs": library, "allow_hosts": indexer.base.removeprefix("http://")}


@pytest.fixture
def lived_in(folder, keep, films, library, indexer):
  """A server with something in most of its tables, put there by its users; (server, admin)."""
  (library / "Movies").mkdir(parents=True)
  os.link(films("small.mp4"), library / "Movies" / "Real Film (2005).mp4")
  server = keep(Sokoul(folder / "lived-in", **settings_of(library, indexer)))
  admin = server.admin()
  reader = server.account("reader")
  provider = admin.ok("POST", "/admin/providers", {"name": "mine", "kind": "torznab", "base_url": indexer.base + "/api", "api_key": indexer.api_key})
  assert admin.ok("POST", f"/admin/providers/{provider['id']}/test")
  admin.ok("PUT", "/admin/settings", {"seed_hours": 3, "rate_search": 500})
  admin.ok("POST", "/admin/security/whitelist", {"cidr": "192.0.2.0/24", "reason": "the \"office\" é"})
  answer = server.search(reader, "Paper Lantern", year=2019)
  assert len(answer["results"]) == 2
  reader.ok("POST", "/downloads/start", {"search_result_id": answer["results"][0]["id"]})
  task = admin.ok("POST", "/media/scan", status=202)["task_id"]
  wait_until(lambda: admin.ok("GET", f"/tasks/{task}")["status"] == "completed", 90, what="the scan")
  film = server.rows("SELECT media_id FROM media_files")[0]["media_id"]
  show = admin.ok("POST", "/media", {"media_type": "tv", "title": "Harbour Lights", "year": 2016})["id"]
  for number in (1, 2, 3):
    admin.ok("POST", "/media", {"media_type": "episode", "title": f"Nº {number}", "parent_id": show, "season_number": 1, "episode_number": number})
  for client in (admin, reader):
    client.ok("POST", "/history/watch", {"media_id": film, "progress_seconds": 3, "total_seconds": 10})
    client.ok("POST", "/library/favorites", {"media_id": film})
    client.ok("POST", "/library/watchlist", {"media_id": show, "priority": 3})
    shelf = client.ok("POST", "/collections", {"name": "Évenings", "is_public": True})
    client.ok("POST", f"/collections/{shelf['id']}/media", {"media_id": film})
    client.ok("POST", "/auth/api-keys", {"name": "script"})
    client.upload("/auth/me/avatar", "avatar", "me.png", pictures.png(40, 30), content_type="image/png", method="PUT")
    client.ok("GET", f"/streaming/direct/{film}")
  server.film = film
  return server, admin


def works(server, film, indexer):
  """What only works when database, keys and files belong together."""
  admin = server.login("admin")
  assert admin.ok("GET", "/admin/settings")["seed_hours"]["value"] == 3
  provider = admin.ok("GET", "/admin/providers")["items"]
  asked = len(indexer.calls)
  mine = next(row for row in provider if row["name"] == "mine")
  assert admin.ok("POST", f"/admin/providers/{mine['id']}/test"), "its key opens with the key of the data folder"
  assert len(indexer.calls) > asked
  stream = admin.ok("GET", f"/streaming/direct/{film}")
  assert admin.request("GET", "/" + stream["url"], token=None, headers={"Range": "bytes=0-99"}).status == 206
  assert admin.get("/" + admin.ok("GET", "/auth/me")["avatar_url"]).status == 200
  found = admin.ok("GET", "/media?q=harbor+lihgts")["items"]
  assert [row["title"] for row in found] == ["Harbour Lights"], "titles are found by their trigrams"
  made = admin.ok("POST", "/media", {"media_type": "movie", "title": "Made Later", "year": 2020})
  assert admin.ok("GET", f"/media/{made['id']}")["title"] == "Made Later"
  answer = server.search(admin, "Paper Lantern", year=2019)
  assert len(answer["results"]) == 2 and admin.ok("GET", f"/search/{answer['search_id']}/results")["total"] == 2


# --- What is in it.

def test_a_backup_holds_every_table_and_every_row(lived_in, folder):
  server, _ = lived_in
  server.stop()
  before = everything(database_url(server))
  backup(server, folder / "one.backup")
  assert (folder / "one.backup").stat().st_mode & 0o777 == 0o600
  assert not list(folder.glob("one.backup.part*"))
  data = (folder / "one.backup").read_bytes()
  for secret in (b"reader", b"Paper Lantern", PASSPHRASE.encode()):
    assert secret not in data
  held = Backup(data, PASSPHRASE)
  assert sorted(held.tables) == table_names(database_url(server)), "a table that was made later is in it, too"
  for name, (columns, cells) in held.tables.items():
    assert sorted(repr(sorted(zip(columns, row))) for row in cells) == before[name], name
  filled = {name for name, (_, cells) in held.tables.items() if cells}
  assert {"users", "sessions", "media", "media_files", "searches", "search_results", "downloads", "tasks", "providers", "settings", "ip_rules",
          "collections", "collection_media", "watch_history", "library_favorites", "api_keys", "audit_logs", "stream_sessions"} <= filled, filled
  on_disk = {str(path.relative_to(server.data)): path.read_bytes() for name in ("keys", "avatars", "resume")
             for path in (server.data / name).glob("*") if path.is_file() and not path.name.startswith(".")}
  assert held.files == on_disk and "keys/secret.key" in on_disk and sum(name.startswith("avatars/") for name in on_disk) == 2
  note = rows(database_url(server), "SELECT action FROM audit_logs WHERE resource = 'backup'")
  assert [row["action"] for row in note] == ["backup.create"]


def test_another_machine_goes_on_where_the_first_one_was(lived_in, folder, place, library, indexer):
  server, admin = lived_in
  token = admin.token
  server.stop()
  backup(server, folder / "one.backup")
  before = without_notes(everything(database_url(server)))
  server.kill()
  other = place(**settings_of(library, indexer))
  restore(other, folder / "one.backup")
  assert without_notes(everything(database_url(other))) == before
  assert schema(database_url(other)) == schema(database_url(server))
  assert "backup.restore" in [row["action"] for row in rows(database_url(other), "SELECT action FROM audit_logs WHERE resource = 'backup'")]
  other.start()
  assert other.client(token).get("/auth/me").status == 200, "who was signed in still is"
  works(other, server.film, indexer)
  other.stop()
  check_sound(other)


def test_the_configuration_travels_along_and_replaces_nothing(place, folder):
  server, other = place(), place()
  server.add_user("ada")
  (server.folder / "sokoul.conf").write_text("seed_hours = 7\n")
  (other.folder / "sokoul.conf").write_text("seed_hours = 9\n")
  backup(server, folder / "one.backup")
  restore(other, folder / "one.backup")
  assert (other.data / "sokoul.conf.restored").read_text() == "seed_hours = 7\n"
  assert (other.folder / "sokoul.conf").read_text() == "seed_hours = 9\n"


# --- While it runs.

class Writer(threading.Thread):
  """A client that adds works one after the other and remembers what was acknowledged."""

  def __init__(self, client):
    super().__init__(daemon=True)
    self.client, self.made, self.failed, self.going = client, [], [], True

  def run(self):
    while self.going:
      reply = self.client.post("/media", {"media_type": "movie", "title": f"Film {self.name} {len(self.made)}", "year": 2020})
      (self.made if reply.status == 201 else self.failed).append(reply.json)
      time.sleep(0.01)  # enough of them, and each restore of the test stays short

  def end(self):
    self.going = False
    self.join(60)
    assert not self.failed, self.failed[:3]


def test_backups_of_a_server_that_is_written_to_hold_whatever_was_acknowledged_before(start, place, folder):
  server = start()
  writers = [Writer(server.admin()), Writer(server.login("admin"))]
  for writer in writers:
    writer.start()
  other, sizes = place(), []
  for number in range(20):
    known = [row["id"] for writer in writers for row in list(writer.made)]
    backup(server, folder / "live.backup")
    restore(other, folder / "live.backup", "--force")
    url = database_url(other)
    held = {row["id"] for row in rows(url, "SELECT id FROM media")}
    missing = [one for one in known if one not in held]
    assert not missing, f"round {number}: {len(missing)} of {len(known)} are missing"
    check_sound(other)
    sizes.append(len(held))
  for writer in writers:
    writer.end()
  assert sizes == sorted(sizes) and sizes[-1] > sizes[0], f"there was something to write: {sizes}"
  print(f"20 backups under {sum(len(writer.made) for writer in writers)} writes")


# --- What is refused, and changes nothing.

def state_of(server):
  tree = {str(path.relative_to(server.data)): path.read_bytes() for path in sorted(server.data.rglob("*"))
          if path.is_file() and not path.name.startswith(("sokoul.db", "sokoul.lock"))}
  names = sorted(path.name for path in server.data.iterdir() if not path.name.endswith(("-wal", "-shm", ".lock")))
  return names, tree, everything(database_url(server))


@pytest.fixture
def small(place, folder):
  """(a place with an account, its backup's path)"""
  server = place()
  server.add_user("ada")
  backup(server, folder / "small.backup")
  return server, folder / "small.backup"


def test_what_is_there_is_not_overwritten_unless_asked_to(small, place):
  server, path = small
  before = state_of(server)
  said = restore(server, path, code=1)
  assert "--force" in said
  assert state_of(server) == before
  secret = (server.data / "keys" / "secret.key").read_bytes()
  other = place()
  other.add_user("bob")
  replaced = (other.data / "keys" / "secret.key").read_bytes()
  assert replaced != secret
  restore(other, path, "--force")
  assert [row["username"] for row in rows(database_url(other), "SELECT username FROM users")] == ["ada"]
  assert (other.data / "keys" / "secret.key").read_bytes() == secret
  assert (other.data / "before-restore" / "keys" / "secret.key").read_bytes() == replaced
  if is_sqlite(database_url(other)):
    old = f"sqlite:{other.data / 'sokoul.db.before-restore'}"
    assert [row["username"] for row in rows(old, "SELECT username FROM users")] == ["bob"]


def test_a_running_server_is_not_restored_under(start, small, folder):
  server = start()
  server.admin()
  said = restore(server, small[1], "--force", code=1)
  assert "running" in said or "stop what runs" in said, said
  assert server.client().get("//health").status == 200
  assert server.login("admin").user["role"] == "admin"
  if is_sqlite(database_url(server)):
    said = server.run("migrate-data", database_url(server), f"sqlite:{folder}/copy.db")
    assert said[0] == 1 and "running" in said[2] and not (folder / "copy.db").exists()


def test_without_the_right_passphrase_nothing_happens(small, folder):
  server, path = small
  before = state_of(server)
  assert "passphrase" in restore(server, path, "--force", code=1, SOKOUL_BACKUP_PASSPHRASE="eight lanterns")
  assert "passphrase" in restore(server, path, "--force", code=1, SOKOUL_BACKUP_PASSPHRASE=None)
  assert "passphrase" in backup(server, folder / "none.backup", code=1, SOKOUL_BACKUP_PASSPHRASE=None)
  assert "8 bytes" in backup(server, folder / "none.backup", code=1, SOKOUL_BACKUP_PASSPHRASE="short")
  assert not (folder / "none.backup").exists()
  assert state_of(server) == before


def test_the_passphrase_comes_from_a_file_or_standard_input(small, place, folder):
  server, path = small
  secret = folder / "passphrase"
  secret.write_text(PASSPHRASE + "\nmore\n")
  assert place().run("restore", path, "--passphrase-file", secret)[0] == 0
  assert place().run("restore", path, settings={"SOKOUL_BACKUP_PASSPHRASE_FILE": secret})[0] == 0
  assert place().run("restore", path, stdin=PASSPHRASE + "\n")[0] == 0
  assert server.run("backup", folder / "in.backup", stdin=PASSPHRASE + "\n")[0] == 0
  assert place().run("restore", folder / "in.backup", "--passphrase-file", secret)[0] == 0
  code, _, err = place().run("restore", path, "--passphrase-file", folder / "missing")
  assert code == 1 and "--passphrase-file" in err


def test_damage_anywhere_is_noticed_and_changes_nothing(small, folder):
  server, path = small
  data, before = path.read_bytes(), state_of(server)
  rng = random.Random(seed_of("damage"))
  places = [0, 7, 8, 9, 10, 25, 26, len(data) - 1, len(data) - 16, len(data) - 17] + [rng.randrange(len(data)) for _ in range(14)]
  wrong = [data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:] for at in places]
  wrong += [data[:size] for size in (0, 1, 8, 25, 26, 41, 42, len(data) // 2, len(data) - 16, len(data) - 1)]
  wrong += [data + b"\0", data + data[HEADER:], b"PK\3\4" + data, os.urandom(5000)]
  for bad in wrong:
    (folder / "bad.backup").write_bytes(bad)
    said = restore(server, folder / "bad.backup", "--force", code=1)
    assert any(word in said for word in ("passphrase", "damaged", "cut short", "no backup", "format")), said
  assert state_of(server) == before
  assert "cannot open" in restore(server, folder / "missing.backup", "--force", code=1)


def test_pieces_in_another_order_or_of_another_backup_are_noticed(small, folder):
  server, path = small
  before = state_of(server)
  big = Backup(path.read_bytes(), PASSPHRASE)
  rng = random.Random(seed_of("pieces"))
  big.files["resume/" + "a" * 40 + ".resume"] = rng.randbytes(400_000)
  one, other = seal(big.bytes(), PASSPHRASE), seal(big.bytes(), PASSPHRASE, salt=b"t" * 16)
  parts, others = pieces(one), pieces(other)
  assert len(parts) >= 6
  for made in (parts[:1] + [parts[2], parts[1]] + parts[3:], parts[:2] + parts[3:], parts[:2] + [parts[1]] + parts[2:],
               parts[:-1], parts[:-2] + parts[-1:], parts[:3] + others[3:], parts + parts[-1:]):
    (folder / "bad.backup").write_bytes(one[:HEADER] + b"".join(made))
    assert "damaged" in restore(server, folder / "bad.backup", "--force", code=1)
  assert state_of(server) == before
  (folder / "good.backup").write_bytes(one)
  restore(server, folder / "good.backup", "--force")
  assert (server.data / "resume" / ("a" * 40 + ".resume")).read_bytes() == big.files["resume/" + "a" * 40 + ".resume"]


def seed_of(what):
  seed = int(os.environ.get("SOKOUL_SEED", random.SystemRandom().randrange(1 << 30)))
  print(f"seed {seed} ({what})")
  return seed


def changed(path, change):
  """The backup with something of its content changed, sealed again."""
  held = Backup(path.read_bytes(), PASSPHRASE)
  change(held)
  return seal(held.bytes(), PASSPHRASE)


def drop_column(held):
  columns, cells = held.tables["users"]
  held.tables["users"] = (columns[1:], [row[1:] for row in cells])


def forget_migrations(held):
  columns, cells = held.tables["schema_migrations"]
  held.tables["schema_migrations"] = (columns, cells[:-1])


@pytest.mark.parametrize("name, change, words", [
  ("a newer schema", lambda held: setattr(held, "schema", held.schema + 1), "newer"),
  ("a schema that never was", lambda held: setattr(held, "schema", 0), "did not write"),
  ("a table of its own", lambda held: held.tables.update({"x; DROP TABLE users": (["a"], [[1]])}), "has not"),
  ("a table too few", lambda held: held.tables.pop("collections"), "has not"),
  ("a column too few", drop_column, "has not"),
  ("another list of migrations", forget_migrations, "has not"),
  ("a row without its owner", lambda held: held.tables["api_keys"][1].append(
    ["k", "nobody", "n", "p", "h", 1, None, None]), "api_keys"),
  ("the same row twice", lambda held: held.tables["users"][1].append(held.tables["users"][1][0]), "users"),
  ("a path upwards", lambda held: held.files.update({"keys/../../evil": b"x"}), "did not write"),
  ("an absolute path", lambda held: held.files.update({"/etc/evil": b"x"}), "did not write"),
  ("a hidden file", lambda held: held.files.update({"keys/.evil": b"x"}), "did not write"),
])
def test_content_that_does_not_fit_is_refused_whole(small, folder, name, change, words):
  server, path = small
  before = state_of(server)
  (folder / "odd.backup").write_bytes(changed(path, change))
  said = restore(server, folder / "odd.backup", "--force", code=1)
  assert words in said, (name, said)
  assert state_of(server) == before
  assert not list(folder.rglob("*evil*"))


def test_a_backup_of_an_older_schema_is_brought_up_to_date(small, place, folder):
  _, path = small

  def age(held):
    columns, cells = held.tables["schema_migrations"]
    held.schema = 7  # what came later until 9 is indexes and functions
    held.tables["schema_migrations"] = (columns, [row for row in cells if row[columns.index("version")] <= 7])
    newer = [name for name in held.tables if name not in TABLES_OF_7]
    for name in newer:
      del held.tables[name]
  (folder / "old.backup").write_bytes(changed(path, age))
  other = place()
  restore(other, folder / "old.backup")
  versions = [row["version"] for row in rows(database_url(other), "SELECT version FROM schema_migrations ORDER BY version")]
  assert versions == [row["version"] for row in rows(database_url(small[0]), "SELECT version FROM schema_migrations ORDER BY version")]
  other.start()
  assert other.login("ada").user["role"] == "admin"


TABLES_OF_7 = ("users sessions refresh_tokens api_keys password_resets media media_files tasks dead_letters searches search_providers "
               "search_results downloads download_files stream_sessions library_favorites library_watchlist watch_history collections "
               "collection_media audit_logs providers ip_rules settings idempotency_keys download_leftovers schema_migrations").split()


def test_there_is_nothing_to_back_up_where_nothing_is(place, folder):
  code, _, err = place().run("backup", folder / "none.backup", settings=KEY)
  assert code == 1 and ("no database" in err or "nothing of Sokoul" in err), err
  assert not (folder / "none.backup").exists()
  for wrong in (["backup"], ["restore"], ["backup", "a", "b"], ["restore", "a", "--nonsense"], ["migrate-data", "sqlite:a"], ["migrate-data", "a", "b"]):
    code, _, err = place().run(*wrong, settings=KEY)
    assert code == 2 and err.strip(), wrong


# --- A kill in the middle.

def test_a_restore_that_is_killed_leaves_the_old_or_the_new(small, folder, place):
  _, path = small
  rng = random.Random(seed_of("kills"))
  victim = place()
  victim.add_user("bob")
  backup(victim, folder / "bob.backup")
  ended = {"ada": 0, "bob": 0}
  began = time.monotonic()
  restore(victim, path, "--force")
  whole_s = time.monotonic() - began
  for number in range(12):
    which = (folder / "bob.backup", path)[number % 2]
    victim.run_killed("restore", which, "--force", after_s=rng.uniform(0.5, 1.05) * whole_s, settings=KEY)
    victim.start()
    try:
      names = [row["username"] for row in victim.rows("SELECT username FROM users")]
      assert len(names) == 1, names
      ended[names[0]] += 1
      assert victim.login(names[0]).user["username"] == names[0]
    finally:
      victim.stop()
    check_sound(victim)
  print(f"ended as {ended}")


# --- From one engine to the other.

@pytest.mark.skipif(SET == "cluster", reason="it is about both, whichever the set")
def test_a_database_goes_to_postgresql_and_back_unchanged(lived_in, folder, keep, library, indexer):
  server, _ = lived_in
  server.stop()
  here, there, back = database_url(server), servers.shared(servers.Postgres).new_database(), f"sqlite:{folder / 'back' / 'sokoul.db'}"
  (folder / "back").mkdir()
  before = everything(here)
  code, out, err = server.run("migrate-data", here, there)
  assert code == 0, err
  counts = dict(line.split() for line in out.splitlines() if len(line.split()) == 2)
  assert {name: int(count) for name, count in counts.items()} == {name: len(cells) for name, cells in before.items()}
  assert everything(there) == before
  code, out, err = server.run("migrate-data", there, back)
  assert code == 0, err
  assert everything(back) == before
  assert everything(here) == before, "the first one is as it was"
  assert schema(back) == schema(here)
  for url in (there, back):
    code, _, err = server.run("migrate-data", here, url)
    assert code == 1 and "--force" in err
    assert server.run("migrate-data", here, url, "--force")[0] == 0
    assert everything(url) == before
  assert server.run("migrate-data", here, here, "--force")[0] == 1
  for url in (there, back):
    other = keep(Sokoul(folder / "lived-in", start=False, database_url=url, **settings_of(library, indexer)))
    other.start()
    works(other, server.film, indexer)
    other.stop()


@pytest.mark.skipif(SET == "cluster", reason="it is about both, whichever the set")
def test_a_move_that_fails_leaves_the_other_database_as_it_was(small, folder):
  server, _ = small
  here, there = database_url(server), servers.shared(servers.Postgres).new_database()
  assert server.run("migrate-data", here, there)[0] == 0
  before = everything(there)
  server.change("UPDATE users SET username = CAST(x'ff' AS TEXT) WHERE id = ?", [(server.rows("SELECT id FROM users")[0]["id"],)])
  code, _, err = server.run("migrate-data", here, there, "--force")
  assert code == 1 and "users" in err, err
  assert everything(there) == before
  servers.change(there, "DROP TABLE schema_migrations", [()])
  code, _, err = server.run("migrate-data", here, there, "--force")
  assert code == 1 and "not Sokoul's" in err


@pytest.mark.skipif(SET == "cluster", reason="it is about both, whichever the set")
def test_a_backup_of_one_engine_is_restored_to_the_other(lived_in, folder, keep, library, indexer):
  server, _ = lived_in
  server.stop()
  backup(server, folder / "one.backup")
  before = without_notes(everything(database_url(server)))
  other = keep(Sokoul(folder / "other", start=False, database_url=servers.shared(servers.Postgres).new_database(), **settings_of(library, indexer)))
  restore(other, folder / "one.backup")
  assert without_notes(everything(database_url(other))) == before
  backup(other, folder / "two.backup")
  third = keep(Sokoul(folder / "third", start=False, **settings_of(library, indexer)))
  restore(third, folder / "two.backup")
  assert without_notes(everything(database_url(third))) == before
  third.start()
  works(third, server.film, indexer)
