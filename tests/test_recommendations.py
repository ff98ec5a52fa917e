"""What to watch next: from one's own history, favorites and watchlist, each with its reason."""

import itertools
import json

import pytest

from harness.http import assert_problem

GENRES = {"silent": ["Silent", "Science Fiction"], "western": ["Western"], "comedy": ["Comedy", "Romance"], "drama": ["Drama"]}


@pytest.fixture(scope="module")
def works(server, admin):
  """Ten works of each kind, made through the API; what only metadata providers know (genres, ratings) is put into the database before anybody asks."""
  ids = {}
  for kind in GENRES:
    ids[kind] = [admin.ok("POST", "/media", {"title": f"{kind.title()} {number}", "media_type": "tv" if number == 9 else "movie", "year": 1990 + number},
                          status=201)["id"] for number in range(10)]
  episodes = [admin.ok("POST", "/media", {"title": f"Part {number}", "media_type": "episode", "parent_id": ids["silent"][9], "season_number": 1, "episode_number": number},
                       status=201)["id"] for number in (1, 2)]
  server.change("UPDATE media SET genres = ?, rating = ? WHERE id = ?",
                [(json.dumps(GENRES[kind]), 5 + number / 3, media) for kind, all_of_them in ids.items() for number, media in enumerate(all_of_them)])
  return {**ids, "episodes": episodes}


@pytest.fixture(scope="module")
def someone(server, works):
  """someone(): an account that has done nothing."""
  numbers = itertools.count(1)
  return lambda: server.account(f"viewer-{next(numbers)}")


def recommended(client, query=""):
  return client.ok("GET", f"/recommendations{query}")["items"]


def watch(client, media, seconds=95):
  client.ok("POST", "/history/watch", {"media_id": media, "progress_seconds": seconds, "total_seconds": 100})


def test_who_has_watched_nothing_gets_what_is_well_rated_and_recent(someone, works):
  items = recommended(someone())
  assert items[0]["media"]["title"].endswith(" 9") and items[0]["because"]["kind"] == "rating"
  assert items[0]["because"] == {"kind": "rating", "media_id": None, "title": None, "genres": [], "text": "rated 8.0 of 10, from 1999"}
  assert [row["score"] for row in items[:4]] == sorted((row["score"] for row in items[:4]), reverse=True)
  assert len(items) == 40


def test_the_reason_is_what_one_has_watched(someone, works):
  viewer = someone()
  watch(viewer, works["silent"][0])
  items = recommended(viewer)
  first = items[0]
  assert first["media"]["id"] in works["silent"]
  assert first["because"] == {"kind": "history", "media_id": works["silent"][0], "title": "Silent 0", "genres": ["Silent", "Science Fiction"],
                              "text": "because you watched Silent 0: silent, science fiction"}
  assert works["silent"][0] not in [row["media"]["id"] for row in items]
  assert 10 < first["score"] <= 100
  named = [row for row in items if row["because"]["kind"] == "history"]
  assert {row["media"]["id"] for row in named} == set(works["silent"]) - {works["silent"][0]}


def test_each_deed_is_heard(someone, works):
  viewer = someone()
  viewer.ok("POST", "/library/favorites", {"media_id": works["western"][0]}, status=201)
  viewer.ok("POST", "/library/watchlist", {"media_id": works["comedy"][0]}, status=201)
  watch(viewer, works["drama"][0], seconds=50)
  items = recommended(viewer)
  reasons = {row["because"]["kind"]: row["because"]["text"] for row in items}
  assert reasons["favorite"] == "because Western 0 is one of your favorites: western"
  assert reasons["watchlist"] == "because Comedy 0 is on your watchlist: comedy, romance"
  assert reasons["history"] == "because you began Drama 0: drama"
  assert items[0]["because"]["kind"] == "favorite"
  known = {works["western"][0], works["comedy"][0], works["drama"][0]}
  assert not known & {row["media"]["id"] for row in items}


def test_an_episode_speaks_for_its_series_which_does_not_come_back(someone, works):
  viewer = someone()
  watch(viewer, works["episodes"][0])
  items = recommended(viewer)
  assert items[0]["because"]["media_id"] == works["silent"][9] and items[0]["because"]["title"] == "Silent 9"
  found = {row["media"]["id"] for row in items}
  assert works["silent"][9] not in found and not found & set(works["episodes"])


def test_what_one_knows_is_gone_at_once_until_nothing_is_left(someone, works):
  viewer = someone()
  for left in range(40, 0, -1):
    items = recommended(viewer)
    assert len(items) == left
    media = items[0]["media"]
    if media["media_type"] == "movie":
      watch(viewer, media["id"], seconds=(95, 50, 5)[left % 3])
    else:  # nobody watches a series as such
      viewer.ok("POST", "/library/favorites", {"media_id": media["id"]}, status=201)
    assert media["id"] not in {row["media"]["id"] for row in recommended(viewer)}
  assert recommended(viewer) == []


def test_ten_in_a_row_are_varied(someone, works):
  viewer = someone()
  for media in works["silent"][:3]:
    watch(viewer, media)
  items = recommended(viewer)
  for first in range(0, 14):
    leads = [row["media"]["genres"][0] for row in items[first:first + 10]]
    assert max(leads.count(lead) for lead in set(leads)) <= 4, leads


def test_it_is_a_list_like_the_others(someone, works):
  viewer = someone()
  watch(viewer, works["western"][3])
  whole = viewer.ok("GET", "/recommendations?per_page=200")
  assert (whole["total"], whole["page"], whole["per_page"], whole["next_cursor"]) == (39, 1, 200, None)
  ids = [row["media"]["id"] for row in whole["items"]]
  assert len(set(ids)) == 39
  seen, cursor = [], ""
  while cursor is not None:
    answer = viewer.ok("GET", f"/recommendations?per_page=7{cursor and '&cursor=' + cursor}")
    seen, cursor = seen + [row["media"]["id"] for row in answer["items"]], answer["next_cursor"]
  assert seen == ids
  assert [row["media"]["id"] for page in (1, 2, 3, 4) for row in viewer.ok("GET", f"/recommendations?per_page=10&page={page}")["items"]] == ids
  assert viewer.ok("GET", "/recommendations?page=99")["items"] == []
  kinds = {row["media"]["media_type"] for row in recommended(viewer, "?media_type=tv")}
  assert kinds == {"tv"} and {row["media"]["media_type"] for row in recommended(viewer, "?media_type=movie")} == {"movie"}
  for query, field in (("media_type=episode", "media_type"), ("sort=title", "sort"), ("cursor=x", "cursor"), ("per_page=0", "per_page")):
    assert {row["field"] for row in assert_problem(viewer.get(f"/recommendations?{query}"), 422)["errors"]} == {field}
  cursor = viewer.ok("GET", "/recommendations?per_page=7")["next_cursor"]
  assert viewer.get(f"/recommendations?media_type=tv&cursor={cursor}").status == 422
  tag = viewer.get("/recommendations").headers["ETag"]
  for _ in range(5):  # the same state, the same list
    assert viewer.get("/recommendations", headers={"If-None-Match": tag}).status == 304
  watch(viewer, works["drama"][1])
  assert viewer.get("/recommendations", headers={"If-None-Match": tag}).status == 200


def test_everybody_has_their_own(someone, works):
  first, second = someone(), someone()
  before = recommended(second)
  watch(first, works["comedy"][2])
  first.ok("POST", "/library/favorites", {"media_id": works["drama"][2]}, status=201)
  assert recommended(second) == before
  assert "Comedy 2" not in json.dumps([row["because"] for row in recommended(second)])
