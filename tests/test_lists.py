"""Every list keeps section 3 of the contract: pages, cursors, orders, filters, titles in spite of errors, ETags."""

import itertools
import json
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from harness.films import make_film
from harness.http import assert_problem
from harness.process import wait_until
from harness.scene import Torznab, metadata, release, settings_for
from harness.sokoul import ROOT, Sokoul

DOCUMENT = json.loads((ROOT / "docs" / "api" / "openapi.json").read_text())
API = "/api/v1"
NOBODY = "0190d3a0-0000-7000-8000-000000000000"
# What is about works: (title, year, type)
WORKS = [("Metropolis", 1927, "movie"), ("Nosferatu", 1922, "movie"), ("Der Golem", 1920, "movie"), ("Häxan", 1922, "movie"),
         ("Sunrise", 1927, "movie"), ("The Lodger", 1927, "movie"), ("Wings of Tin", 1929, "tv"), ("Faust", 1926, "movie"),
         ("Die Straße", 1923, "movie"), ("Les Vampires", 1915, "tv"), ("Amélie", 2001, "movie"), ("東京物語", 1953, "movie")]
LISTS = ["/media", "/library/favorites", "/library/watchlist", "/history/watched", "/collections", "/collections/{id}", "/downloads",
         "/media/{id}/episodes", "/search/{search_id}/results"]


@pytest.fixture(scope="module")
def server(module_folder, module_keep):
  tmdb, tvmaze = metadata(module_keep)
  names = [f"Paper.Lantern.2019.{resolution}.{source}.x264-{group}" for resolution in ("720p", "1080p", "2160p") for source in ("WEB-DL", "BluRay") for group in ("AAA", "BBB")]
  torznab = module_keep(Torznab([release(name, number + 1) for number, name in enumerate(names)]))
  server = module_keep(Sokoul(module_folder / "sokoul", start=False, **settings_for([torznab], tmdb=tmdb, tvmaze=tvmaze)))
  server.start()
  return server


@pytest.fixture(scope="module")
def scene(server, admin):
  """Something in every list of the admin; {"path parameter": id}."""
  ids = [admin.ok("POST", "/media", {"title": title, "year": year, "media_type": kind}, status=201)["id"] for title, year, kind in WORKS]
  series = ids[6]
  for season, number in itertools.product((1, 2), range(1, 5)):
    admin.ok("POST", "/media", {"title": f"Flight {season}-{number}", "media_type": "episode", "parent_id": series, "season_number": season,
                                "episode_number": number}, status=201)
  collection = admin.ok("POST", "/collections", {"name": "Silent evenings"}, status=201)["id"]
  for number, media in enumerate(ids):
    admin.ok("POST", "/library/favorites", {"media_id": media}, status=201)
    admin.ok("POST", "/library/watchlist", {"media_id": media, "priority": number % 4}, status=201)
    admin.ok("POST", f"/collections/{collection}/media", {"media_id": media}, status=201)
    if WORKS[number][2] == "movie":
      admin.ok("POST", "/history/watch", {"media_id": media, "progress_seconds": 95, "total_seconds": 100})
    admin.ok("POST", "/collections", {"name": f"Shelf {number:02}", "is_public": number % 2 == 0}, status=201)
    admin.ok("POST", "/downloads/start", {"info_hash": f"{number + 1:040x}", "media_id": media})
  search = server.search(admin, "Paper Lantern", year=2019, media_type="movie")
  return {"/collections/{id}": collection, "/media/{id}/episodes": series, "/search/{search_id}/results": search["search_id"], "media": ids}


def path_of(scene, template):
  return re.sub(r"\{\w+\}", lambda _: scene[template], template)


def operation(template):
  return DOCUMENT["paths"][API + template]["get"]


def parameters(template):
  """The filters and the order of a list, by name."""
  shared = DOCUMENT["components"]["parameters"]
  all_of_them = [shared[one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one for one in operation(template)["parameters"]]
  return {one["name"]: one for one in all_of_them if one["name"] not in ("page", "per_page", "cursor")}


def sorts(template):
  return parameters(template)["sort"]["schema"]["enum"]


def key_of(row):
  return row.get("id") or row["media_id"]


def by_cursor(client, path, per_page, between=None):
  """Every row of a list, page by page; `between` is called after each page."""
  join = "&" if "?" in path else "?"
  answer = client.ok("GET", f"{path}{join}per_page={per_page}")
  rows, pages = list(answer["items"]), 1
  while answer["next_cursor"]:
    if between:
      between(pages)
    answer = client.ok("GET", f"{path}{join}per_page={per_page}&cursor={answer['next_cursor']}")
    assert len(answer["items"]) <= per_page
    rows, pages = rows + answer["items"], pages + 1
    assert pages < 1000
  return rows


def wrong_fields(reply):
  return {row["field"] for row in assert_problem(reply, 422)["errors"]}


@pytest.mark.parametrize("template", LISTS)
def test_pages_and_cursors_give_the_same_rows_in_every_order(admin, scene, template):
  path = path_of(scene, template)
  first = admin.ok("GET", path)
  assert {"items", "page", "per_page", "total", "next_cursor"} <= set(first) and first["per_page"] == 50 and first["page"] == 1
  total = first["total"]
  assert total == len(first["items"]) and total >= 8, first
  for sort in sorts(template):
    if sort.lstrip("-") == "relevance":
      continue
    whole = [key_of(row) for row in admin.ok("GET", f"{path}?per_page=200&sort={sort}")["items"]]
    assert len(set(whole)) == total
    assert [key_of(row) for row in by_cursor(admin, f"{path}?sort={sort}", 3)] == whole, sort
    numbered = [key_of(row) for page in range(1, total // 5 + 2) for row in admin.ok("GET", f"{path}?sort={sort}&per_page=5&page={page}")["items"]]
    assert numbered == whole, sort
    backwards = [key_of(row) for row in admin.ok("GET", f"{path}?per_page=200&sort={sort[1:] if sort[0] == '-' else '-' + sort}")["items"]]
    assert backwards == whole[::-1], sort


@pytest.mark.parametrize("template", LISTS)
def test_a_cursor_is_good_for_its_own_list_and_order_only(admin, scene, template):
  path = path_of(scene, template)
  cursor = admin.ok("GET", f"{path}?per_page=2")["next_cursor"]
  assert cursor
  orders = [sort for sort in sorts(template) if sort.lstrip("-") != "relevance"]
  refused = sum(admin.get(f"{path}?per_page=2&cursor={cursor}&sort={sort}").status == 422 for sort in orders)
  assert refused == len(orders) - 1  # its own order may be named
  for other in LISTS:
    if other != template:
      assert wrong_fields(admin.get(f"{path_of(scene, other)}?cursor={cursor}")) == {"cursor"}, other
  for bad in ("x", "AAAA", "%C3%A9", "a" * 999, cursor[:-4], cursor + "AAAA"):
    assert admin.get(f"{path}?cursor={bad}").status == 422, bad
  assert wrong_fields(admin.get(f"{path}?cursor={'a' * 1001}")) == {"cursor"}
  for name in ("year", "q", "status"):
    if name in parameters(template):
      value = {"year": 1927, "q": "metropolis", "status": "failed"}[name]
      assert wrong_fields(admin.get(f"{path}?cursor={cursor}&{name}={value}")) == {"cursor"}


@pytest.mark.parametrize("template", LISTS)
def test_every_wrong_filter_is_named_at_once(admin, scene, template):
  path = path_of(scene, template)
  wrong = {"sort": "colour"}
  for name, one in parameters(template).items():
    schema = one["schema"]
    if one["in"] != "query" or name == "sort":
      continue
    if "enum" in schema or schema["type"] == "boolean":
      wrong[name] = "purple"
    elif schema.get("format") == "uuid":
      wrong[name] = "12"
    elif schema.get("format") == "date-time":
      wrong[name] = "yesterday"
    elif schema["type"] in ("integer", "number"):
      assert wrong_fields(admin.get(f"{path}?{name}=x")) == {name}
      wrong[name] = "-1"
    else:
      wrong[name] = "x" * (schema["maxLength"] + 1)
  for name, value in wrong.items():
    assert wrong_fields(admin.get(f"{path}?{name}={value}")) == {name}, name
  wrong["page"] = "0"
  few = dict(list(wrong.items())[-12:])
  assert wrong_fields(admin.get(f"{path}?" + "&".join(f"{name}={value}" for name, value in few.items()))) == set(few)
  for bad in ("page=0", "page=x", "per_page=0", "per_page=201", "page=99999999999999999999"):
    assert wrong_fields(admin.get(f"{path}?{bad}")) == {bad.split("=")[0]}, bad


def titles(answer):
  return sorted(row.get("media", row)["title"] for row in answer["items"])


@pytest.mark.parametrize("template", ["/media", "/library/favorites", "/library/watchlist", "/history/watched", "/collections/{id}"])
def test_works_are_filtered_by_what_they_are(admin, scene, template):
  path = path_of(scene, template)
  films = [(title, year) for title, year, kind in WORKS if kind == "movie" or template != "/history/watched"]
  kinds = {title: kind for title, _, kind in WORKS}

  def expect(query, condition):
    found = [title for title in titles(admin.ok("GET", f"{path}?per_page=200&{query}")) if title in kinds]
    assert found == sorted(title for title, year in films if condition(title, year)), query
  expect("year=1927", lambda title, year: year == 1927)
  expect("min_year=1920&max_year=1923", lambda title, year: 1920 <= year <= 1923)
  expect("media_type=tv", lambda title, year: kinds[title] == "tv")
  expect("media_type=movie&min_year=1926", lambda title, year: kinds[title] == "movie" and year >= 1926)
  expect("genre=Drama", lambda title, year: False)
  expect("genre=%25", lambda title, year: False)  # it is no pattern
  expect("min_rating=5.5", lambda title, year: False)
  expect("available=true", lambda title, year: False)
  expect("available=false", lambda title, year: True)
  for text, title in (("metropolis", "Metropolis"), ("METROPILOS", "Metropolis"), ("nosferat", "Nosferatu"), ("nsoferatu", "Nosferatu"), ("haxan", "Häxan"),
                      ("hexan", "Häxan"), ("die%20strasse", "Die Straße"), ("lodger%20the", "The Lodger"), ("am%C3%A9lei", "Amélie"),
                      ("%E6%9D%B1%E4%BA%AC%E7%89%A9%E8%AA%9E", "東京物語"), ("fa", "Faust")):
    expect(f"q={text}", lambda one, year, title=title: one == title)
    expect(f"q={text}&max_year=1000", lambda one, year: False)
  assert admin.ok("GET", f"{path}?q=qqqqqqq")["items"] == [] == admin.ok("GET", f"{path}?q=%22%20OR%20%2A")["items"]


def test_short_titles_forgive_a_letter_and_some_scripts_have_no_blanks(admin):
  for title in ("Akira", "Ikiru", "Léon", "千と千尋の神隠し"):
    admin.ok("POST", "/media", {"title": title, "media_type": "movie"}, status=201)
  for text, title in (("akria", "Akira"), ("akra", "Akira"), ("akura", "Akira"), ("akirra", "Akira"), ("kaira", "Akira"), ("iikru", "Ikiru"), ("ikru", "Ikiru"),
                      ("leno", "Léon"), ("loen", "Léon"), ("len", "Léon"), ("千尋", "千と千尋の神隠し"), ("神隠", "千と千尋の神隠し"), ("物語", "東京物語")):
    assert titles(admin.ok("GET", f"/media?q={quote(text)}")) == [title], text
  assert admin.ok("GET", "/media?q=akrai")["items"] == [], "two errors in five letters"


def test_other_lists_are_filtered_by_their_fields(server, admin, scene):
  ids = scene["media"]
  priorities = [row["priority"] for row in admin.ok("GET", "/library/watchlist?min_priority=2")["items"]]
  assert priorities == [3, 3, 3, 2, 2, 2]
  assert {row["priority"] for row in admin.ok("GET", "/library/watchlist?priority=1")["items"]} == {1}
  assert [row["media_id"] for row in admin.ok("GET", f"/history/watched?media_id={ids[0]}")["items"]] == [ids[0]]
  assert admin.ok("GET", "/history/watched?to=2020-01-01T00:00:00Z")["total"] == 0
  assert admin.ok("GET", "/history/watched?from=2020-01-01T00:00:00Z")["total"] == sum(kind == "movie" for _, _, kind in WORKS)
  assert [row["name"] for row in admin.ok("GET", "/collections?q=silnet%20evenings")["items"]] == ["Silent evenings"]
  assert admin.ok("GET", "/collections?is_public=true")["total"] == 6 and admin.ok("GET", "/collections?is_public=false")["total"] == 7
  assert admin.ok("GET", f"/collections?user_id={NOBODY}")["total"] == 0
  names = [row["name"] for row in admin.ok("GET", "/collections?sort=name")["items"]]
  assert names == sorted(names, key=str.lower)
  assert [row["media_id"] for row in admin.ok("GET", f"/downloads?media_id={ids[3]}")["items"]] == [ids[3]]
  assert [row["info_hash"] for row in admin.ok("GET", f"/downloads?info_hash={4:040X}")["items"]] == [f"{4:040x}"]
  counts = {status: admin.ok("GET", f"/downloads?status={status}")["total"] for status in parameters("/downloads")["status"]["schema"]["enum"]}
  assert counts["failed"] == counts["completed"] == 0
  episodes = f"/media/{scene['/media/{id}/episodes']}/episodes"
  order = [(row["season_number"], row["episode_number"]) for row in admin.ok("GET", episodes)["items"]]
  assert order == sorted(order) and len(order) == 8
  assert admin.ok("GET", f"{episodes}?season=2")["total"] == 4 and admin.ok("GET", f"{episodes}?episode=3")["total"] == 2
  assert [row["title"] for row in admin.ok("GET", f"{episodes}?q=flihgt%202-4")["items"]][0].startswith("Flight")
  assert admin.ok("GET", f"{episodes}?available=true")["total"] == 0
  results = f"/search/{scene['/search/{search_id}/results']}/results"
  assert admin.ok("GET", results)["total"] == 12
  for query, most in (("resolution=1080p", 4), ("source=bluray", 6), ("q=papr%20lantern", 12), ("q=metropolis", 0), ("protocol=http", 0), ("min_score=0", 12),
                      ("min_seeders=1000000", 0), ("ai_validated=true", 0), ("ai_validated=false", 12), ("min_size_bytes=99999999999999", 0), ("season=1", 0)):
    total = admin.ok("GET", f"{results}?{query}")["total"]
    assert total == most or (query.startswith("source") and total in (0, 6)), (query, total)


def test_with_a_text_the_best_comes_first_and_any_order_may_be_asked_for(admin, scene):
  for title in ("Aurora", "Aurora Rising", "Northern Aurora", "The Aurora of the North Wind", "Aurore"):
    admin.ok("POST", "/media", {"title": title, "media_type": "movie", "year": 2030 - len(title)}, status=201)
  found = [row["title"] for row in admin.ok("GET", "/media?q=aurora")["items"]]
  assert found == ["Aurora", "Aurora Rising", "Northern Aurora", "The Aurora of the North Wind"]
  assert [row["title"] for row in by_cursor(admin, "/media?q=aurora", 1)] == found
  years = [row["year"] for row in by_cursor(admin, "/media?q=aurora&sort=year", 2)]
  assert years == sorted(years) and len(years) == 4
  assert [row["title"] for row in admin.ok("GET", "/media?q=auroar")["items"]][0] == "Aurora"
  assert wrong_fields(admin.get("/media?sort=relevance")) == {"sort"}  # relevance to what?


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "title", "-year"])
def test_rows_inserted_while_paging_double_none_and_hide_none(server, admin, scene, sort):
  """1,000 works and favorites come in from four clients while another pages through the lists by cursor."""
  seed = random.randrange(1 << 30)
  print(f"seed {seed}")
  choose = random.Random(seed)
  number = itertools.count()

  def add(_):
    title = "".join(choose.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(8))
    media = admin.ok("POST", "/media", {"title": f"{title} {next(number)}", "media_type": "movie", "year": choose.randrange(1900, 2000)}, status=201)["id"]
    admin.ok("POST", "/library/favorites", {"media_id": media}, status=201)
    return media
  favorites = {"created_at": "added_at", "-created_at": "-added_at"}.get(sort, sort)
  with ThreadPoolExecutor(4) as pool:
    list(pool.map(add, range(40)))
    for path, key in ((f"/media?sort={sort}", "id"), (f"/library/favorites?sort={favorites}", "media_id")):
      old = {row[key] for row in by_cursor(admin, path, 200)}
      per_page = max(len(old) // 6, 1)
      seen = [row[key] for row in by_cursor(admin, path, per_page, lambda page: list(pool.map(add, range(20 if page < 7 else 0))))]
      assert len(seen) == len(set(seen)), "twice"
      assert old <= set(seen), "missed"


def test_continue_goes_on_over_the_seasons_and_in_pages(server, admin, scene):
  viewer = server.account("continuing")
  series = [admin.ok("POST", "/media", {"title": f"Serial {number}", "media_type": "tv"}, status=201)["id"] for number in range(7)]
  parts = {}
  for one, place in itertools.product(series, ((0, 1), (1, 1), (1, 2), (2, 1))):
    parts[one, place] = admin.ok("POST", "/media", {"title": f"Part {place}", "media_type": "episode", "parent_id": one, "season_number": place[0],
                                                    "episode_number": place[1]}, status=201)["id"]

  def watch(media, seconds=95):
    viewer.ok("POST", "/history/watch", {"media_id": media, "progress_seconds": seconds, "total_seconds": 100})

  def first():
    row = viewer.ok("GET", "/history/continue")["items"][0]
    assert row["series"]["id"] == series[0] and row["available"] is False
    return row["media"]["season_number"], row["media"]["episode_number"], row["progress_seconds"]
  watch(parts[series[0], (1, 1)])
  assert first() == (1, 2, 0)
  watch(parts[series[0], (1, 2)], seconds=30)
  assert first() == (1, 2, 30)
  watch(parts[series[0], (1, 2)])
  assert first() == (2, 1, 0)
  watch(parts[series[0], (2, 1)])
  assert first() == (0, 1, 0)
  watch(parts[series[0], (0, 1)])
  assert viewer.ok("GET", "/history/continue")["total"] == 0
  for one in series:
    watch(parts[one, (1, 1)], seconds=10)
  whole = [row["media_id"] for row in viewer.ok("GET", "/history/continue")["items"]]
  assert whole == [parts[one, (1, 1)] for one in series[::-1]]
  assert [row["media_id"] for row in by_cursor(viewer, "/history/continue", 2)] == whole
  assert [row["media_id"] for page in (1, 2, 3) for row in viewer.ok("GET", f"/history/continue?per_page=3&page={page}")["items"]] == whole
  cursor = viewer.ok("GET", "/history/continue?per_page=2")["next_cursor"]
  assert wrong_fields(viewer.get(f"/recommendations?cursor={cursor}")) == {"cursor"} == wrong_fields(viewer.get("/history/continue?cursor=x"))
  assert wrong_fields(viewer.get("/history/continue?sort=title&page=0")) == {"sort", "page"}


GETS = [path for path, item in DOCUMENT["paths"].items() if "get" in item and path not in
        ("/ws", "/metrics", "/health/deep", "/stream/{stream_id}/{rest}",
         "/api/v1/admin/system/stats")]  # its counters move with every request, this one's too


def fill(admin, scene, path):
  """The path with ids of things that are there, or None."""
  known = {"/collections/{id}": scene["/collections/{id}"], "/search/{search_id}": scene["/search/{search_id}/results"], "/tasks/{id}": scene["/search/{search_id}/results"],
           "/media/{id}": scene["media"][0], "/streaming/providers/{media_id}": scene["media"][0]}
  if "{" not in path:
    return path
  for template, value in known.items():
    if path.startswith(API + template):
      return re.sub(r"\{\w+\}", value, path)
  if path == f"{API}/downloads/{{id}}":
    return f"{API}/downloads/{admin.ok('GET', '/downloads')['items'][0]['id']}"
  return None


@pytest.mark.parametrize("path", GETS)
def test_every_get_has_an_etag_and_answers_head_and_304(admin, scene, path):
  target = fill(admin, scene, path)
  if target is None:
    pytest.skip("nothing of it is there")
  target = "/" + target
  deadline = time.monotonic() + 20  # what changes by itself is asked again
  while True:
    reply = admin.get(target)
    assert reply.status == 200, reply
    tag = reply.headers["ETag"]
    assert re.fullmatch(r'(W/)?"[\x21\x23-\x7e]+"', tag), tag
    again = admin.get(target, headers={"If-None-Match": f'"other", {tag}'})
    head = admin.request("HEAD", target)
    assert head.status == 200 and head.body == b""
    if (again.status, again.body) == (304, b"") and head.headers["ETag"] == tag == again.headers["ETag"] and int(head.headers["Content-Length"]) == len(reply.body):
      break
    assert time.monotonic() < deadline, (again, head.headers.items())
  assert admin.get(target, headers={"If-None-Match": '"other"'}).status == 200
  assert admin.get(target, headers={"If-None-Match": "*"}).status == 304


def test_a_list_is_another_version_as_soon_as_it_is_another(admin, scene):
  media = admin.ok("POST", "/media", {"title": "One more", "media_type": "movie"}, status=201)["id"]
  for path, change in (("/library/favorites", lambda: admin.ok("POST", "/library/favorites", {"media_id": media})),
                       ("/media", lambda: admin.ok("PUT", f"/media/{media}", {"title": "One less"})),
                       ("/library/favorites", lambda: admin.ok("PUT", f"/media/{media}", {"title": "One again"})),
                       ("/library/watchlist", lambda: admin.ok("POST", "/library/watchlist", {"media_id": media, "priority": 9})),
                       ("/library/watchlist", lambda: admin.ok("POST", "/library/watchlist", {"media_id": media, "priority": 8})),
                       ("/library/favorites", lambda: admin.ok("DELETE", f"/media/{media}"))):
    tag = admin.get(path).headers["ETag"]
    assert admin.get(path, headers={"If-None-Match": tag}).status == 304
    change()
    after = admin.get(path, headers={"If-None-Match": tag})
    assert after.status == 200 and after.headers["ETag"] != tag, path


def test_short_lists_have_pages_too(admin, scene):
  for number in range(5):
    admin.ok("POST", "/admin/providers", {"name": f"page {number}", "kind": "torznab", "base_url": "http://127.0.0.1:9/api"}, status=201)
    admin.ok("POST", "/auth/api-keys", {"name": f"key {number}"}, status=201)
  for path in ("/admin/providers", "/auth/api-keys"):
    whole = admin.ok("GET", path)
    ids = [row["id"] for row in whole["items"]]
    assert len(ids) == whole["total"] >= 5 and (whole["page"], whole["per_page"], whole["next_cursor"]) == (1, 50, None)
    assert [row["id"] for row in by_cursor(admin, path, 2)] == ids
    assert [row["id"] for page in range(1, len(ids) + 2) for row in admin.ok("GET", f"{path}?per_page=2&page={page}")["items"]] == ids
  for path in ("/admin/providers", "/auth/api-keys", f"/media/{scene['media'][0]}/files", f"/streaming/providers/{scene['media'][0]}"):
    assert 1 <= admin.ok("GET", path)["per_page"] <= 200, path
    assert wrong_fields(admin.get(f"{path}?per_page=0&page=x&sort=y")) == {"per_page", "page", "sort"}, path
    assert wrong_fields(admin.get(f"{path}?cursor=x")) == {"cursor"}, path


def test_a_work_is_found_by_what_others_call_it(admin):
  names = {"tmdb_id": 4711, "imdb_id": "tt0047111", "tvdb_id": 4712, "tvmaze_id": 4713}
  known = admin.ok("POST", "/media", {"title": "Known elsewhere", "media_type": "tv", **names}, status=201)["id"]
  for name, value in names.items():
    assert [row["id"] for row in admin.ok("GET", f"/media?{name}={value}")["items"]] == [known], name
    other = "tt7777777" if name == "imdb_id" else 999999
    assert admin.ok("GET", f"/media?{name}={other}")["total"] == 0, name
  for name in ("tmdb_id", "tvdb_id", "tvmaze_id"):
    assert wrong_fields(admin.get(f"/media?{name}=x")) == {name}
