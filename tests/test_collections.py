"""The personal library: favorites, the watchlist and collections, each its owner's."""

import pytest

from harness.http import assert_problem

NOBODY = "0190d3a0-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def ann(server, admin):
  return server.account("ann")


@pytest.fixture(scope="module")
def ben(server, admin):
  return server.account("ben")


@pytest.fixture(scope="module")
def works(admin):
  return [admin.ok("POST", "/media", {"title": f"Film {number}", "media_type": "movie", "year": 2000 + number}, status=201)["id"] for number in range(7)]


def fields_of(reply):
  return {row["field"] for row in assert_problem(reply, 422)["errors"]}


def ids(answer):
  return [row["media_id"] for row in answer["items"]]


def pages(client, path, sort=""):
  """Every id of a list, by cursor, three at a time; and by number the same."""
  join = "&" if "?" in path else "?"
  first = client.ok("GET", f"{path}{join}per_page=3{sort}")
  seen, cursor = ids(first), first["next_cursor"]
  while cursor:
    answer = client.ok("GET", f"{path}{join}per_page=3{sort}&cursor={cursor}")
    seen, cursor = seen + ids(answer), answer["next_cursor"]
  by_number = [media for page in range(1, 4) for media in ids(client.ok("GET", f"{path}{join}per_page=3{sort}&page={page}"))]
  assert seen == by_number and len(seen) == first["total"]
  return seen


def collection(client, name="Evenings", **more):
  return client.ok("POST", "/collections", {"name": name, **more}, status=201)


def put(client, owner, media_id, status=201, **more):
  return client.ok("POST", f"/collections/{owner['id']}/media", {"media_id": media_id, **more}, status=status)


@pytest.mark.parametrize("path", ["/library/favorites", "/library/watchlist"])
def test_a_work_is_in_a_list_once(ann, ben, works, path):
  first = ann.ok("POST", path, {"media_id": works[0]}, status=201)
  assert first["media"]["title"] == "Film 0" and first["added_at"]
  assert ann.ok("POST", path, {"media_id": works[0]}, status=200) == first
  assert ann.ok("GET", path)["items"] == [first]
  assert ben.ok("GET", path)["items"] == [] and ben.ok("GET", path)["total"] == 0
  assert_problem(ben.delete(f"{path}/{works[0]}"), 404)
  assert ann.delete(f"{path}/{works[0]}").status == 204
  assert_problem(ann.delete(f"{path}/{works[0]}"), 404)
  assert ann.ok("GET", path)["items"] == []


@pytest.mark.parametrize("path", ["/library/favorites", "/library/watchlist"])
def test_wrong_entries_are_named(ann, path):
  for body in ({}, {"media_id": 7}, {"media_id": "x"}, {"media_id": None}, {"media_id": NOBODY + "0"}):
    assert fields_of(ann.post(path, body)) == {"media_id"}, body
  assert_problem(ann.post(path, {"media_id": NOBODY}), 404)
  assert_problem(ann.delete(f"{path}/{NOBODY}"), 404)
  assert_problem(ann.delete(f"{path}/x"), 404)
  assert fields_of(ann.get(f"{path}?sort=colour")) == {"sort"}
  assert fields_of(ann.get(f"{path}?page=0&per_page=900")) == {"page", "per_page"}
  assert fields_of(ann.get(f"{path}?cursor=abc")) == {"cursor"}
  assert_problem(ann.post(path, {"media_id": NOBODY}, token=None), 401)


def test_favorites_come_newest_first_in_pages(ann, works):
  for media in works:
    ann.ok("POST", "/library/favorites", {"media_id": media}, status=201)
  assert pages(ann, "/library/favorites") == works[::-1]
  assert pages(ann, "/library/favorites", "&sort=added_at") == works


def test_the_watchlist_is_sorted_by_priority(ann, works):
  for media, priority in zip(works, (5, 1, 100, 0, 7, 3, 2)):
    assert ann.ok("POST", "/library/watchlist", {"media_id": media, "priority": priority}, status=201)["priority"] == priority
  order = [works[index] for index in (2, 4, 0, 5, 6, 1, 3)]
  assert pages(ann, "/library/watchlist") == order
  assert pages(ann, "/library/watchlist", "&sort=priority") == order[::-1]
  assert ann.ok("POST", "/library/watchlist", {"media_id": works[3], "priority": 99}, status=200)["priority"] == 99
  assert ann.ok("POST", "/library/watchlist", {"media_id": works[3]}, status=200)["priority"] == 99
  assert ids(ann.ok("GET", "/library/watchlist"))[1] == works[3]
  for priority in (-1, 101, "high", 1.5):
    assert fields_of(ann.post("/library/watchlist", {"media_id": "x", "priority": priority})) == {"media_id", "priority"}, priority


def test_a_collection_is_made_read_changed_and_deleted(ann):
  reply = ann.post("/collections", {"name": "  Slow evenings ", "description": "Rain", "is_public": False})
  made = reply.json
  assert reply.status == 201 and reply.headers["Location"] == f"/api/v1/collections/{made['id']}"
  assert made["name"] == "Slow evenings" and made["user_id"] == ann.user["id"] and made["media_count"] == 0
  read = ann.get(f"/collections/{made['id']}")
  assert {**read.json, **made} == read.json and read.json["items"] == [] and read.json["total"] == 0
  tag = read.headers["ETag"]
  assert tag == reply.headers["ETag"]
  assert ann.get(f"/collections/{made['id']}", headers={"If-None-Match": tag}).status == 304
  changed = ann.put(f"/collections/{made['id']}", {"description": None, "is_public": True}, headers={"If-Match": tag})
  assert changed.status == 200 and changed.headers["ETag"] != tag
  assert changed.json["name"] == "Slow evenings" and changed.json["description"] is None and changed.json["is_public"] is True
  assert_problem(ann.put(f"/collections/{made['id']}", {"name": "Late"}, headers={"If-Match": tag}), 412)
  assert ann.get(f"/collections/{made['id']}").json["name"] == "Slow evenings"
  assert ann.delete(f"/collections/{made['id']}").status == 204
  assert_problem(ann.get(f"/collections/{made['id']}"), 404)
  assert_problem(ann.delete(f"/collections/{made['id']}"), 404)


def test_wrong_collections_are_named(ann):
  assert fields_of(ann.post("/collections", {})) == {"name"}
  assert fields_of(ann.post("/collections", {"name": " \t", "description": 3, "is_public": "yes"})) == {"name", "description", "is_public"}
  assert fields_of(ann.post("/collections", {"name": "x" * 201, "description": "x" * 4001})) == {"name", "description"}
  made = collection(ann)
  before = ann.ok("GET", f"/collections/{made['id']}")
  for body, field in (({"name": ""}, "name"), ({"name": 4}, "name"), ({"is_public": None}, "is_public"), ({"is_public": 1}, "is_public")):
    assert fields_of(ann.put(f"/collections/{made['id']}", body)) == {field}, body
  assert ann.ok("GET", f"/collections/{made['id']}") == before
  assert fields_of(ann.post(f"/collections/{made['id']}/media", {"media_id": "x", "position": -1})) == {"media_id", "position"}
  assert_problem(ann.post(f"/collections/{made['id']}/media", {"media_id": NOBODY}), 404)
  assert fields_of(ann.get("/collections?is_public=maybe&user_id=me&page=0")) == {"is_public", "user_id", "page"}
  assert fields_of(ann.get("/collections?sort=user_id")) == {"sort"}


def test_works_lie_where_they_are_put(ann, works):
  made = collection(ann)
  a, b, c, d = works[:4]
  path = f"/collections/{made['id']}"
  assert put(ann, made, a)["position"] == 0
  assert put(ann, made, b)["position"] == 1
  assert put(ann, made, c, position=0)["media"]["title"] == "Film 2"
  assert put(ann, made, d, position=4000)["position"] == 4000
  assert ids(ann.ok("GET", path)) == [a, c, b, d], "behind its equal"
  assert put(ann, made, c, status=200)["position"] == 0, "in it already: stays"
  assert put(ann, made, c, status=200, position=2)["position"] == 2
  answer = ann.ok("GET", path)
  assert ids(answer) == [a, b, c, d] and [row["position"] for row in answer["items"]] == [0, 1, 2, 4000]
  assert answer["media_count"] == answer["total"] == 4 and answer["items"][1]["media"]["id"] == b
  assert ids(ann.ok("GET", f"{path}?sort=-position")) == [d, c, b, a]
  assert ann.delete(f"{path}/media/{b}").status == 204
  assert_problem(ann.delete(f"{path}/media/{b}"), 404)
  answer = ann.ok("GET", path)
  assert [(row["media_id"], row["position"]) for row in answer["items"]] == [(a, 0), (c, 2), (d, 4000)]
  for media in works:
    put(ann, made, media, status=(200, 201))
  assert pages(ann, path) == [a, c, d, b, *works[4:]]


@pytest.mark.parametrize("positions", [(30, 10, 20), (2, 0, 1), (1, 0, 0), (7, 7, 7)])
def test_positions_order_whatever_comes_first(ann, works, positions):
  made = collection(ann)
  for work, position in zip(works, positions):
    assert put(ann, made, work, position=position)["position"] == position
  expected = [work for _, work in sorted(zip(positions, works[:3]), key=lambda pair: pair[0])]
  last = put(ann, made, works[3])
  assert last["position"] == max(positions) + 1
  rows = ann.ok("GET", f"/collections/{made['id']}")["items"]
  assert [row["media_id"] for row in rows] == [*expected, works[3]]
  assert [row["position"] for row in rows] == [*sorted(positions), max(positions) + 1]
  assert pages(ann, f"/collections/{made['id']}") == [*expected, works[3]]


def test_what_is_shown_of_a_work_is_part_of_the_version(admin, ann):
  media = admin.ok("POST", "/media", {"title": "Untitled", "media_type": "movie"}, status=201)["id"]
  made = collection(ann)
  put(ann, made, media)
  path = f"/collections/{made['id']}"
  tags = {ann.get(path).headers["ETag"]}
  admin.ok("PUT", f"/media/{media}", {"title": "Titled"})
  reply = ann.get(path, headers={"If-None-Match": next(iter(tags))})
  assert reply.status == 200 and reply.json["items"][0]["media"]["title"] == "Titled"
  tags.add(reply.headers["ETag"])
  admin.ok("DELETE", f"/media/{media}")
  reply = ann.get(path, headers={"If-None-Match": reply.headers["ETag"]})
  assert reply.status == 200 and reply.json["items"] == [] and reply.json["media_count"] == 0
  assert len({*tags, reply.headers["ETag"]}) == 3


def test_public_ones_are_read_by_all_and_changed_by_the_owner(admin, ann, ben, works):
  made = collection(ann, is_public=True)
  path = f"/collections/{made['id']}"
  put(ann, made, works[0])
  for other in (ben, admin):
    assert ids(other.ok("GET", path)) == [works[0]]
    assert made["id"] in [row["id"] for row in other.ok("GET", f"/collections?user_id={ann.user['id']}")["items"]]
    for reply in (other.put(path, {"name": "Mine"}), other.delete(path), other.post(f"{path}/media", {"media_id": works[1]}),
                  other.delete(f"{path}/media/{works[0]}")):
      assert_problem(reply, 403)
  answer = ann.ok("GET", path)
  assert answer["name"] == "Evenings" and ids(answer) == [works[0]]


def test_anothers_private_one_is_absent(admin, ann, ben, works):
  made = collection(ann)
  put(ann, made, works[0])

  def replies(client, key):
    path = f"/collections/{key}"
    return [client.get(path), client.put(path, {"name": "Mine"}), client.delete(path), client.post(f"{path}/media", {"media_id": works[1]}),
            client.delete(f"{path}/media/{works[0]}"), client.put(path, {"name": "Mine"}, headers={"If-Match": '"x"'})]

  def shape(reply, key):
    problem = assert_problem(reply, 404)
    return {**problem, "request_id": "", "instance": problem["instance"].replace(key, "")}
  for other in (ben, admin):
    for private, absent in zip(replies(other, made["id"]), replies(other, NOBODY)):
      assert shape(private, made["id"]) == shape(absent, NOBODY)
    assert made["id"] not in [row["id"] for row in other.ok("GET", "/collections?per_page=200")["items"]]
  for reply in replies(ben, "x"):
    assert_problem(reply, 404)
  ann.ok("PUT", f"/collections/{made['id']}", {"is_public": True})
  ben.ok("GET", f"/collections/{made['id']}")
  ann.ok("PUT", f"/collections/{made['id']}", {"is_public": False})
  assert_problem(ben.get(f"/collections/{made['id']}"), 404)


def test_collections_are_listed_filtered_and_sorted(ben):
  made = [collection(ben, name, is_public=name < "C")["id"] for name in ("B", "D", "A", "C")]
  own = f"/collections?user_id={ben.user['id']}"

  def named(query):
    return "".join(row["name"] for row in ben.ok("GET", own + query)["items"])
  assert named("") == "CADB"
  assert named("&sort=name") == "ABCD" and named("&sort=-name") == "DCBA" and named("&sort=created_at") == "BDAC"
  assert named("&is_public=true") == "AB" and named("&is_public=false") == "CD"
  page = ben.ok("GET", own + "&sort=name&per_page=3")
  assert page["total"] == 4 and page["next_cursor"]
  assert named(f"&sort=name&per_page=3&cursor={page['next_cursor']}") == "D"
  ben.ok("PUT", f"/collections/{made[1]}", {"description": "moved"})
  assert named("") == "DCAB"


def test_only_the_owners_clients_are_told(server, ann, ben, works):
  own, others = server.socket(ann), server.socket(ben)
  try:
    made = collection(ann)
    ann.ok("POST", "/library/favorites", {"media_id": works[0]})
    collection(ben, "Told")
    assert own.wait("library.changed")["data"] == {"collection_id": made["id"], "change": "collection_added"}
    assert others.wait("library.changed")["data"]["collection_id"] != made["id"]
  finally:
    own.close()
    others.close()


def test_what_is_kept_survives_a_restart_and_goes_with_the_user(start):
  server = start()
  admin = server.admin()
  media = admin.ok("POST", "/media", {"title": "Film", "media_type": "movie"}, status=201)["id"]
  admin.ok("POST", "/library/favorites", {"media_id": media})
  put(admin, collection(admin), media)
  server.restart()
  admin = server.login("admin")
  assert ids(admin.ok("GET", "/library/favorites")) == [media]
  assert admin.ok("GET", "/collections")["items"][0]["media_count"] == 1
  admin.ok("DELETE", f"/media/{media}")
  assert admin.ok("GET", "/library/favorites")["items"] == []
  assert admin.ok("GET", "/collections")["items"][0]["media_count"] == 0
  assert server.integrity()[0] == "ok"
