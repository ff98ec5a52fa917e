"""The commands of the program, from a shell."""

import json
import os
import pty
import re
import select
import shutil
import subprocess

import pytest

from harness.process import SLOW, Process, wait_until
from harness.scene import Release, Torznab, settings_for
from harness.sokoul import BINARY, SET, Sokoul, environment
from harness.swarm import Swarm

PASSWORD = "correct horse battery"


@pytest.fixture
def idle(folder):
  """Settings and a folder without a running server."""
  return Sokoul(folder / "idle", start=False)


def test_help_version_and_usage(idle):
  code, out, _ = idle.run("--help")
  assert code == 0
  for command in ("serve", "worker", "migrate", "user", "provider", "search", "download", "status", "scan", "parse-release", "config"):
    assert command in out, command
  code, out, _ = idle.run("--version")
  assert code == 0 and out.startswith("sokoul ")
  for wrong in (["nonsense"], ["user"], ["user", "add"], ["--nonsense"], ["download"], ["worker", "nobody"]):
    code, out, err = idle.run(*wrong)
    assert code == 2 and err.strip(), (wrong, code, err)


def test_wrong_arguments_say_what_is_needed(idle):
  for wrong, said in ((["provider"], "add, list, test or remove is needed"), (["provider", "nonsense"], "add, list, test or remove is needed"),
                      (["provider", "add", "x"], "--kind is needed"), (["search", "Paper", "Lantern"], '"Lantern" is one argument too many'),
                      (["search", "x", "--episode", "3"], "--episode goes with --season"), (["user"], "passwd"), (["status", "--user"], "needs a value")):
    code, out, err = idle.run(*wrong)
    assert code == 2 and said in err and "usage:" in err and not out, (wrong, code, out, err)
  for wrong, said in ((["provider", "test", "gone"], 'no provider "gone"'), (["provider", "remove", "gone"], "sokoul provider list"),
                      (["provider", "add", "x", "--kind", "torznab"], "--url: "), (["provider", "add", "x", "--kind", "nope"], "--kind: must be")):
    code, out, err = idle.run(*wrong, stdin="\n")
    assert code == 1 and said in err and not out, (wrong, code, out, err)
  for command in (["status"], ["search", "x"], ["download", "1"]):
    code, out, err = idle.run(*command)
    assert code == 1 and "no server answers at" in err and "sokoul serve" in err, (command, err)
  assert idle.run("help", "provider")[1] == idle.run("provider", "--help")[1] != ""


def test_before_the_first_account_terminal_and_status_say_what_to_do(idle):
  idle.start()
  try:
    link = f"/setup?token={idle.setup_token()}"
    code, out, err = idle.run("status")
    assert code == 1 and "there is no account yet" in err and link in err, (out, err)
    idle.admin()
    assert idle.run("status")[0] == 0
  finally:
    idle.kill()


def test_on_a_terminal_the_setup_link_is_explained(idle):
  parent, child = pty.openpty()
  process = subprocess.Popen([BINARY, "serve"], env=environment(idle.settings), stdin=child, stdout=child, stderr=child, cwd=idle.folder)
  os.close(child)
  said = b""
  try:
    while b"setup: " not in said:
      readable = select.select([parent], [], [], 60)[0]
      assert readable, said
      said += os.read(parent, 65536)
    assert b"There is no account yet. Open this link in a browser" in said, said
  finally:
    process.kill()
    process.wait()
    os.close(parent)


def test_config_check_and_serve_name_a_backend_that_is_not_there(idle):
  for setting, url in (("SOKOUL_CACHE_URL", "memcached://u:hunter22@127.0.0.1"), ("SOKOUL_QUEUE_URL", "amqp://u:hunter22@127.0.0.1")):
    for command in (("config", "check"), ("serve",)):
      code, out, err = idle.run(*command, settings={setting: url})
      assert code == 1, (command, setting)
      assert setting in err and "hunter22" not in out + err


@pytest.mark.parametrize("setting, url", [
  ("SOKOUL_DATABASE_URL", "postgresql://u:hunter22@h:99999/db"), ("SOKOUL_DATABASE_URL", "postgresql://u:hunter22@h/db?nonsense=1"),
  ("SOKOUL_DATABASE_URL", "postgresql://u:hunter22%zz@h/db"), ("SOKOUL_DATABASE_URL", "postgresql://u:hunter22@h:1,h2:0/db"),
  ("SOKOUL_CACHE_URL", "redis://u:hunter22@h/notanumber"), ("SOKOUL_CACHE_URL", "redis://u:hunter22@h?x=1"), ("SOKOUL_CACHE_URL", "redis://u:hunter22%zz@h"),
  ("SOKOUL_QUEUE_URL", "nats://u:hunter22%zz@h"), ("SOKOUL_QUEUE_URL", "nats://u:hunter22@h:x")])
def test_config_check_names_a_url_that_its_driver_cannot_mean(idle, setting, url):
  code, out, err = idle.run("config", "check", settings={setting: url})
  assert code == 1 and setting in err and "hunter22" not in out + err, (out, err)


def test_other_spellings_of_postgresql_will_do(idle):
  for url in ("postgres://u@h/db", "postgresql://u:p%40@h,h2:5433/db?target_session_attrs=read-write", "postgresql:///db?host=/run/postgresql"):
    code, out, err = idle.run("config", "check", settings={"SOKOUL_DATABASE_URL": url, "SOKOUL_DATABASE_REPLICA_URLS": "postgres://u@b/db, postgres://u@c/db"})
    assert code == 0, (url, err)


def test_serve_names_a_cache_or_queue_that_does_not_answer(idle):
  for setting, url, part in (("SOKOUL_CACHE_URL", "redis://u:hunter22@127.0.0.1:1", "cache"), ("SOKOUL_QUEUE_URL", "nats://u:hunter22@127.0.0.1:1", "queue")):
    assert idle.run("config", "check", settings={setting: url})[0] == 0
    process = Process([BINARY, "serve"], idle.folder / f"{part}.log", environment({**idle.settings, setting: url}), idle.folder)
    try:
      said = wait_until(lambda: re.search(f'.*started without a part.*"{part}".*', process.output()), 60, what=f"a word about the {part}")
      assert said and "hunter22" not in process.output()
    finally:
      process.kill()


def test_serve_names_a_database_that_does_not_answer(idle):
  there = {"SOKOUL_DATABASE_URL": "postgresql://u:hunter22@127.0.0.1:1/db"}
  assert idle.run("config", "check", settings=there)[0] == 0, "well said is enough for the check"
  code, out, err = idle.run("serve", settings=there)
  assert code == 1 and "SOKOUL_DATABASE_URL" in err + out and "hunter22" not in out + err, (code, out, err)
  assert idle.run("config", "check", settings={**there, "SOKOUL_DATABASE_REPLICA_URLS": "postgresql://u@127.0.0.1:2/db, postgresql://b/db"})[0] == 0
  code, out, err = idle.run("config", "check", settings={"SOKOUL_DATABASE_URL": None, "SOKOUL_DATABASE_REPLICA_URLS": "postgresql://u:hunter22@127.0.0.1:2/db"})
  assert code == 1 and "SOKOUL_DATABASE_REPLICA_URLS" in err and "hunter22" not in err, "SQLite has none"


def test_a_worker_of_its_own_needs_a_shared_queue(idle):
  code, out, err = idle.run("worker", "scout", settings={"SOKOUL_QUEUE_URL": None})
  assert code == 1 and "SOKOUL_QUEUE_URL" in err


def test_config_check_names_each_wrong_setting(idle):
  assert idle.run("config", "check")[0] == 0
  code, out, err = idle.run("config", "check", settings={"SOKOUL_BCRYPT_COST": "three", "SOKOUL_ROLES": "api,king", "SOKOUL_TYPO": "1"})
  assert code == 1
  for name in ("SOKOUL_BCRYPT_COST", "SOKOUL_ROLES", "SOKOUL_TYPO"):
    assert name in out + err


def test_what_would_only_be_noticed_later_is_said_at_once(idle, folder):
  (folder / "file").write_text("no certificate\n")
  smtp = {"SOKOUL_SMTP_URL": "smtp://127.0.0.1:25"}
  for setting, value in (("SOKOUL_SMTP_FROM", "nope"), ("SOKOUL_SMTP_CA", "/nonexistent"), ("SOKOUL_SMTP_CA", folder / "file"),
                         ("SOKOUL_DOWNLOAD_DIR", folder / "file"), ("SOKOUL_LIBRARY_DIRS", folder / "file" / "films"),
                         ("SOKOUL_TRUSTED_PROXIES", "10.0.0.1/8"), ("SOKOUL_TMDB_API_KEY", "two words"), ("SOKOUL_PUBLIC_URL", "http://a/?b")):
    for command in (("config", "check"), ("serve",)):
      code, out, err = idle.run(*command, settings={**smtp, setting: value})
      assert code == 1 and setting in out + err, (command, setting, code, out, err)
  assert not idle.data.exists() or not list(idle.data.iterdir()), "nothing was started"
  assert idle.run("config", "check", settings={**smtp, "SOKOUL_SMTP_FROM": "Films <films@example.org>"})[0] == 0


def test_a_secret_can_come_from_a_file(idle, folder):
  secret = folder / "key"
  secret.write_text("0123456789abcdef0123456789abcdef\n")
  code, out, err = idle.run("config", "check", settings={"SOKOUL_TMDB_API_KEY_FILE": secret})
  assert code == 0, err
  assert "0123456789abcdef" not in out + err
  code, out, err = idle.run("config", "check", settings={"SOKOUL_TMDB_API_KEY_FILE": folder / "missing"})
  assert code == 1 and "SOKOUL_TMDB_API_KEY_FILE" in out + err


def test_a_file_gives_settings_and_the_environment_wins(idle):
  (idle.folder / "sokoul.conf").write_text("listen = 127.0.0.1:1\nbcrypt_cost = 11\nnonsense = 3\n")
  code, out, err = idle.run("config", "check")
  assert code == 1 and "nonsense" in (out + err).lower() and "cost" not in (out + err).lower(), (out, err)


def test_users_from_the_shell(idle):
  code, out, err = idle.run("user", "add", "alice", "--email", "alice@example.org", "--role", "admin", stdin=PASSWORD + "\n")
  assert code == 0, err
  code, out, err = idle.run("user", "add", "alice", "--email", "alice@example.org", "--role", "admin", stdin=PASSWORD + "\n")
  assert code == 1 and err.strip()
  code, out, err = idle.run("user", "add", "bob", "--email", "bob@example.org", "--role", "user", stdin="short\n")
  assert code == 1
  code, out, err = idle.run("user", "list")
  assert code == 0 and "alice" in out and "admin" in out and PASSWORD not in out
  idle.start()
  try:
    alice = idle.login("alice")
    assert alice.user["role"] == "admin"
    code, out, err = idle.run("user", "passwd", "alice", stdin="another good one\n")
    assert code == 0, err
    assert idle.client().post("/auth/login", {"username": "alice", "password": PASSWORD}).status == 401
    code, out, err = idle.run("user", "add", "bob", "--email", "bob@example.org", "--role", "user", stdin=PASSWORD + "\n")
    assert code == 0, err
    bob = idle.login("bob")
    code, out, err = idle.run("user", "disable", "bob")
    assert code == 0, err
    assert idle.client().post("/auth/login", {"username": "bob", "password": PASSWORD}).status in (401, 403)
    wait_until(lambda: bob.get("/auth/me").status == 401, 20, what="the end of bob's session")
  finally:
    idle.kill()


def test_providers_from_the_shell(idle, keep):
  indexer = keep(Torznab([]))
  code, out, err = idle.run("provider", "add", "torznab", indexer.base + "/api", "--name", "mine", stdin="k3y\n")
  if code == 2:
    code, out, err = idle.run("provider", "add", "mine", "--kind", "torznab", "--url", indexer.base + "/api", stdin="k3y\n")
  assert code == 0, err
  code, out, err = idle.run("provider", "list")
  assert code == 0 and "mine" in out and "k3y" not in out
  code, out, err = idle.run("provider", "test", "mine")
  assert code == 0, (out, err, indexer.calls)
  rows = idle.rows("SELECT * FROM providers WHERE name = ?", "mine")
  assert rows and "k3y" not in str(rows), "keys are encrypted at rest"
  assert SET == "cluster" or b"k3y" not in (idle.data / "sokoul.db").read_bytes()
  code, out, err = idle.run("provider", "remove", "mine")
  assert code == 0 and "mine" not in idle.run("provider", "list")[1]


def test_migrate_says_where_it_stands(idle):
  code, out, err = idle.run("migrate", "--status")
  assert code == 0, err
  pending = [line.split()[0] for line in out.splitlines() if "pending" in line]
  code, out, err = idle.run("migrate")
  assert code == 0 and out == f"{len(pending)} applied\n" and pending, (out, err)
  code, out, err = idle.run("migrate", "--status")
  assert code == 0 and "start" in out and "pending" not in out and [line.split()[0] for line in out.splitlines()] == pending, out


def test_parse_release_answers_line_by_line(idle):
  names = ["Paper.Lantern.2019.1080p.BluRay.x264-GRP", "", "Harbour.Lights.S02E03.720p.WEB.h264-TEAM", "x" * 20_000, "ランタン 第01話", "a\tb"]
  code, out, err = idle.run("parse-release", stdin="\n".join(names) + "\n")
  assert code == 0, err
  rows = [json.loads(line) for line in out.splitlines()]
  assert len(rows) == len(names)
  assert (rows[0]["title"], rows[0]["year"], rows[0]["resolution"], rows[0]["group"]) == ("Paper Lantern", 2019, "1080p", "GRP")
  assert rows[2]["title"] == "Harbour Lights" and rows[2]["season"] == 2 and rows[2]["episodes"] == [3], rows[2]
  assert "season" not in rows[0]


def test_the_main_job_from_a_terminal(folder, keep, start, films, tracker):
  swarm = keep(Swarm(folder / "swarm", films("middle.mkv", mib=24), tracker, "Paper.Lantern.2019.720p.WEB.x264-OWN.mkv"))
  server = start(**settings_for([keep(Torznab([Release("Paper.Lantern.2019.720p.WEB.x264-OWN", swarm.torrent)]))]))
  code, out, err = server.run("user", "add", "carol", "--email", "c@example.org", "--role", "admin", stdin=PASSWORD + "\n")
  assert code == 0, err
  code, out, err = server.run("search", "Paper Lantern", "--year", "2019", "--type", "movie", limit_s=90)
  assert code == 0 and "Paper.Lantern.2019.720p.WEB.x264-OWN" in out, (out, err)
  import re
  result = re.search(r"^\W*(\d+)\b.*Paper\.Lantern", out, re.M)
  assert result, out
  code, out, err = server.run("download", result[1], limit_s=120)
  assert code == 0 and "100" in out + err, (out, err)
  code, out, err = server.run("status")
  assert code == 0, err


def test_a_search_of_no_known_type_is_a_usage_error(server):
  code, _, err = server.run("search", "Paper Lantern", "--type", "game")
  assert code == 2 and "--type is movie or tv" in err, err


def test_scan_from_the_shell(idle, films):
  target = idle.data / "library" / "Movies" / "Paper Lantern (2019)" / "Paper Lantern (2019).mp4"
  target.parent.mkdir(parents=True)
  shutil.copyfile(films("small.mp4"), target)
  code, out, err = idle.run("scan")
  assert code == 0, err
  rows = idle.rows("SELECT m.title, m.year FROM media m JOIN media_files f ON f.media_id = m.id")
  assert rows == [{"title": "Paper Lantern", "year": 2019}]


def test_no_secret_is_ever_in_argv(start):
  """What ps shows of the server while it serves."""
  server = start(tmdb_api_key="deadbeefdeadbeefdeadbeefdeadbeef")
  shown = open(f"/proc/{server.process.pid}/cmdline", "rb").read()
  assert b"deadbeef" not in shown


def test_output_goes_on_when_the_reader_is_gone(idle):
  done = subprocess.run(f"yes Film.2019.1080p | head -20000 | '{BINARY}' parse-release | head -1", shell=True, capture_output=True, timeout=60 * SLOW,
                        env=environment(idle.settings), cwd=idle.folder)
  assert done.stdout.count(b"\n") == 1


def test_a_second_process_is_told_the_port_is_taken_by_serve(start, folder):
  server = start()
  second = Process([BINARY, "serve"], folder / "log", environment(server.settings), folder)
  try:
    wait_until(lambda: not second.alive(), 20, what="the end")
    assert second.popen.returncode == 1
  finally:
    second.kill()
