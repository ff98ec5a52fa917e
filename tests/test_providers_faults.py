"""What goes wrong with providers: one that fails never takes the search, or the server, with it."""

import pytest

from harness.http import assert_problem
from harness.scene import LANTERN, Torznab, metadata, release, settings_for
from harness.process import SLOW
from harness.standins import Jackett, Prowlarr, Tmdb

FAULTS = ["500", "garbage", "html", "truncated", "close", "redirect-loop", "429", "401", "xml-error", "redirect-private", "huge-header", "endless"]
GOOD = "Paper.Lantern.2019.1080p.BluRay.x264-GRP"


def by_name(answer):
  return {row["name"]: row for row in answer["providers"]}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_indexer_is_named_and_the_others_answer(start, keep, fault):
  good = keep(Torznab([release(GOOD, 1)]))
  bad = keep(Torznab([release("Paper.Lantern.2019.720p.WEB.x264-BAD", 2)], fault=fault))
  server = start(**settings_for([good, bad]))
  admin = server.admin()
  answer = server.search(admin, "Paper Lantern", year=2019, media_type="movie", limit_s=90)
  assert answer["status"] == "completed"
  assert [result["title"] for result in answer["results"]] == [GOOD]
  rows = by_name(answer)
  assert rows[good.name]["status"] == "completed" and rows[good.name]["results"] == 1, rows
  assert rows[bad.name]["status"] == "failed" and rows[bad.name]["error"], rows
  assert "k3y" not in rows[bad.name]["error"]
  assert server.client().get("//health").status == 200


def test_a_slow_indexer_does_not_hold_the_others(start, keep):
  good, slow = keep(Torznab([release(GOOD, 1)])), keep(Torznab(fault="slow"))
  server = start(**settings_for([good, slow]))
  admin = server.admin()
  search = admin.ok("POST", "/search", {"query": "Paper Lantern"}, status=202)["search_id"]
  from harness.process import wait_until
  early = wait_until(lambda: [row for row in [admin.ok("GET", f"/search/{search}")] if row["results"]], 15, what="the fast one's results")[0]
  assert early["status"] in ("running", "pending") and by_name(early)[slow.name]["status"] in ("running", "pending")
  answer = server.wait_search(admin, search, 60)
  assert by_name(answer)[slow.name]["status"] == "failed"
  assert by_name(answer)[slow.name]["latency_ms"] < 40_000 * SLOW


def test_all_failing_is_said(start, keep):
  bad = [keep(Torznab(fault="500")), keep(Torznab(fault="garbage"))]
  server = start(**settings_for(bad))
  admin = server.admin()
  answer = server.search(admin, "Paper Lantern", limit_s=90)
  assert (answer["status"], answer["results"]) == ("failed", [])
  assert all(row["status"] == "failed" and row["error"] for row in answer["providers"] if row["name"] in (bad[0].name, bad[1].name))


def test_a_provider_that_keeps_failing_is_left_alone(start, keep):
  bad = keep(Torznab(fault="500"))
  server = start(**settings_for([bad]))
  admin = server.admin()
  # Each search is tried three times: the fifth failure in a row falls into the second one. The breaker stays open for a minute, so no more than one search comes between that and the look.
  for number in range(2):
    server.search(admin, f"Paper Lantern {number}", limit_s=60)
  calls = len(bad.calls)
  (row,) = server.search(admin, "Paper Lantern again", limit_s=60)["providers"]
  assert "not asked for a while" in row["error"], row
  assert len(bad.calls) == calls, "the breaker is open: no further call"


def test_a_provider_that_recovers_is_asked_again(start, keep):
  flaky = keep(Torznab([release(GOOD, 1)], fault="500"))
  server = start(**settings_for([flaky]))
  admin = server.admin()
  server.search(admin, "Paper Lantern", limit_s=60)
  flaky.fault = None
  answer = server.search(admin, "Paper Lantern", year=2019, limit_s=60)
  assert [result["title"] for result in answer["results"]] == [GOOD]


@pytest.mark.parametrize("kind", [Prowlarr, Jackett])
def test_wrong_keys_are_said_and_not_repeated(start, keep, kind):
  indexer = keep(kind([release(GOOD, 1)]))
  settings = settings_for(**{kind.__name__.lower(): indexer})
  settings[f"{kind.__name__.lower()}_api_key"] = "wr0ng"
  server = start(**settings)
  admin = server.admin()
  answer = server.search(admin, "Paper Lantern")
  failed = [row for row in answer["providers"] if row["status"] == "failed"]
  assert len(failed) == 1 and "wr0ng" not in failed[0]["error"], answer["providers"]
  assert len([path for path in indexer.calls if "wr0ng" in path or "search" in path]) <= 3


def test_metadata_that_fails_does_not_stop_a_search(start, keep):
  good = keep(Torznab([release(GOOD, 1)]))
  tmdb = keep(Tmdb(fault="500"))
  server = start(**settings_for([good], tmdb=tmdb))
  admin = server.admin()
  answer = server.search(admin, "Paper Lantern", year=2019, media_type="movie", limit_s=90)
  assert [result["title"] for result in answer["results"]] == [GOOD]


def test_a_redirect_into_the_machine_is_not_followed(start, keep):
  """An indexer's answer, and the torrent it lists, redirect to another port of this machine, where somebody listens: nothing may be asked there."""
  victim = keep(Torznab())
  good, bent = keep(Torznab([release(GOOD, 1)])), keep(Torznab(fault=f"redirect:http://127.0.0.1:{victim.port}/secret"))
  server = start(**settings_for([good, bent]))
  admin = server.admin()
  answer = server.search(admin, "Paper Lantern", year=2019)
  assert answer["status"] == "completed"
  (failed,) = [row for row in answer["providers"] if row["name"] == bent.name]
  assert failed["status"] == "failed" and "private" in failed["error"], failed
  reply = admin.post("/downloads/start", {"torrent_url": f"{bent.base}/file.torrent"})
  assert reply.status == 202, reply
  assert "private" in server.wait_download(admin, reply.json["download_id"], ("failed",))["error"]
  assert bent.calls and not victim.calls


def test_a_link_into_the_machine_is_not_followed(start, keep):
  """A torrent's address given by hand leads into this machine itself."""
  victim = keep(Torznab())
  server = start(**settings_for([keep(Torznab([release(GOOD, 1)]))]))
  admin = server.admin()
  reply = admin.post("/downloads/start", {"torrent_url": f"http://127.0.0.1:{victim.port}/secret"})
  assert reply.status == 202, reply
  assert "private" in server.wait_download(admin, reply.json["download_id"], ("failed",))["error"]
  assert not victim.calls


def test_tmdb_fills_the_work(start, keep):
  tmdb, tvmaze = metadata(keep)
  server = start(**settings_for([keep(Torznab([release(GOOD, 1)]))], tmdb=tmdb, tvmaze=tvmaze))
  admin = server.admin()
  answer = server.search(admin, "paper lantern", year=2019, media_type="movie")
  media = admin.ok("GET", f"/media/{answer['media_id']}")
  assert (media["title"], media["year"], media["tmdb_id"], media["runtime_minutes"]) == ("Paper Lantern", 2019, LANTERN["id"], 12)
  again = server.search(admin, "Paper Lantern", year=2019, media_type="movie")
  assert again["media_id"] == answer["media_id"], "one work, one row"
