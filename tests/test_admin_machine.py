"""What an admin does to the running machine: settings, jobs that failed for good, figures, caches, the library; and SIGHUP."""

import json
import os
import signal
import threading
import time

import pytest

from harness.http import assert_problem
from harness.process import wait_until
from harness.scene import LANTERN, Release, Torznab, metadata, release, settings_for

GOOD = "Paper.Lantern.2019.1080p.BluRay.x264-GRP"


def problems(reply):
  return {(error["field"], error["code"]) for error in assert_problem(reply, 422)["errors"]}


def audit(server, action):
  return server.rows("SELECT * FROM audit_logs WHERE action = ? ORDER BY created_at, id", action)


# Settings.

LIVE = {"torrent_max_active", "torrent_down_kib", "torrent_up_kib", "seed_hours", "seed_ratio", "rate_api", "rate_search", "rate_auth", "rate_ip",
        "max_downloads_per_user", "max_ws_per_ip", "log_level", "log_format", "sentinel_seconds", "alert_cpu_percent", "alert_memory_percent", "alert_disk_mib",
        "alert_queue_jobs", "alert_queue_seconds", "alert_dead_letters"}


def test_settings_show_what_is_so_and_where_it_comes_from(start):
  server = start(rate_search="30/min", log_level="warn", tmdb_api_key="s3cr3tk3y", tmdb_url="http://127.0.0.1:1")
  admin = server.admin()
  reply = admin.get("/admin/settings")
  settings = reply.json
  assert LIVE | {"quality_profile", "naming"} <= set(settings)
  one = settings["rate_search"]
  assert (one["value"], one["configured"], one["overridden"], one["kind"]) == (30, 30, False, "per_minute")
  assert one["variable"] == "SOKOUL_RATE_SEARCH" and one["min"] == 0 and one["help"]
  assert settings["log_level"]["value"] == "warn" and "debug" in settings["log_level"]["choices"]
  assert settings["quality_profile"]["preferred_height"]["value"] == 1080
  assert settings["naming"]["movie"]["example"] == "Movies/Paper Lantern (2019)/Paper Lantern (2019) - 1080p Director's Cut.mkv"
  assert b"s3cr3tk3y" not in reply.body and not [name for name in settings if "key" in name or "url" in name]
  assert admin.get("/admin/settings", headers={"If-None-Match": reply.headers["ETag"]}).status == 304
  for client in (server.account("somebody"), server.client()):
    assert client.get("/admin/settings").status in (401, 403)
    assert client.put("/admin/settings", {"rate_api": 1}).status in (401, 403)


def test_a_change_is_kept_audited_and_taken_back(start):
  server = start()
  admin = server.admin()
  changed = admin.ok("PUT", "/admin/settings", {"rate_search": 7, "seed_hours": 1.5, "quality_profile": {"preferred_height": 720},
                                                "naming": {"movie": "Films/{title}{ (year)}/{title}"}}, status=200)
  assert changed == admin.ok("GET", "/admin/settings")
  one = changed["rate_search"]
  assert (one["value"], one["configured"], one["overridden"], one["changed_by"]) == (7, 0, True, admin.user["id"]) and one["changed_at"]
  assert changed["seed_hours"]["value"] == 1.5
  height = changed["quality_profile"]["preferred_height"]
  assert (height["value"], height["configured"], height["overridden"]) == (720, 1080, True)
  assert not changed["quality_profile"]["max_height"]["overridden"] and not changed["naming"]["episode"]["overridden"]
  assert changed["naming"]["movie"]["example"] == "Films/Paper Lantern (2019)/Paper Lantern.mkv"
  # Another field of a group leaves the first as it is.
  both = admin.ok("PUT", "/admin/settings", {"quality_profile": {"prefer_hdr": True}})["quality_profile"]
  assert both["preferred_height"]["value"] == 720 and both["prefer_hdr"]["value"] is True
  server.restart()
  admin = server.login("admin")
  assert admin.ok("GET", "/admin/settings")["rate_search"]["value"] == 7
  # null: what configuration says. Of a group one field, or all of it.
  back = admin.ok("PUT", "/admin/settings", {"rate_search": None, "quality_profile": {"preferred_height": None}, "naming": None})
  assert back["rate_search"] == {**one, "value": 0, "overridden": False, "changed_by": None, "changed_at": None}
  assert back["quality_profile"]["preferred_height"]["value"] == 1080 and back["quality_profile"]["prefer_hdr"]["overridden"]
  assert back["naming"]["movie"]["value"] == back["naming"]["movie"]["configured"]
  rows = audit(server, "settings.update")
  assert len(rows) == 3 and rows[0]["user_id"] == admin.user["id"] and rows[0]["ip_address"] == "127.0.0.1"
  assert json.loads(rows[0]["old_value"]) == {"rate_search": None, "seed_hours": None, "quality_profile.preferred_height": None, "naming.movie": None}
  assert json.loads(rows[0]["new_value"])["quality_profile.preferred_height"] == 720
  assert json.loads(rows[2]["old_value"]) == {"rate_search": 7, "quality_profile.preferred_height": 720, "naming.movie": "Films/{title}{ (year)}/{title}"}
  assert set(json.loads(rows[2]["new_value"]).values()) == {None}


WRONG = [
  ({"rate_api": -1}, {("rate_api", "out_of_range")}),
  ({"rate_api": "100/min"}, {("rate_api", "wrong_type")}),
  ({"rate_api": 1.5}, {("rate_api", "wrong_type")}),
  ({"rate_api": 10**18}, {("rate_api", "out_of_range")}),
  ({"seed_hours": []}, {("seed_hours", "wrong_type")}),
  ({"seed_ratio": -0.5}, {("seed_ratio", "out_of_range")}),
  ({"torrent_max_active": 0}, {("torrent_max_active", "out_of_range")}),
  ({"log_level": "loud"}, {("log_level", "invalid")}),
  ({"log_level": True}, {("log_level", "wrong_type")}),
  ({"colour": "red"}, {("colour", "unknown")}),
  ({"listen": "0.0.0.0:80"}, {("listen", "not_live")}),
  ({"tmdb_api_key": "k"}, {("tmdb_api_key", "not_live")}),
  ({"naming": "flat"}, {("naming", "wrong_type")}),
  ({"naming": {"movie": "../../{title}"}}, {("naming.movie", "invalid")}),
  ({"naming": {"movie": "/etc/{title}/{title}", "episode": "Shows/{title}", "music": "x"}},
   {("naming.movie", "invalid"), ("naming.episode", "invalid"), ("naming.music", "unknown")}),
  ({"naming": {"movie": 7}}, {("naming.movie", "wrong_type")}),
  ({"quality_profile": []}, {("quality_profile", "wrong_type")}),
  ({"quality_profile": {"max_height": 720}}, {("quality_profile.preferred_height", "out_of_range")}),
  ({"quality_profile": {"languages": ["English"], "colour": 1, "prefer_hdr": "yes", "min_height": 9e9}},
   {("quality_profile.languages", "invalid"), ("quality_profile.colour", "unknown"), ("quality_profile.prefer_hdr", "wrong_type"),
    ("quality_profile.min_height", "wrong_type")}),
  ({"rate_api": 5, "rate_search": "x", "quality_profile": {"preferred_sources": ["moon"]}, "naming": {"episode": "{title}"}},
   {("rate_search", "wrong_type"), ("quality_profile.preferred_sources", "invalid"), ("naming.episode", "invalid")}),
]


def test_each_wrong_setting_is_named_and_nothing_changes(server, admin):
  before = admin.ok("GET", "/admin/settings")
  for body, expected in WRONG:
    assert problems(admin.put("/admin/settings", body)) == expected, body
  assert problems(admin.put("/admin/settings", [1])) == {("body", "wrong_type")}
  assert_problem(admin.put("/admin/settings", raw=b"{", headers={"Content-Type": "application/json"}), 400)
  assert admin.ok("GET", "/admin/settings") == before
  assert admin.ok("PUT", "/admin/settings", {}) == before
  assert not server.rows("SELECT * FROM settings")


def test_if_match_lets_one_of_two_admins_win(server, admin):
  first = admin.get("/admin/settings").headers["ETag"]
  reply = admin.put("/admin/settings", {"seed_ratio": 2}, headers={"If-Match": first})
  assert reply.status == 200 and reply.headers["ETag"] != first
  assert_problem(admin.put("/admin/settings", {"seed_ratio": 3}, headers={"If-Match": first}), 412)
  assert admin.put("/admin/settings", {"seed_ratio": 4}, headers={"If-Match": reply.headers["ETag"]}).json["seed_ratio"]["value"] == 4
  assert admin.put("/admin/settings", {"seed_ratio": 5}, headers={"If-Match": "*"}).status == 200
  # At once: each of them changes from the same state; one may.
  tag, statuses = admin.get("/admin/settings").headers["ETag"], []

  def change(value):
    statuses.append(admin.put("/admin/settings", {"seed_ratio": value}, headers={"If-Match": tag}).status)
  threads = [threading.Thread(target=change, args=(value,)) for value in range(10, 16)]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert sorted(statuses) == [200] + 5 * [412]
  admin.ok("PUT", "/admin/settings", {"seed_ratio": None})


def test_a_rate_limit_bites_at_once_and_ends_at_once(start):
  server = start(max_ws_per_ip=1)
  admin, user = server.admin(), server.account("somebody")
  admin.ok("PUT", "/admin/settings", {"rate_search": 2})
  replies = [user.post("/search", {"query": f"Paper Lantern {number}"}) for number in range(3)]
  assert [reply.status for reply in replies] == [202, 202, 429] and replies[0].headers["X-RateLimit-Limit"] == "2"
  admin.ok("PUT", "/admin/settings", {"rate_search": 0})
  assert user.post("/search", {"query": "Paper Lantern"}).status == 202
  # The hub keeps a copy of its limit: it follows too.
  socket = server.socket(user)
  ticket = user.ok("POST", "/auth/ws-ticket")["ticket"]
  upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
  assert user.get(f"//ws?ticket={ticket}", headers=upgrade).status == 429
  admin.ok("PUT", "/admin/settings", {"max_ws_per_ip": 2})
  other = server.socket(user)
  other.close()
  socket.close()


def test_searches_follow_the_quality_profile_and_say_so(start, keep):
  names = [GOOD, "Paper.Lantern.2019.2160p.WEB-DL.x265-GRP", "Paper.Lantern.2019.1080p.BluRay.Upscaled.x264-BAD"]
  server = start(**settings_for([keep(Torznab([release(name, number, size=5_000_000_000) for number, name in enumerate(names, 1)]))]))
  admin = server.admin()

  def scores():
    answer = server.search(admin, "Paper Lantern", year=2019, media_type="movie")
    return {result["title"]: (result["score"], [row["reason"] for row in result["score_breakdown"]]) for result in answer["results"]}
  before = scores()
  assert before[names[0]][0] > before[names[1]][0]
  admin.ok("PUT", "/admin/settings", {"quality_profile": {"preferred_height": 2160, "preferred_sources": ["web-dl"], "banned_words": ["upscaled"]}})
  after = scores()
  assert after[names[1]][0] > after[names[0]][0]
  assert any("2160p, as the quality profile prefers" in reason for reason in after[names[1]][1]), after
  assert any("web-dl, as the quality profile prefers" in reason for reason in after[names[1]][1]), after
  assert after[names[2]][0] <= 10 and any('"upscaled"' in reason and "quality profile bans" in reason for reason in after[names[2]][1])
  admin.ok("PUT", "/admin/settings", {"quality_profile": None})
  assert scores() == before


# SIGHUP.

def log_lines(server, message):
  return [json.loads(line) for line in server.log().splitlines() if line.startswith("{") and json.loads(line)["msg"] == message]


def hang_up(server, message="configuration reloaded"):
  count = len(log_lines(server, message))
  os.kill(server.process.pid, signal.SIGHUP)
  return wait_until(lambda: log_lines(server, message)[count:], 20, what=lambda: f"{message}: {server.log()[-2000:]}")[0]


def test_sighup_takes_over_what_can_change_and_names_it(start, folder):
  path = folder / "sokoul.conf"
  path.write_text("[rate]\nsearch = 11/min\n[seed]\nhours = 3\n[public]\nurl = http://a.example\n")
  server = start(config=path, rate_search=None)
  admin = server.admin()
  assert admin.ok("GET", "/admin/settings")["rate_search"]["value"] == 11
  path.write_text("[rate]\nsearch = 12/min\n[seed]\nhours = 4\n[public]\nurl = http://b.example\n")
  said = hang_up(server)
  assert set(said["changed"].split(", ")) == {"SOKOUL_RATE_SEARCH", "SOKOUL_SEED_HOURS"} and said["needs_restart"] == "SOKOUL_PUBLIC_URL"
  settings = admin.ok("GET", "/admin/settings")
  assert settings["rate_search"]["value"] == 12 and settings["seed_hours"]["configured"] == 4
  # An override stays, over whatever configuration says beneath it.
  admin.ok("PUT", "/admin/settings", {"rate_search": 99})
  path.write_text("[rate]\nsearch = 13/min\n[seed]\nhours = 5\n[public]\nurl = http://b.example\n[log]\nlevel = debug\n")
  said = hang_up(server)
  assert set(said["changed"].split(", ")) == {"SOKOUL_RATE_SEARCH", "SOKOUL_SEED_HOURS", "SOKOUL_LOG_LEVEL"}
  assert said["overridden"] == "SOKOUL_RATE_SEARCH"
  settings = admin.ok("GET", "/admin/settings")
  assert (settings["rate_search"]["value"], settings["rate_search"]["configured"]) == (99, 13) and settings["log_level"]["value"] == "debug"
  assert admin.post("/search", {"query": "Paper Lantern"}).headers["X-RateLimit-Limit"] == "99"
  assert admin.ok("PUT", "/admin/settings", {"rate_search": None})["rate_search"]["value"] == 13


def test_sighup_refuses_a_broken_file_as_a_whole(start, folder):
  path = folder / "sokoul.conf"
  path.write_text("rate_search = 11\n")
  server = start(config=path, rate_search=None)
  admin = server.admin()
  before = admin.ok("GET", "/admin/settings")
  for broken in ("rate_search = 12\nseed_hours = never\n", "rate_search = 12\nno_such_thing = 1\n", "rate_search = 12\n[half\n"):
    path.write_text(broken)
    said = hang_up(server, "the configuration was not reloaded")
    assert said["level"] == "error" and said["error"]
    assert admin.ok("GET", "/admin/settings") == before
  path.unlink()
  hang_up(server, "the configuration was not reloaded")
  assert admin.ok("GET", "/admin/settings") == before
  path.write_text("rate_search = 12\n")
  assert hang_up(server)["changed"] == "SOKOUL_RATE_SEARCH"


# Jobs that failed for good.

def letters(admin, query=""):
  return admin.ok("GET", f"/admin/dead-letters{query}")["items"]


def wait_letter(admin, count=1):
  return wait_until(lambda: (found := letters(admin)) and len(found) >= count and found, 90, what="a dead letter")


def retry(admin, letter):
  reply = admin.post(f"/admin/dead-letters/{letter['id']}/retry")
  assert reply.status == 202 and reply.json == {"task_id": letter["task_id"]}, reply
  assert reply.headers["Location"] == f"/api/v1/tasks/{letter['task_id']}"
  return letter["task_id"]


def test_a_search_that_failed_for_good_succeeds_after_a_retry(start, keep):
  indexer = keep(Torznab([release(GOOD, 1)], fault="500"))
  server = start(**settings_for([indexer]))
  admin, user = server.admin(), server.account("somebody")
  answer = server.search(user, "Paper Lantern", limit_s=90)
  assert answer["status"] == "failed"
  (letter,) = wait_letter(admin)
  search = letter["task_id"]
  assert (letter["task_type"], letter["user_id"], letter["payload"]["search_id"]) == ("search", user.user["id"], search)
  assert letter["error"] and letter["error_code"] and letter["tries"] >= 1 and letter["retried_at"] is None
  for nobody in (user, server.client()):
    assert nobody.get("/admin/dead-letters").status in (401, 403)
    assert nobody.post(f"/admin/dead-letters/{letter['id']}/retry").status in (401, 403)
  indexer.fault = None
  assert retry(admin, letter) == search
  assert_problem(admin.post(f"/admin/dead-letters/{letter['id']}/retry"), 409, "already_retried")
  answer = wait_until(lambda: (now := user.ok("GET", f"/search/{search}"))["status"] == "completed" and now, 60, what="the search to succeed")
  assert [result["title"] for result in answer["results"]] == [GOOD]
  assert user.ok("GET", f"/tasks/{search}")["status"] == "completed"
  assert letters(admin, "?retried=false") == [] and letters(admin, "?retried=true")[0]["id"] == letter["id"]
  (row,) = audit(server, "dead_letter.retry")
  assert (row["user_id"], row["resource_id"]) == (admin.user["id"], letter["id"])
  assert json.loads(row["old_value"])["error"] == letter["error"] and json.loads(row["new_value"])["task_id"] == search


def test_a_retry_that_fails_again_is_a_letter_of_its_own(start, keep):
  indexer = keep(Torznab([release(GOOD, 1)], fault="401"))
  server = start(**settings_for([indexer]))
  admin = server.admin()
  server.search(admin, "Paper Lantern", limit_s=90)
  (first,) = wait_letter(admin)
  retry(admin, first)
  both = wait_letter(admin, 2)
  assert [letter["task_id"] for letter in both] == 2 * [first["task_id"]] and both[1]["id"] == first["id"]
  assert_problem(admin.post(f"/admin/dead-letters/{first['id']}/retry"), 409, "already_retried")
  retry(admin, both[0])


def test_a_download_whose_torrent_came_back_is_had_after_a_retry(start, keep, folder, films, tracker, torrent_of):
  """The indexer's link to the torrent is gone for a while; the same download then goes on, under the same id."""
  from harness.peers import Aria2
  film = films("Paper.Lantern.2019.1080p.mp4")
  torrent = torrent_of(film)
  seeder = keep(Aria2(folder / "aria2", torrent, film.parent)).wait_seeding()
  tracker.add(torrent, seeder.port)
  listed = Release(GOOD, torrent)
  indexer = keep(Torznab([listed]))
  server = start(**settings_for([indexer]))
  admin, user = server.admin(), server.account("somebody")
  server.search(user, "Paper Lantern")
  link, listed.link = indexer.download_url(listed), "html"
  download = server.download(user, torrent_url=link)
  server.wait_download(user, download, ("failed",), 120)
  (letter,) = wait_letter(admin)
  assert (letter["task_type"], letter["task_id"]) == ("download", download)
  listed.link = "torrent"
  retry(admin, letter)
  server.wait_download(user, download, limit_s=120)
  assert [row["id"] for row in user.ok("GET", "/downloads")["items"]] == [download]


def test_dead_letters_are_listed_in_pages_and_retried_once(start):
  server = start()
  admin = server.admin()
  kinds = ("search", "download", "score", "monitor")
  server.stop()
  now = int(time.time() * 1000) // 1000 * 1000 - 60_000
  tasks, dead = ([f"018f0000-0000-7000-8000-{base + number:012x}" for number in range(12)] for base in (0, 0x100))
  # Of every second one the job is gone.
  server.change("INSERT INTO tasks (id, task_type, status, run_at, finished_at, created_at, updated_at) VALUES (?, ?, ?, 1, ?, 1, 1)",
                [(tasks[number], kinds[number % 4], "failed" if number % 4 == 0 else "completed", now) for number in range(0, 12, 2)])
  server.change("INSERT INTO dead_letters (id, task_id, task_type, payload, tries, created_at) VALUES (?, ?, ?, '{}', 3, ?)",
                [(dead[number], tasks[number], kinds[number % 4], now + number) for number in range(12)])
  server.start()
  admin = server.login("admin")
  page = admin.ok("GET", "/admin/dead-letters?per_page=5")
  assert page["total"] == 12 and [item["created_at"][-4:-1] for item in page["items"]] == ["011", "010", "009", "008", "007"]
  seen, cursor = list(page["items"]), page["next_cursor"]
  while cursor:
    page = admin.ok("GET", f"/admin/dead-letters?per_page=5&cursor={cursor}")
    seen, cursor = seen + page["items"], page["next_cursor"]
  assert len({item["id"] for item in seen}) == len(seen) == 12
  assert [item["task_type"] for item in letters(admin, "?task_type=score")] == 3 * ["score"]
  assert [item["task_type"] for item in letters(admin, "?sort=task_type")] == sorted(item["task_type"] for item in seen)
  for query in ("task_type=magic", "retried=perhaps", "sort=payload", "cursor=!", "per_page=0"):
    assert_problem(admin.get(f"/admin/dead-letters?{query}"), 422)
  by_age = seen[::-1]
  assert_problem(admin.post(f"/admin/dead-letters/{by_age[1]['id']}/retry"), 409, "job_gone")
  assert_problem(admin.post(f"/admin/dead-letters/{by_age[2]['id']}/retry"), 409, "not_failed")
  assert_problem(admin.post("/admin/dead-letters/018f0000-0000-7000-8000-ffffffffffff/retry"), 404)
  assert_problem(admin.post("/admin/dead-letters/1/retry"), 404)
  # Ten admins at once: one starts it.
  statuses = []
  threads = [threading.Thread(target=lambda: statuses.append(admin.post(f"/admin/dead-letters/{by_age[0]['id']}/retry").status)) for _ in range(10)]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert sorted(statuses) == [202] + 9 * [409]
  assert len(audit(server, "dead_letter.retry")) == 1


# Caches.

def test_clearing_caches_ends_no_limit_and_takes_no_ticket(start):
  server = start(rate_search=2)
  admin, user = server.admin(), server.account("somebody")
  ticket = user.ok("POST", "/auth/ws-ticket")["ticket"]
  for number in range(2):
    assert user.post("/search", {"query": f"Paper Lantern {number}"}).status == 202
  reply = admin.post("/admin/cache/clear", {})
  assert reply.status == 200 and "stats" in reply.json["cleared"] and "ws_ticket" not in reply.json["cleared"]
  assert admin.ok("POST", "/admin/cache/clear", {"kind": "all"}, status=200) == reply.json
  assert admin.ok("POST", "/admin/cache/clear", {"kind": "stats"}) == {"cleared": ["stats"]}
  assert user.post("/search", {"query": "Paper Lantern"}).status == 429
  from harness.ws import WebSocket
  WebSocket(server.port, f"/ws?ticket={ticket}").close()
  assert problems(admin.post("/admin/cache/clear", {"kind": "limits"})) == {("kind", "unknown")}
  assert problems(admin.post("/admin/cache/clear", {"kind": "ws_ticket"})) == {("kind", "not_clearable")}
  assert problems(admin.post("/admin/cache/clear", {"kind": 7})) == {("kind", "wrong_type")}
  assert problems(admin.post("/admin/cache/clear", {"kinds": ["stats"]})) == {("kinds", "unknown")}
  assert user.post("/admin/cache/clear", {}).status == 403
  assert [row["resource_id"] for row in audit(server, "cache.clear")] == [None, None, "stats"]


def test_every_kind_that_is_cached_is_known(start, keep):
  """A kind that /metrics has seen and /admin/cache/clear does not know is missing in services/caches/kinds.c."""
  server = start(**settings_for([keep(Torznab([release(GOOD, 1)]))]))
  admin = server.admin()
  server.search(admin, "Paper Lantern")
  for path in ("/media", "/downloads", "/recommendations", "/library/favorites", "/library/watchlist", "/collections", "/history/continue",
               "/history/watched", "/admin/users", "/admin/system/stats", "/admin/settings", "/admin/dead-letters", "/admin/providers"):
    admin.get(path)
  server.socket(admin).close()
  import re
  seen = set(re.findall(r'sokoul_cache_(?:hits|misses)_total\{cache_type="(\w+)"\} [1-9]', admin.get("//metrics").body.decode()))
  assert seen and seen - {"ws_ticket"} <= set(admin.ok("POST", "/admin/cache/clear", {})["cleared"])


# Figures.

def stats(admin):
  """Counted now."""
  admin.ok("POST", "/admin/cache/clear", {"kind": "stats"})
  return admin.ok("GET", "/admin/system/stats")


def test_the_figures_are_true(start, keep, folder):
  library = [folder / "films", folder / "series"]
  indexer = keep(Torznab([release(GOOD, 1)]))
  server = start(library_dirs=f"{library[0]}:{library[1]}", roles="api,scout,hunter,sentinel", **settings_for([indexer]))
  admin = server.admin()
  server.account("somebody")
  admin.ok("POST", "/media", {"title": "Paper Lantern", "media_type": "movie"})
  series = admin.ok("POST", "/media", {"title": "Harbour Lights", "media_type": "tv"})["id"]
  admin.ok("POST", "/media", {"title": "Fog", "media_type": "episode", "parent_id": series, "season_number": 1, "episode_number": 2})
  download = server.download(admin, info_hash="ab" * 20)
  socket = server.socket(admin)
  figures = stats(admin)
  assert figures["users"] == {"total": 2, "active": 2, "by_role": {"user": 1, "moderator": 0, "admin": 1}}
  assert (figures["sessions"], figures["websockets"]) == (2, 1)
  assert figures["media"] == {"by_type": {"movie": 1, "tv": 1, "episode": 1}, "files": 0, "bytes": 0, "missing_files": 0}
  assert sum(figures["downloads"].values()) == 1 and set(figures["downloads"]) <= {"queued", "downloading"}
  assert [(one["purpose"], one["path"]) for one in figures["storage"]] == [
    ("data", str(server.data)), ("downloads", str(server.downloads)), ("library", str(library[0])), ("library", str(library[1]))]
  for one in figures["storage"]:
    assert one["error"] is None and 0 < one["free_bytes"] <= one["total_bytes"] and one["used_bytes"] > 0
  queue = figures["queues"]["download"]
  assert queue["pending"] + queue["running"] == 1 and figures["queues"]["search"] == {"pending": 0, "running": 0, "dead": 0}
  assert figures["workers"]["roles"] == ["api", "scout", "hunter", "sentinel"]
  pools = {pool["name"]: pool for pool in figures["workers"]["pools"]}
  assert pools["scout"] == {"name": "scout", "threads": 4, "busy": 0} and "oracle" not in pools and pools["hunter"]["threads"] > 0
  versions = figures["versions"]
  assert versions["database"] in ("sqlite", "postgresql") and versions["schema"] >= 7
  for name in ("sokoul", "database_version", "libtorrent", "libcurl", "libmicrohttpd", "openssl"):
    assert versions[name] and versions[name][0].isdigit(), versions
  assert [(one["name"], one["kind"], one["enabled"]) for one in figures["providers"]] == [(indexer.name, "torznab", True)]
  rates = {one["kind"]: one for one in figures["cache"]["kinds"]}
  assert rates["stats"]["misses"] >= 1 and rates["stats"]["hits"] == 0 == rates["stats"]["hit_rate"]
  assert figures["uptime_seconds"] >= 0 and figures["started_at"] < figures["counted_at"]
  assert b"k3y" not in admin.get("/admin/system/stats").body
  # What is counted is kept for a moment, and forgotten when asked to.
  assert admin.ok("GET", "/admin/system/stats")["counted_at"] == figures["counted_at"]
  admin.ok("POST", f"/downloads/{download}/cancel")
  socket.close()
  wait_until(lambda: stats(admin)["downloads"] == {"cancelled": 1}, 30, what="the cancelled download")
  wait_until(lambda: stats(admin)["websockets"] == 0, 30, what="the end of the WebSocket")
  assert server.login("somebody").get("/admin/system/stats").status == 403


def test_how_a_provider_of_the_environment_does_is_seen(start, keep):
  indexer = keep(Torznab([release(GOOD, 1)]))
  server = start(**settings_for([indexer]))
  admin = server.admin()
  path = f"/admin/providers/{indexer.name}"
  before = admin.get(path)
  assert (before.json["origin"], before.json["last_ok_at"], before.json["last_error_at"]) == ("environment", None, None)
  server.search(admin, "Paper Lantern")
  well = admin.get(path, headers={"If-None-Match": before.headers["ETag"]})
  assert well.status == 200 and well.json["last_ok_at"] and well.json["last_error"] is None
  assert admin.get(path, headers={"If-None-Match": well.headers["ETag"]}).status == 304
  indexer.fault = "garbage"
  server.search(admin, "Paper Lantern")
  ill = admin.ok("GET", path)
  assert ill["last_ok_at"] == well.json["last_ok_at"] and ill["last_error_at"] and ill["last_error"]
  assert [one for one in admin.ok("GET", "/admin/providers")["items"] if one["name"] == indexer.name] == [ill]
  assert {name: ill[name] for name in ("last_ok_at", "last_error_at", "last_error")}.items() <= stats(admin)["providers"][0].items()
  assert_problem(admin.put(path, {"enabled": False}), 409, "provider_from_environment")
  assert_problem(admin.get("/admin/providers/nobody"), 404)


def test_a_key_in_an_address_is_a_key(start, keep):
  server = start(torznab_urls="http://127.0.0.1:1/api?apikey=s3cr3tk3y http://127.0.0.1:2/api?t=search")
  admin = server.admin()
  rows = {one["base_url"]: one["has_key"] for one in admin.ok("GET", "/admin/providers")["items"] if one["kind"] == "torznab"}
  assert rows == {"http://127.0.0.1:1/api": True, "http://127.0.0.1:2/api": False}
  code, out = server.run("provider", "list")[:2]
  assert code == 0 and "s3cr3tk3y" not in out
  assert {line.split()[-4]: line.split()[3] for line in out.splitlines() if "torznab" in line} == \
    {"http://127.0.0.1:1/api": "yes", "http://127.0.0.1:2/api": "no"}, out


def test_an_address_rule_is_seen_by_itself(start):
  admin = start().admin()
  for kind in ("whitelist", "blacklist"):
    reply = admin.post(f"/admin/security/{kind}", {"cidr": "192.0.2.0/24", "reason": "a test"})
    path = reply.headers["Location"].removeprefix("/api/v1")
    shown = admin.get(path)
    assert (shown.status, shown.json) == (200, reply.json)
    assert admin.get(path, headers={"If-None-Match": shown.headers["ETag"]}).status == 304
    other = {"whitelist": "blacklist", "blacklist": "whitelist"}[kind]
    for wrong in (path.replace(kind, other), path[:-1], f"/admin/security/{kind}/0190d3a0-0000-7000-8000-000000000000"):
      assert_problem(admin.get(wrong), 404)
    admin.ok("DELETE", path, status=204)
    assert_problem(admin.get(path), 404)


def test_busy_workers_and_waiting_jobs_are_seen(start, keep):
  slow = keep(Torznab(fault="slow"))
  server = start(**settings_for([slow]))
  admin = server.admin()
  for number in range(6):
    admin.ok("POST", "/search", {"query": f"Paper Lantern {number}"})
  full = wait_until(lambda: (now := stats(admin)) and now["queues"]["search"] == {"pending": 2, "running": 4, "dead": 0} and now, 30, what="four searches")
  assert {pool["name"]: pool["busy"] for pool in full["workers"]["pools"]}["scout"] == 4


def test_the_status_command_shows_an_admin_more(start):
  server = start()
  admin = server.admin()
  server.account("somebody")
  admin.ok("POST", "/media", {"title": "Paper Lantern", "media_type": "movie"})
  code, out, err = server.run("status")
  assert code == 0 and "library: 1 films, 0 series, 0 episodes; 0 files" in out and f"free at {server.library}" in out and "jobs:" in out, (out, err)
  code, out, err = server.run("status", "--user", "somebody")
  assert code == 0 and "downloads: 0" in out and "library:" not in out, (out, err)


# The library.

def task_done(admin, reply):
  task = reply.json["task_id"]
  assert reply.status == 202 and reply.headers["Location"] == f"/api/v1/tasks/{task}"
  return wait_until(lambda: (now := admin.ok("GET", f"/tasks/{task}")) and now["status"] in ("completed", "failed") and now, 60, what="the job")


def tree(server):
  return sorted(str(path.relative_to(server.library)) for path in server.library.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def shelves(server, admin, films):
  """A film and a series in the library, scanned."""
  import shutil
  season = server.library / "Shows" / "Harbour Lights (2016)" / "Season 01"
  film = server.library / "Movies" / "Paper Lantern (2019)"
  for path in [film / "Paper Lantern (2019).mp4", film / "Paper Lantern (2019).Extended.mp4",
               *(season / f"Harbour Lights (2016) - {number}.mp4" for number in ("S01E01", "S01E02", "S01E03-E04"))]:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(films("small.mp4"), path)
  for name in ("Paper Lantern (2019).en.srt", "Paper Lantern (2019).Extended.fr.srt", "notes.txt"):
    (film / name).write_text("1\n00:00:01,000 --> 00:00:02,000\nHello.\n")
  (season / "Harbour Lights (2016) - S01E02.pt-br.forced.srt").write_text("1\n")
  done = task_done(admin, admin.post("/media/scan"))
  assert done["status"] == "completed" and done["result"]["files"] == 5 and done["result"]["media_made"] >= 2, done
  works = {item["title"]: item for item in admin.ok("GET", "/media")["items"]}
  assert set(works) == {"Paper Lantern", "Harbour Lights"}, works
  return works


def test_a_work_is_changed_field_by_field_and_facts_can_be_taken_away(server, admin, shelves):
  path = f"/media/{shelves['Paper Lantern']['id']}"
  before = admin.get(path)
  reply = admin.put(path, {"overview": "A lantern.", "imdb_id": "tt9900001", "release_date": "2019-05-31", "original_language": "pt-BR", "year": 2018,
                           "poster_url": "https://img.example/p.jpg", "runtime_minutes": 12, "genres": ["Drama", "Noir"],
                           "alternative_titles": ["Lampion de papier"]}, headers={"If-Match": before.headers["ETag"]})
  assert reply.status == 200 and reply.json["overview"] == "A lantern." and reply.headers["ETag"] != before.headers["ETag"]
  assert reply.json["genres"] == ["Drama", "Noir"]
  for query in ("genre=Noir", "q=lampion"):
    assert [row["title"] for row in admin.ok("GET", f"/media?{query}")["items"]] == ["Paper Lantern"], query
  assert_problem(admin.put(path, {"overview": "x"}, headers={"If-Match": before.headers["ETag"]}), 412)
  assert admin.put(path, reply.json).json == {**reply.json, "updated_at": admin.get(path).json["updated_at"]}, "what was got can be put"
  nothing = dict.fromkeys(("overview", "imdb_id", "release_date", "original_language", "poster_url", "runtime_minutes", "genres", "alternative_titles"))
  back = admin.ok("PUT", path, {**nothing, "year": 2019})
  assert back == {**before.json, "updated_at": back["updated_at"]}
  assert admin.ok("PUT", path, {"overview": ""})["overview"] is None
  wrong = {"title": "?", "imdb_id": "nm1", "release_date": "yesterday", "poster_url": "javascript:alert(1)", "backdrop_url": "//x/y", "year": 12,
           "original_language": "Klingon", "season_number": 1, "tmdb_id": "seven", "genres": ["Drama", 1], "alternative_titles": "x"}
  assert problems(admin.put(path, wrong)) == {("title", "invalid"), ("imdb_id", "invalid"), ("release_date", "invalid"), ("poster_url", "invalid"),
                                              ("backdrop_url", "invalid"), ("year", "out_of_range"), ("original_language", "invalid"),
                                              ("season_number", "invalid"), ("tmdb_id", "wrong_type"), ("genres", "invalid"), ("alternative_titles", "invalid")}
  assert problems(admin.put(path, {"title": None})) == problems(admin.put(path, {"title": ""})) == {("title", "required")}
  assert admin.ok("GET", path) == {**back, "updated_at": admin.get(path).json["updated_at"]}
  assert problems(admin.post("/media", {"media_type": "episode", "year": 0})) == {
    ("title", "required"), ("parent_id", "required"), ("season_number", "required"), ("episode_number", "required"), ("year", "out_of_range")}
  rows = audit(server, "media.update")
  assert json.loads(rows[0]["old_value"])["year"] == 2019 and json.loads(rows[0]["new_value"])["imdb_id"] == "tt9900001"


def test_there_is_a_most_of_providers(start):
  admin = start().admin()
  made = []
  for number in range(48):
    row = {"name": f"one of many {number}", "kind": "torznab", "base_url": "http://127.0.0.1:9/api"}
    made.append(admin.ok("POST", "/admin/providers", row, status=201)["id"])
  more = {"name": "one more", "kind": "torznab", "base_url": "http://127.0.0.1:9/api"}
  reply = admin.post("/admin/providers", more)
  assert reply.status == 409 and "48" in reply.json["detail"], reply
  assert admin.get(f"/admin/providers/{made[-1]}").status == 200, "each that was made is there"
  admin.ok("DELETE", f"/admin/providers/{made[0]}", status=204)
  admin.ok("POST", "/admin/providers", more, status=201)


def test_enriching_asks_the_providers_and_says_how_it_went(start, keep):
  tmdb, tvmaze = metadata(keep)
  server = start(**settings_for(tmdb=tmdb, tvmaze=tvmaze))
  admin = server.admin()
  film = admin.ok("POST", "/media", {"title": LANTERN["title"], "year": LANTERN["year"], "media_type": "movie"})["id"]
  assert task_done(admin, admin.post(f"/media/{film}/enrich"))["status"] == "completed"
  work = admin.ok("GET", f"/media/{film}")
  assert work["tmdb_id"] == LANTERN["id"] and work["enriched_at"]
  assert_problem(admin.post("/media/018f0000-0000-7000-8000-000000000000/enrich"), 404)
  (row,) = audit(server, "media.enrich")
  assert row["resource_id"] == film


def test_removing_works_with_their_files_leaves_what_is_not_theirs(server, admin, shelves):
  series, film = shelves["Harbour Lights"]["id"], shelves["Paper Lantern"]["id"]
  episodes = {row["episode_number"]: row for row in admin.ok("GET", f"/media/{series}/episodes")["items"]}
  before = tree(server)
  for query in ("perhaps", "1", ""):
    assert problems(admin.delete(f"/media/{film}?delete_files={query}")) == {("delete_files", "invalid")}
  assert_problem(admin.delete(f"/media/{film}", headers={"If-Match": '"old"'}), 412)
  # Half of a double episode goes: its file has the other half.
  assert admin.delete(f"/media/{episodes[3]['id']}?delete_files=true").status == 204
  assert tree(server) == before
  # An episode goes with its subtitle.
  assert admin.delete(f"/media/{episodes[2]['id']}?delete_files=true").status == 204
  assert tree(server) == [name for name in before if "S01E02" not in name]
  # The film without its files: the next scan finds it again.
  assert admin.delete(f"/media/{film}").status == 204
  assert admin.get(f"/media/{film}").status == 404 and len([name for name in tree(server) if "Paper Lantern" in name]) == 5
  task_done(admin, admin.post("/media/scan"))
  works = {item["title"]: item["id"] for item in admin.ok("GET", "/media")["items"]}
  etag = admin.get(f"/media/{works['Paper Lantern']}").headers["ETag"]
  assert admin.delete(f"/media/{works['Paper Lantern']}?delete_files=true", headers={"If-Match": etag}).status == 204
  assert [name for name in tree(server) if "Lantern" in name] == ["Movies/Paper Lantern (2019)/notes.txt"], "what is neither film nor subtitle stays"
  assert_problem(admin.delete(f"/media/{film}?delete_files=true"), 404)
  # The series with the rest, the whole double episode among it (the scan has found its first half again).
  assert admin.delete(f"/media/{series}?delete_files=true").status == 204
  assert [name for name in tree(server) if "Harbour" in name] == [] and not (server.library / "Shows").exists()
  rows = audit(server, "media.delete")
  assert [json.loads(row["old_value"])["delete_files"] for row in rows] == [True, True, False, True, True]
  for nobody in (server.account("reader"), server.client()):
    for reply in (nobody.put(f"/media/{film}", {}), nobody.delete(f"/media/{film}?delete_files=true"), nobody.post("/media/scan"), nobody.post(f"/media/{film}/enrich")):
      assert reply.status in (401, 403)


def test_imports_follow_the_names_that_are_set(start, keep, folder, films, tracker, torrent_of):
  from harness.peers import Aria2
  film = films("Paper.Lantern.2019.720p.mp4")
  torrent = torrent_of(film)
  seeder = keep(Aria2(folder / "aria2", torrent, film.parent)).wait_seeding()
  tracker.add(torrent, seeder.port)
  server = start(**settings_for([keep(Torznab([Release(GOOD, torrent)]))]))
  admin = server.admin()
  admin.ok("PUT", "/admin/settings", {"naming": {"movie": "Films/{year}/{title}/{title}{ [resolution]}"}})
  answer = server.search(admin, "Paper Lantern", year=2019, media_type="movie")
  server.wait_download(admin, server.download(admin, search_result_id=answer["results"][0]["id"]))
  (name,) = wait_until(lambda: tree(server), 30, what="the film in the library")
  assert name.startswith("Films/2019/Paper Lantern/Paper Lantern [") and name.endswith("p].mp4"), name
  (file,) = admin.ok("GET", f"/media/{answer['media_id']}/files")["items"]
  assert file["file_path"] == str(server.library / name)
  # A scan finds it under the same work.
  assert task_done(admin, admin.post("/media/scan"))["result"]["unchanged"] == 1
  assert [item["id"] for item in admin.ok("GET", "/media")["items"]] == [answer["media_id"]]


def test_more_downloads_run_as_soon_as_more_may(start):
  server = start(torrent_max_active=1)
  admin = server.admin()
  downloads = [server.download(admin, info_hash=f"{number:040x}") for number in (1, 2, 3)]

  def running():
    return [row["id"] for row in admin.ok("GET", "/downloads")["items"] if row["status"] == "downloading"]
  wait_until(lambda: len(running()) == 1, 30, what="one download")
  admin.ok("PUT", "/admin/settings", {"torrent_max_active": 3, "torrent_down_kib": 512})
  wait_until(lambda: sorted(running()) == sorted(downloads), 30, what="all three downloads")
