"""A search across providers: what is found, how it is merged, and in which order it stands."""

import json
import urllib.parse

import pytest

from harness.http import assert_problem
from harness.process import wait_until
from harness.scene import GIB, HARBOUR, MOVIES, SHOWS, Prowlarr, Tmdb, Torznab, Tvmaze, made_up_hash, metadata, release, settings_for
from harness.standins import Jackett


def titles(answer):
  return [result["title"] for result in answer["results"]]


@pytest.fixture
def world(start, keep):
  """world(releases...) -> (server, admin) with those at one indexer, and the metadata of the scene."""
  def make(*releases, **options):
    tmdb, tvmaze = metadata(keep)
    indexer = keep(Torznab(releases, match_all=True))
    server = start(**settings_for([indexer], tmdb=tmdb, tvmaze=tvmaze), **options)
    return server, server.admin()
  return make


def test_one_failing_indexer_prowlarr_and_tmdb_together(start, keep):
  tmdb, tvmaze = metadata(keep)
  first = keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1, seeders=12, hash_style="upper", size=8 * GIB),
                        release("Paper.Lantern.2019.720p.WEB-DL.x264-TWO", 2, seeders=40, size=3 * GIB)]))
  broken = keep(Torznab(fault="500"))
  prowlarr = keep(Prowlarr([release("Paper Lantern 2019 1080p BluRay x264-GRP", 1, seeders=30, hash_style="base32", size=8 * GIB),
                            release("Paper.Lantern.2019.2160p.WEB.HEVC-FOUR", 4, seeders=5, size=12 * GIB)]))
  server = start(**settings_for([first, broken], prowlarr=prowlarr, tmdb=tmdb, tvmaze=tvmaze))
  admin = server.admin()
  answer = server.search(admin, "Paper Lantern", year=2019, media_type="movie")
  assert len(answer["results"]) == 3, titles(answer)
  hashes = [result["info_hash"] for result in answer["results"]]
  assert sorted(hashes) == sorted([made_up_hash(1), made_up_hash(2), made_up_hash(4)])
  merged = next(result for result in answer["results"] if result["info_hash"] == made_up_hash(1))
  assert merged["seeders"] == 30, "the best count of all sources"
  assert len({merged["provider"]} | {row["provider"] for row in merged["duplicates"]}) == 2, merged
  statuses = {row["name"]: row["status"] for row in answer["providers"]}
  assert statuses[broken.name] == "failed" and statuses[first.name] == "completed"


def test_results_without_hash_merge_by_name_and_size(start, keep):
  first = keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1, size=8 * GIB)]))
  second = keep(Torznab([release("Paper Lantern 2019 1080p BluRay x264-GRP", 1, size=8 * GIB, seeders=99)]))
  for row in first.releases + second.releases:
    row.hash_text = lambda: None
  server = start(**settings_for([first, second]))
  answer = server.search(server.admin(), "Paper Lantern", year=2019)
  assert len(answer["results"]) == 1, titles(answer)
  assert answer["results"][0]["seeders"] == 99


def test_every_result_has_what_the_contract_promises(world):
  server, admin = world(release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1, seeders=12, size=8 * GIB))
  answer = server.search(admin, "Paper Lantern", year=2019, media_type="movie")
  result = answer["results"][0]
  for field in ("id", "search_id", "media_id", "provider", "title", "guid", "magnet_link", "info_hash", "protocol", "size_bytes", "seeders", "leechers",
                "published_at", "parsed", "score", "score_breakdown", "ai_validated", "duplicates", "created_at"):
    assert field in result, field
  assert isinstance(result["id"], int) and 0 <= result["score"] <= 100 and result["ai_validated"] is False
  parsed = result["parsed"]
  assert (parsed["title"], parsed["year"], parsed["resolution"], parsed["group"]) == ("Paper Lantern", 2019, "1080p", "GRP"), parsed
  assert result["score_breakdown"] and all(row["reason"] and isinstance(row["points"], (int, float)) for row in result["score_breakdown"])
  assert "k3y" not in str(result), "an indexer's key is ours alone"
  assert result["published_at"].endswith("Z") and len(result["published_at"]) == 24


RIGHT_FILM = "Paper.Lantern.2019.720p.WEB-DL.x264-RIGHT"
WRONG_FILMS = [
  "Paper.Lantern.1987.2160p.BluRay.REMUX.HEVC-YEAR", "Paper.Lantern.Returns.2021.2160p.BluRay.x265-FILM", "The.Paper.Kite.2019.1080p.BluRay.x264-OTHER",
  "Paper.Lantern.2019.HDCAM.x264-CAM", "Paper.Lantern.2019.1080p.TELESYNC.x264-TS", "Paper.Lantern.S01E01.1080p.WEB.h264-SHOW",
  "Lantern.Paper.Making.of.2019.1080p.WEB-EXTRA",
]


def test_the_wrong_film_year_or_a_cam_never_outranks_the_right_one(world):
  releases = [release(RIGHT_FILM, 1, seeders=1, size=2 * GIB)]
  releases += [release(title, 10 + at, seeders=50_000, size=8 * GIB) for at, title in enumerate(WRONG_FILMS)]
  server, admin = world(*releases)
  answer = server.search(admin, "Paper Lantern", year=2019, media_type="movie")
  assert titles(answer)[0] == RIGHT_FILM, [(result["score"], result["title"]) for result in answer["results"]]
  scores = {result["title"]: result["score"] for result in answer["results"]}
  for wrong in WRONG_FILMS:
    assert scores.get(wrong, -1) < scores[RIGHT_FILM], scores


RIGHT_EPISODE = "Harbour.Lights.S02E02.720p.WEB.x264-RIGHT"
WRONG_EPISODES = ["Harbour.Lights.S02E03.2160p.WEB.x265-EP", "Harbour.Lights.S01E02.1080p.BluRay.x264-SEASON", "Harbour.Lights.S02E02.HDCAM-CAM",
                  "Harbour.Lights.Behind.S02E02.1080p.WEB-OTHER", "Harbor.Nights.S02E02.1080p.WEB.x264-NAME"]


def test_the_wrong_episode_never_outranks_the_right_one(world):
  releases = [release(RIGHT_EPISODE, 1, seeders=1, size=GIB // 2, category=5000)]
  releases += [release(title, 10 + at, seeders=50_000, size=GIB, category=5000) for at, title in enumerate(WRONG_EPISODES)]
  server, admin = world(*releases)
  answer = server.search(admin, "Harbour Lights", media_type="tv", season=2, episode=2)
  assert titles(answer)[0] == RIGHT_EPISODE, [(result["score"], result["title"]) for result in answer["results"]]
  media = admin.ok("GET", f"/media/{answer['media_id']}")
  assert media["title"] == HARBOUR["name"]


def test_more_seeders_win_among_equals_and_better_quality_among_seeded(world):
  server, admin = world(release("Paper.Lantern.2019.1080p.BluRay.x264-FEW", 1, seeders=2, size=8 * GIB),
                        release("Paper.Lantern.2019.1080p.BluRay.x264-MANY", 2, seeders=300, size=8 * GIB),
                        release("Paper.Lantern.2019.480p.DVDRip.XviD-LOW", 3, seeders=300, size=GIB))
  answer = server.search(admin, "Paper Lantern", year=2019, media_type="movie")
  order = titles(answer)
  assert order.index("Paper.Lantern.2019.1080p.BluRay.x264-MANY") < order.index("Paper.Lantern.2019.1080p.BluRay.x264-FEW")
  assert order.index("Paper.Lantern.2019.1080p.BluRay.x264-MANY") < order.index("Paper.Lantern.2019.480p.DVDRip.XviD-LOW")


def test_jackett_is_asked_through_all(start, keep):
  jackett = keep(Jackett([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1)]))
  server = start(**settings_for(jackett=jackett))
  answer = server.search(server.admin(), "Paper Lantern", year=2019)
  assert titles(answer) == ["Paper.Lantern.2019.1080p.BluRay.x264-GRP"], (answer["providers"], jackett.calls)


def test_filters_sorting_and_pages_of_results(world):
  server, admin = world(*[release(f"Paper.Lantern.2019.{res}.BluRay.x264-G{number}", number, seeders=number, size=number * GIB)
                          for number, res in enumerate(["480p", "720p", "1080p", "1080p", "2160p"], 1)])
  answer = server.search(admin, "Paper Lantern", year=2019, media_type="movie")
  search = answer["search_id"]
  only = admin.ok("GET", f"/search/{search}?resolution=1080p")["results"]
  assert {result["parsed"]["resolution"] for result in only} == {"1080p"} and len(only) == 2
  assert admin.ok("GET", f"/search/{search}?min_score=101".replace("101", "100"))["results"] == [
    result for result in answer["results"] if result["score"] >= 100]
  seen, cursor = [], None
  while True:
    page = admin.ok("GET", f"/search/{search}/results?per_page=2&sort=-score" + (f"&cursor={cursor}" if cursor else ""))
    seen += [row["id"] for row in page["items"]]
    cursor = page["next_cursor"]
    if not cursor:
      break
  assert seen == [result["id"] for result in admin.ok("GET", f"/search/{search}?sort=-score")["results"]] and len(seen) == 5
  assert admin.ok("GET", f"/search/{search}/results")["total"] == 5
  grouped = admin.ok("GET", f"/search/{search}/providers")
  assert grouped
  assert_problem(admin.get(f"/search/{search}?sort=nonsense"), 422)


def test_the_same_idempotency_key_is_one_search(server, admin):
  headers = {"Idempotency-Key": "k-123"}
  first = admin.ok("POST", "/search", {"query": "Once"}, headers=headers)
  second = admin.ok("POST", "/search", {"query": "Once"}, headers=headers)
  assert first["search_id"] == second["search_id"]
  assert admin.ok("POST", "/search", {"query": "Once"})["search_id"] != first["search_id"]


def test_a_trace_goes_through_the_request_and_its_job(server, admin):
  trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  reply = admin.post("/search", {"query": "Traced"}, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
  server.wait_search(admin, reply.json["search_id"])

  def lines():
    return [line for line in map(json.loads, filter(lambda text: text.startswith("{"), server.log().splitlines()))
            if line.get("request_id") == reply.headers["X-Request-ID"]]
  wait_until(lambda: any(line["job"] == "sokoul-worker" for line in lines()), 30, what="a line of the job")
  wait_until(lambda: any(line["job"] == "sokoul-api" for line in lines()), 30, what="the request's line")
  assert {line.get("trace_id") for line in lines()} == {trace}


def test_an_unchanged_answer_is_304(world):
  server, admin = world(release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1))
  search = server.search(admin, "Paper Lantern", year=2019)["search_id"]
  first = admin.get(f"/search/{search}")
  again = admin.get(f"/search/{search}", headers={"If-None-Match": first.headers["ETag"]})
  assert (again.status, again.body) == (304, b"")


def test_a_search_is_a_task_and_a_score_job_can_be_asked_for(world):
  server, admin = world(release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1))
  answer = server.search(admin, "Paper Lantern", year=2019)
  task = admin.ok("GET", f"/tasks/{answer['search_id']}")
  assert task["status"] == "completed" and task["progress"] == 100, task
  scored = admin.ok("POST", f"/search/{answer['search_id']}/score", status=202)
  wait_until(lambda: admin.ok("GET", f"/tasks/{scored['task_id']}")["status"] in ("completed", "failed"), 30, what="the score job")
  assert admin.ok("GET", f"/tasks/{scored['task_id']}")["status"] == "completed"


def test_strange_listings_do_no_harm(world):
  names = ["Paper.Lantern.2019.1080p.BluRay.x264-GRP", "Paper Lantern (2019) <b>&amp; ' \" </b>", "", "x" * 4000, "\u202eretnaL repaP 2019", "Paper\tLantern\n2019",
           "ペーパー・ランタン 2019 1080p", "Paper.Lantern.2019.1080p.BluRay.x264-GRP.exe"]
  server, admin = world(*[release(name, 20 + at, size=size) for at, (name, size) in enumerate(zip(names, [8 * GIB, 0, 1, 2**62, -5, GIB, GIB, GIB]))])
  answer = server.search(admin, "Paper Lantern", year=2019, media_type="movie")
  assert names[0] in titles(answer)
  assert all(0 <= result["score"] <= 100 and (result["size_bytes"] or 0) >= 0 for result in answer["results"])


# --- What people type.

SEQUEL = {"id": 7004, "title": "Paper Lantern 1984", "year": 2020, "runtime": 99, "imdb_id": "tt9900004"}


@pytest.fixture
def typed(start, keep):
  """typed(query) -> (answer of the search, its work, what the indexer was asked), with and without metadata."""
  def make(with_metadata=True, releases=()):
    tmdb = keep(Tmdb([*MOVIES, SEQUEL], SHOWS))
    indexer = keep(Torznab(releases, match_all=True))
    server = start(**settings_for([indexer], tmdb=tmdb if with_metadata else None, tvmaze=keep(Tvmaze(SHOWS if with_metadata else ()))))
    admin = server.admin()

    def search(query, **more):
      indexer.calls.clear()
      answer = server.search(admin, query, **more)
      asked = {value for call in indexer.calls for value in urllib.parse.parse_qs(urllib.parse.urlsplit(call).query).get("q", [])}
      return answer, admin.ok("GET", f"/media/{answer['media_id']}"), asked
    search.admin, search.server = admin, server
    return search
  return make


@pytest.mark.parametrize("query, title, year", [
  ("Paper Lantern 2019", "Paper Lantern", 2019), ("Paper Lantern (1987)", "Paper Lantern", 1987), ("paper.lantern.2019", "Paper Lantern", 2019),
  ("Paper Lantern 1984", "Paper Lantern 1984", 2020), ("Paper Lantern Returns", "Paper Lantern Returns", 2021)])
def test_the_year_that_is_typed_says_which_film_is_meant(typed, query, title, year):
  search = typed()
  _, media, _ = search(query)
  assert (media["title"], media["year"], media["media_type"]) == (title, year, "movie") and media["tmdb_id"], media
  again, _, _ = search(query)
  assert again["media_id"] == media["id"] and search.admin.ok("GET", "/media")["total"] == 1, "the film is there once"


@pytest.mark.parametrize("query", ["Harbour Lights S02E01", "harbour lights 2x01", "Harbour Lights season 2 episode 1", "Harbour.Lights.S02E01.720p"])
def test_the_episode_that_is_typed_is_searched(typed, query):
  search = typed(releases=[release("Harbour.Lights.S02E01.720p.WEB.x264-A", 1), release("Harbour.Lights.S01E01.720p.WEB.x264-A", 2)])
  answer, media, asked = search(query)
  assert (answer["season"], answer["episode"], answer["media_type"]) == (2, 1, "tv")
  assert (media["title"], media["media_type"]) == ("Harbour Lights", "tv") and media["tmdb_id"] == HARBOUR["id"]
  right, wrong = sorted(answer["results"], key=lambda result: result["title"], reverse=True)
  assert right["score"] > 60 > 20 > wrong["score"], titles(answer)
  assert asked and all(text.lower().startswith("harbour lights") for text in asked), asked


def test_without_metadata_the_typed_year_still_is_one(typed):
  search = typed(with_metadata=False, releases=[
    release("Paper.Lantern.2019.1080p.BluRay.x264-A", 1), release("Paper.Lantern.1987.1080p.BluRay.x264-A", 2), release("Paper.Lantern.2019.2020.1080p.BluRay.x264-A", 3)])
  answer, media, _ = search("Paper Lantern 2019")
  assert (media["title"], media["year"]) == ("Paper Lantern", 2019)
  scores = {result["title"]: result["score"] for result in answer["results"]}
  assert scores["Paper.Lantern.2019.1080p.BluRay.x264-A"] > 60 > 20 > scores["Paper.Lantern.1987.1080p.BluRay.x264-A"], scores
  assert scores["Paper.Lantern.2019.2020.1080p.BluRay.x264-A"] > 60, "it may be called so"


def test_what_a_field_says_counts_more_than_the_words(typed):
  search = typed()
  _, media, _ = search("Paper Lantern 1984", year=2020)
  assert (media["title"], media["year"]) == ("Paper Lantern 1984", 2020)
  answer, media, _ = search("Harbour Lights S02E01", season=1, episode=2)
  assert (answer["season"], answer["episode"], media["title"]) == (1, 2, "Harbour Lights")


def test_indexers_are_asked_in_plain_letters(typed):
  search = typed()
  for query, plain in (("Amélie", "amelie"), ("Der König & die Wölfe", "der konig die wolfe"), ("Сталкер", "Сталкер")):
    answer, _, asked = search(query)
    assert answer["query"] == query and asked and all(text.lower().startswith(plain.lower()) for text in asked), asked


def test_a_series_has_all_its_seasons_soon_after_it_was_found(typed):
  search = typed(releases=[release("Harbour.Lights.S01.720p.WEB.x264-A", 1)])
  _, media, _ = search("Harbour Lights", season=1)

  def seasons():
    return {episode["season_number"] for episode in search.admin.ok("GET", f"/media/{media['id']}/episodes")["items"]}
  wait_until(lambda: seasons() == {1, 2}, 30, what="the episodes of both seasons")
