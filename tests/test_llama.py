"""Oracle with the real llama.cpp, a small model in it, and what becomes of a search when the engine goes."""

import json
import os
import re
import signal

import pytest

from harness import npm
from harness.llama import TOKENS_MAX, Llama
from harness.process import wait_until
from harness.scene import Torznab, release, settings_for
from harness.sokoul import ROOT

WANTED = "Paper Lantern"
RECORDED = ROOT / "tests" / "fixtures" / "llama-server"


@pytest.fixture(scope="module", autouse=True)
def packages():
  missing = npm.packages()
  if not missing and not npm.LLAMA.exists():
    missing = "npm has no llama.cpp for this kind of machine"
  if missing:
    (pytest.fail if "CI" in os.environ else pytest.skip)(missing)


@pytest.fixture
def llama(folder, keep):
  return keep(Llama(folder / "llama"))


def cosine(one, other):
  return sum(a * b for a, b in zip(one, other)) / (sum(a * a for a in one) * sum(b * b for b in other)) ** 0.5


class Searching:
  """A program whose only indexer has these titles, and whose model is this engine."""

  def __init__(self, start, keep, llama, *titles):
    indexer = keep(Torznab([release(title, number + 1) for number, title in enumerate(titles)], match_all=True))
    self.server = start(embeddings_url=llama.base, **settings_for([indexer]))
    self.admin = self.server.admin()

  def search(self):
    search = self.admin.ok("POST", "/search", {"query": WANTED, "year": 2019, "media_type": "movie"}, status=202)["search_id"]
    wait_until(lambda: self.admin.ok("GET", f"/search/{search}")["status"] == "completed", 60, what="the search")
    return search

  def task(self, task):
    return self.admin.ok("GET", f"/tasks/{task}")

  def scored(self, task):
    """What the task that scores came to."""
    return wait_until(lambda: (found := self.task(task))["status"] in ("completed", "failed") and found, 90, what=lambda: f"the scores: {self.task(task)}")

  def score(self, search):
    return self.scored(self.admin.ok("POST", f"/search/{search}/score", status=202)["task_id"])

  def results(self, search):
    """{title: (score, likeness or None, ai_validated)}"""
    found = {}
    for row in self.admin.ok("GET", f"/search/{search}?limit=100")["results"]:
      said = re.search(r"Likeness of meaning (-?[\d.]+)", json.dumps(row["score_breakdown"]))
      found[row["title"]] = row["score"], float(said[1]) if said else None, row["ai_validated"]
    return found


def test_what_means_the_same_is_liked_better(start, keep, llama):
  """Torch and ladder have as little to do with the title by their letters; to the engine one of them is a lantern."""
  words = ("Paper Lantern", "Paper Lantern Torch", "Paper Lantern Ladder", "Paper Lantern Harbour Nights", "Paper Lantern The Ladder Of Harbour Nights")
  named = {f"{text.replace(' ', '.')}.2019.1080p.BluRay.x264-GRP": f"{text} (2019)" for text in words}
  world = Searching(start, keep, llama, *named)
  search = world.search()
  outcome = world.score(search)
  assert outcome["status"] == "completed" and outcome["result"] == {"search_id": search, "results": len(named), "ai_validated": True}, outcome
  found = world.results(search)
  assert set(found) == set(named) and all(validated for _, _, validated in found.values()), found
  likeness = [found[title][1] for title in named]
  assert likeness[0] == 1.0 and likeness == sorted(likeness, reverse=True) and likeness[1] > likeness[2] + 0.05, found
  assert max(found, key=lambda title: found[title][0]) == next(iter(named)), found
  # The figures are the engine's own.
  wanted, *others = llama.vectors("Paper Lantern (2019)", *named.values())
  for title, vector in zip(named, others):
    assert abs(found[title][1] - cosine(wanted, vector)) < 0.006, (title, found[title], cosine(wanted, vector))


def test_texts_of_every_kind(start, keep, llama):
  """Too long for the engine at first, odd bytes, nothing that it knows: all of them are compared, none stops the others."""
  long = " ".join(["Paper", "Lantern", *(f"w{number:03}" for number in range(150))])  # some 600 tokens, 400 when it is cut
  odd = ["\u7d19\u306e\u63d0\u706f.2019.1080p-GRP", "\u202ePaper.Lantern\u202c.2019", "P\u0301a\u0308per.L\u00e4ntern.2019", "\U0001f3ee\U0001f3ee.2019.1080p",
         "&amp;<b>\"'.2019", "\u0130\u1e9e\ufb01.2019.720p", "-.2019.1080p", "....", "2019", "\ufffd.2019", "\x7f\x85.2019"]
  assert llama.ask({"input": [long]})[0] == 500
  world = Searching(start, keep, llama, "Paper.Lantern.2019.1080p-GRP", long, *odd)
  search = world.search()
  outcome = world.score(search)
  found = world.results(search)
  assert outcome["result"] == {"search_id": search, "results": len(found), "ai_validated": True} and len(found) >= 10, (outcome, found)
  assert long in found and all(validated for _, _, validated in found.values()), found
  assert found["Paper.Lantern.2019.1080p-GRP"][1] == 1.0, found


def test_a_text_that_stays_too_long_leaves_words_alone(start, keep, llama):
  """A hundred words of it are still too many tokens: the search has its scores without likeness, and the task says what the engine said."""
  long = "Paper Lantern " + " ".join(f"unheardof{number:03}" for number in range(70))
  world = Searching(start, keep, llama, "Paper.Lantern.2019.1080p-GRP", long)
  search = world.search()
  outcome = world.score(search)
  assert outcome["status"] == "completed" and outcome["result"]["ai_validated"] is False, outcome
  assert "too large to process" in outcome["result"]["embeddings_error"], outcome
  found = world.results(search)
  assert len(found) == 2 and all(likeness is None and not validated for _, likeness, validated in found.values()), found
  assert found["Paper.Lantern.2019.1080p-GRP"][0] > found[long][0]


def test_an_engine_that_is_killed_costs_the_likeness_alone(start, keep, llama):
  """While it is being asked, and afterwards; when it is back, scoring again brings the likeness."""
  world = Searching(start, keep, llama, "Paper.Lantern.2019.1080p-GRP", "Harbour.Nights.2019.1080p-GRP")
  search = world.search()
  assert world.score(search)["result"]["ai_validated"] is True
  llama.process.signal(signal.SIGSTOP)  # it takes the question, and says nothing
  task = world.admin.ok("POST", f"/search/{search}/score", status=202)["task_id"]
  wait_until(lambda: world.task(task)["status"] == "running", 60, what="the question")
  llama.kill()
  outcome = world.scored(task)
  assert outcome["status"] == "completed" and outcome["result"]["ai_validated"] is False and outcome["result"]["embeddings_error"], outcome
  second = world.search()  # with nobody there
  found = wait_until(lambda: (rows := world.results(second)) and rows, 30, what="results")
  assert len(found) == 2 and all(score and likeness is None and not validated for score, likeness, validated in found.values()), found
  assert any('"no likeness of meaning"' in line and '"level":"warn' in line for line in world.server.log().splitlines())
  # Calls that failed in a row have them spared for a minute: another process of the program asks at once.
  llama.start()
  world.server.restart()
  world.admin = world.server.login("admin")
  assert world.score(second)["result"]["ai_validated"] is True
  assert world.results(second)["Paper.Lantern.2019.1080p-GRP"][1] == 1.0


def test_the_engine_speaks_as_llama_server_was_recorded(llama):
  """The shapes and the error that the client's own tests read (tests/fixtures/llama-server)."""
  def shape(value):
    if isinstance(value, dict):
      return {key: shape(part) for key, part in value.items()}
    return [shape(value[0])] if isinstance(value, list) else "number" if isinstance(value, (int, float)) else type(value).__name__
  for name, body in (("v1-embeddings-single", {"input": "hello world", "model": "any-name"}),
                     ("v1-embeddings-batch", {"input": ["hello world", "big buck bunny", "tears of steel"]})):
    status, answer = llama.ask(body)
    assert status == 200 and shape(answer) == shape(json.loads((RECORDED / f"{name}.json").read_text()))
    assert [row["index"] for row in answer["data"]] == list(range(len(answer["data"])))
    assert all(abs(sum(number * number for number in row["embedding"]) - 1) < 1e-4 for row in answer["data"])
  status, answer = llama.ask({"input": ["a " * 600]})
  known = json.loads((RECORDED / "too-long-500.json").read_text())
  assert status == 500 and shape(answer) == shape(known) and re.sub(r"\d+", "N", answer["error"]["message"]) == re.sub(r"\d+", "N", known["error"]["message"])
  assert f"batch size: {TOKENS_MAX}" in answer["error"]["message"]
  for refused in ({"input": []}, {"input": 5}, {}, b"{"):
    assert llama.ask(refused)[0] == 400
  for text in ("", " ", "\0", "\u7d19\U0001f3ee\u0301", "\ufffd"):
    assert llama.vectors(text, "paper") and llama.ask({"input": text})[0] == 200
  assert llama.vectors("Paper Lantern") == llama.vectors("paper  LANTERN")
