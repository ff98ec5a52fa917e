"""Several wrong fields at once: the answer names every one of them, and none that is right. Made from docs/api/openapi.json,
for every operation with a query string or a JSON body."""

import itertools
import os
import random
import urllib.parse

import pytest

from harness.fields import Document, put
from harness.http import assert_problem
from harness.sokoul import Sokoul

SEED = int(os.environ.get("SOKOUL_SEED", random.randrange(1 << 30)))
COMBINATIONS = 60  # of two or three fields, an operation
DOCUMENT = Document()
# Their query strings are what lets a caller in: what is wrong there is answered with 401 or 403 and no field.
CREDENTIALS = {"GET /ws", "GET /stream/{stream_id}/{rest}"}
# Fields that depend on another's value, or stand for one another: with one wrong, these may be named as well.
RELATED = [
  {"query", "title", "media_id"}, {"season", "episode", "media_type"}, {"username", "email"},
  {"search_result_id", "magnet_link", "info_hash", "torrent_url"}, {"media_type", "parent_id", "season_number", "episode_number"},
  {"kind", "base_url", "api_key"}, {"min_height", "preferred_height", "max_height"}, {"min_size_mib_h", "max_size_mib_h"},
  {"token", "password", "end_api_keys"},  # no right token is at hand
]
# Where the document's own words let several sources stand side by side, a right one beside a wrong one would be a second source.
ALONE = {"POST /api/v1/downloads/start": ("search_result_id", "magnet_link", "info_hash", "torrent_url"),
         "POST /api/v1/search": ("query", "title"), "POST /api/v1/auth/login": ("username", "email")}
# What the document does not call required, since another field decides it.
ALSO = {"POST /api/v1/admin/providers": {"base_url": "http://127.0.0.1:9/"}}


@pytest.fixture(scope="module")
def server(module_folder, module_keep):
  server = module_keep(Sokoul(module_folder / "sokoul", start=False))
  server.put_film()
  server.start()
  return server


@pytest.fixture(scope="module")
def ids(server, admin):
  """One of everything that a path names."""
  film = server.scan(admin)
  series = admin.ok("POST", "/media", {"title": "A series", "media_type": "tv"})["id"]
  server.account("somebody")
  somebody = next(one["id"] for one in admin.ok("GET", "/admin/users")["items"] if one["username"] == "somebody")
  return {
    "id": film, "media_id": film, "search_id": admin.ok("POST", "/search", {"query": "Paper Lantern"})["search_id"],
    "stream_id": admin.ok("GET", f"/streaming/direct/{film}")["stream_id"],
    "GET /api/v1/media": series, "PUT /api/v1/admin/users": somebody,
    **dict.fromkeys(("PUT /api/v1/admin/providers", "GET /api/v1/admin/providers"), admin.ok("POST", "/admin/providers", {"name": "mine", "kind": "torznab", "base_url": "http://127.0.0.1:9/"})["id"]),
    **dict.fromkeys((f"{method} /api/v1/collections" for method in ("GET", "PUT", "POST")), admin.ok("POST", "/collections", {"name": "Mine"})["id"]),
    "POST /api/v1/downloads": admin.ok("POST", "/downloads/start", {"info_hash": "a" * 40})["download_id"],
  }


OPERATIONS = [one for one in DOCUMENT.operations() if one.name not in CREDENTIALS]


def may_also_be(wrong):
  short = {name.split(".")[-1] for name in wrong}
  return set().union(*(group for group in RELATED if group & short))


def hold(operation, wrong, reply, sent):
  problem = assert_problem(reply, 422)
  named = {one["field"] for one in problem["errors"]}
  assert len(named) == len(problem["errors"]), (SEED, operation.name, "one entry a field", sent, problem["errors"])
  assert set(wrong) <= named, (SEED, operation.name, "not named", set(wrong) - named, sent, problem["errors"])
  extra = {name for name in named - set(wrong) if name.split(".")[-1] not in may_also_be(wrong)}
  assert not extra, (SEED, operation.name, "named, but right", extra, sent, problem["errors"])
  return problem


def ask_body(admin, operation, path, wrong):
  """`wrong` by name; MISSING leaves the field out. The others that are required are right."""
  body, alone = {name: value for name, value in ALSO.get(operation.name, {}).items() if name not in wrong}, ALONE.get(operation.name, ())
  for field in operation.body:
    if "." not in field.name and field.name not in wrong and field.required:
      body[field.name] = field.value()
  if alone and not set(alone) & set(wrong):
    field = next(one for one in operation.body if one.name == alone[-1])
    body[field.name] = "b" * 40 if field.name == "info_hash" else "http://127.0.0.1:9/a.torrent" if field.name == "torrent_url" else field.value()
  if "media_id" in body:
    body["media_id"] = path.ids["media_id"]
  sent = {name: value for name, value in wrong.items() if value is not MISSING}
  for name, value in sent.items():
    put(body, name, value)
  return hold(operation, wrong, admin.request(operation.method, path, body), body)


def ask_query(admin, operation, path, wrong):
  query = urllib.parse.urlencode(wrong)
  return hold(operation, wrong, admin.request(operation.method, f"{path}?{query}"), query)


MISSING = object()


class Path(str):
  ids = None


def wrongs_of(field, in_query):
  if in_query:
    return field.wrong_values(as_text=True)
  return field.wrong_kinds() + field.wrong_values() + ([MISSING] if field.required else [])


def is_apart(names):
  """None of them is a group that another stands in."""
  return not any(other.startswith(name + ".") for name in names for other in names)


def combinations(rng, choices):
  """Every wrong value of every field beside the first wrong ones of all the others; then twos and threes by chance."""
  names = list(choices)
  tops = [name for name in names if not any(other.startswith(name + ".") for other in names)]
  for number in range(max(len(values) for values in choices.values())):
    yield {name: choices[name][number % len(choices[name])] for name in tops}
    yield {name: rng.choice(choices[name]) for name in tops}
  pairs = [names_of for count in (2, 3) for names_of in itertools.combinations(names, count) if is_apart(names_of)]
  for chosen in rng.sample(pairs, min(COMBINATIONS, len(pairs))):
    yield {name: rng.choice(choices[name]) for name in chosen}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_every_wrong_field_is_named_and_no_right_one(operation, admin, ids):
  rng, asked = random.Random(f"{SEED} {operation.name}"), 0
  path = Path(operation.fill(ids))
  path.ids = ids
  for fields, ask, in_query in ((operation.body, ask_body, False), (operation.query, ask_query, True)):
    choices = {field.name: wrongs_of(field, in_query) for field in fields}
    choices = {name: values for name, values in choices.items() if values}
    for wrong in combinations(rng, choices) if choices else ():
      ask(admin, operation, path, wrong)
      asked += 1
  print(f"\nseed {SEED}: {asked} requests")
  assert asked or not operation.body, "nothing of this body can be wrong, says the document"


def test_the_test_is_about_everything():
  assert len(OPERATIONS) >= 45
  assert sum(len(one.body) + len(one.query) for one in OPERATIONS) >= 300


def test_a_header_and_the_body_are_named_together(admin):
  for path, body in (("/search", {"query": 7, "year": "soon"}), ("/downloads/start", {"info_hash": "zz", "media_id": 7})):
    reply = admin.post(path, body, headers={"Idempotency-Key": "a b"})
    assert {one["field"] for one in assert_problem(reply, 422)["errors"]} == {"Idempotency-Key", *body}


def test_a_wrong_file_and_a_wrong_field_are_named_together(admin):
  reply = admin.upload("/downloads/start", "torrent", "a.torrent", b"no torrent", {"media_id": "7"})
  assert {one["field"] for one in assert_problem(reply, 422)["errors"]} == {"torrent", "media_id"}
