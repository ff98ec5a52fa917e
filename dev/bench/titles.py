"""Finding a title in a large catalogue in spite of a typing error: the time, and how often the title is found."""

import collections
import random
import re
import sqlite3
import time
import urllib.parse

from common import ROOT, Row
from harness.sokoul import Sokoul

WORKS, ASKED = 100_000, 120
COMMON = "the of and a in night love man day last dark house world life red king girl blood time city lost home star road river".split()


class Titles:
  """Titles whose words have the letters of our own documents in their order: as many different trigrams as real ones."""

  def __init__(self, seed):
    self.random = random.Random(seed)
    text = " ".join(path.read_text() for path in sorted((ROOT / "docs" / "guide").glob("*.md")))
    self.after = collections.defaultdict(list)
    for word in re.findall(r"[a-z]{3,}", text.lower()):
      padded = f"^^{word}$"
      for at in range(len(padded) - 2):
        self.after[padded[at:at + 2]].append(padded[at + 2])
    self.words = [self.word() for _ in range(20_000)]

  def word(self):
    while True:
      word, state = "", "^^"
      while len(word) < 14 and (letter := self.random.choice(self.after[state])) != "$":
        word, state = word + letter, state[1] + letter
      if len(word) >= 4:
        return word

  def title(self):
    return " ".join(self.random.choice(COMMON if self.random.random() < 0.4 else self.words) for _ in range(self.random.choice((1, 2, 2, 3, 3, 4))))

  def wrong(self, title):
    """The title with one letter wrong, missing, too many, or swapped with the next."""
    at, letter = self.random.randrange(len(title) - 1), self.random.choice("abcdefghijklmnopqrstuvwxyz")
    return self.random.choice((title[:at] + letter + title[at + 1:], title[:at] + title[at + 1:], title[:at] + letter + title[at:],
                               title[:at] + title[at + 1] + title[at] + title[at + 2:]))


def fill(server, titles):
  """The catalogue straight into the database, while the server does not run."""
  connection = sqlite3.connect(server.data / "sokoul.db")
  with connection:
    connection.executemany(
      "INSERT INTO media (id, media_type, title, title_folded, titles_folded, year, created_at, updated_at) VALUES (?, 'movie', ?, ?, ?, ?, ?, ?)",
      ((f"01900000-0000-7000-8000-{number:012x}", title, title, f"\n{title}\n", 1900 + number % 125, number, number) for number, title in enumerate(titles)))
  return connection


def any_trigram(connection, text):
  """The same question to the same index, asked plainly: any of the trigrams, the best fifty by FTS5's own rank."""
  match = " OR ".join('"' + text[at:at + 3].replace('"', '""') + '"' for at in range(len(text) - 2))
  rows = connection.execute("SELECT m.title FROM media_titles t JOIN media m ON m.seq = t.rowid WHERE t.titles_folded MATCH ? ORDER BY t.rank LIMIT 50", (match,))
  return [row[0] for row in rows]


def titles(place):
  maker = Titles(7)
  catalogue = [maker.title() for _ in range(WORKS)]
  server = Sokoul(place.new("sokoul"))
  server.admin()
  server.stop()
  connection = fill(server, catalogue)
  server.start()
  client = server.login("admin")
  asked = [(maker.wrong(title), title) for title in maker.random.sample([title for title in catalogue if len(title) >= 5], ASKED)]
  took, found = {"ours": [], "plain": []}, {"ours": 0, "plain": 0}
  with place.running(server):
    for text, title in asked:
      for who, ask in (("ours", lambda: [row["title"] for row in client.ok("GET", f"/media?q={urllib.parse.quote(text)}")["items"]]),
                       ("plain", lambda: any_trigram(connection, text))):
        began = time.perf_counter()
        answer = ask()
        took[who].append(time.perf_counter() - began)
        found[who] += title in answer
  connection.close()
  middle = {who: sorted(times)[len(times) // 2] * 1000 for who, times in took.items()}
  return [Row(f"title with an error among {WORKS:,}, median", "ms", middle["ours"], middle["plain"], "any trigram in FTS5", ASKED),
          Row("of them found", "%", 100 * found["ours"] / ASKED, 100 * found["plain"] / ASKED, "any trigram in FTS5", ASKED, more=True)]
