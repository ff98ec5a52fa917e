"""Stand-ins for the providers, over HTTP on loopback: they answer in the recorded shapes, about our own films.

Each is a server of its own, so that one can fail while the others answer. `fault` switches what a server does:
None, "500", "slow", "late", "endless", "garbage", "html", "truncated", "close", "redirect-loop", "429", "401", "xml-error",
"redirect-private", "huge-header". `calls` keeps the paths asked for, `heads` the headers that came with them.
"""

import base64
import datetime
import email.utils
import http.server
import json
import re
import socketserver
import threading
import urllib.parse
import zlib
from xml.sax.saxutils import escape, quoteattr

SLOW_SECONDS = 120
LATE_SECONDS = 0.3


class _Handler(http.server.BaseHTTPRequestHandler):
  protocol_version = "HTTP/1.1"
  disable_nagle_algorithm = True  # head and body are written one after the other: 40 ms for each answer otherwise
  standin = None

  def log_message(self, *_):
    pass

  def reply(self, status, content_type, body, headers=None):
    body = body if isinstance(body, bytes) else body.encode()
    self.send_response(status)
    self.send_header("Content-Type", content_type)
    self.send_header("Content-Length", str(len(body)))
    for name, value in (headers or {}).items():
      self.send_header(name, value)
    self.end_headers()
    self.wfile.write(body)

  def json(self, value, status=200):
    self.reply(status, "application/json; charset=utf-8", json.dumps(value))

  def redirect(self, where, status=302):
    self.reply(status, "text/plain", b"", {"Location": where})

  def do_GET(self):
    standin = self.standin
    self.url = urllib.parse.urlsplit(self.path)
    self.query = urllib.parse.parse_qs(self.url.query, keep_blank_values=True)
    standin.calls.append(self.path)
    standin.heads.append(dict(self.headers))
    try:
      if not (standin.fault and self.misbehave(standin.fault)):
        standin.answer(self, self.url.path)
    except (BrokenPipeError, ConnectionResetError):
      pass

  def first(self, name, default=""):
    return self.query.get(name, [default])[0]

  def misbehave(self, fault):
    """True when the fault has taken the place of the answer."""
    if fault == "500":
      self.reply(500, "text/html", "<h1>Internal Server Error</h1>")
    elif fault == "429":
      self.reply(429, "text/plain", "slow down", {"Retry-After": "3600"})
    elif fault == "401":
      self.reply(401, "text/plain", "")
    elif fault == "slow":
      self.standin.stopping.wait(SLOW_SECONDS)
      self.close_connection = True
    elif fault == "late":
      self.standin.stopping.wait(LATE_SECONDS)
      return False
    elif fault == "endless":
      self.send_response(200)
      self.send_header("Content-Type", "application/rss+xml")
      self.end_headers()
      self.wfile.write(b'<?xml version="1.0"?><rss><channel>')
      while not self.standin.stopping.is_set():
        self.wfile.write(b"<item><title>more</title></item>" * 2048)
    elif fault == "garbage":
      self.reply(200, "application/rss+xml", bytes(range(256)) * 64)
    elif fault == "html":
      self.reply(200, "text/html", "<html><body><form>Please log in</form></body></html>")
    elif fault == "truncated":
      self.send_response(200)
      self.send_header("Content-Type", "application/json")
      self.send_header("Content-Length", "100000")
      self.end_headers()
      self.wfile.write(b'{"page":1,"results":[{"id":')
      self.close_connection = True
    elif fault == "close":
      self.close_connection = True
    elif fault == "redirect-loop":
      self.redirect(self.path)
    elif fault == "redirect-private":
      self.redirect("http://127.0.0.1:1/latest/meta-data/")
    elif fault.startswith("redirect:"):
      self.redirect(fault.removeprefix("redirect:"))
    elif fault == "xml-error":
      self.reply(200, "application/xml", '<?xml version="1.0"?><error code="100" description="Incorrect user credentials"/>')
    elif fault == "huge-header":
      self.reply(200, "application/json", "{}", {"X-Fill": "x" * 500_000})
    else:
      raise AssertionError(fault)
    return True


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
  daemon_threads = True
  request_queue_size = 64

  def handle_error(self, *_):
    pass


class Standin:
  def __init__(self, fault=None, port=0):
    self.fault, self.calls, self.heads, self.stopping = fault, [], [], threading.Event()
    self.server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"standin": self}))
    self.port = self.server.server_port
    self.base = f"http://127.0.0.1:{self.port}"
    threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

  @property
  def name(self):
    return f"127.0.0.1:{self.port}"

  def answer(self, request, path):
    request.reply(404, "text/plain", "no such thing")

  def kill(self):
    self.stopping.set()
    self.server.shutdown()
    self.server.server_close()


class Embeddings(Standin):
  """llama.cpp's server, as far as it is asked: texts with the same words have the same direction."""

  def __init__(self, **options):
    super().__init__(**options)
    self.texts = []
    self.server.RequestHandlerClass.do_POST = self.embed

  @staticmethod
  def embed(request):
    asked = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
    request.standin.texts += asked["input"]
    vectors = []
    for text in asked["input"]:
      vector = [0.0] * 64
      for word in re.findall(r"\w+", text.lower()):
        vector[zlib.crc32(word.encode()) % 64] += 1
      vectors.append(vector)
    request.json({"object": "list", "data": [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]})


class Release:
  """What an indexer knows of one release. `torrent`: a harness.torrents.Torrent, or None with `info_hash`."""

  def __init__(self, title, torrent=None, info_hash=None, size=None, seeders=10, leechers=2, category=2000, age_days=100,
               link="torrent", peers=(), guid=None, hash_style="lower", **attributes):
    self.title, self.torrent, self.link, self.peers = title, torrent, link, peers
    self.info_hash = torrent.info_hash if torrent else info_hash
    self.size = size if size is not None else torrent.size if torrent else 1_500_000_000
    self.seeders, self.leechers, self.category, self.age_days = seeders, leechers, category, age_days
    self.guid, self.hash_style, self.attributes = guid or f"{title}-{self.info_hash}", hash_style, attributes

  def magnet(self):
    if self.torrent:
      return self.torrent.magnet(self.peers)
    return f"magnet:?xt=urn:btih:{self.info_hash}&dn={urllib.parse.quote(self.title)}"

  def hash_text(self):
    if not self.info_hash:
      return None
    if self.hash_style == "base32":
      return base64.b32encode(bytes.fromhex(self.info_hash)).decode()
    return self.info_hash.upper() if self.hash_style == "upper" else self.info_hash

  def published(self):
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=self.age_days)

  def fits(self, query):
    """As most indexers do: every word of the query is in the name."""
    words = re.findall(r"\w+", query.lower())
    have = set(re.findall(r"\w+", self.title.lower()))
    return all(word in have for word in words)


class Indexer(Standin):
  """What Torznab, Jackett and Prowlarr share: a list of releases and their downloads."""

  def __init__(self, releases=(), fault=None, api_key="k3y", match_all=False, port=0):
    super().__init__(fault, port)
    self.releases, self.api_key, self.match_all = list(releases), api_key, match_all

  def found(self, query):
    return [release for release in self.releases if self.match_all or release.fits(query)]

  def download_url(self, release):
    return f"{self.base}/dl/{self.releases.index(release)}?apikey={self.api_key}"

  def link_of(self, release):
    return release.magnet() if release.link == "magnet" else self.download_url(release)

  def download(self, request, path):
    release = self.releases[int(path.rsplit("/", 1)[1])]
    if release.link == "redirect" or not release.torrent:
      request.redirect(release.magnet())
    elif release.link == "loop":
      request.redirect(request.path)
    elif release.link == "html":
      request.reply(200, "text/html", "<html>log in</html>")
    else:
      request.reply(200, "application/x-bittorrent", release.torrent.bytes())

  def torznab(self, request):
    kind = request.first("t")
    if kind == "caps":
      request.reply(200, "application/xml", TORZNAB_CAPS)
      return
    if request.first("apikey") != self.api_key:
      request.reply(200, "application/xml", '<?xml version="1.0" encoding="UTF-8"?>\n<error code="100" description="Invalid API Key" />')
      return
    query = request.first("q")
    if request.first("season"):
      episode = request.first("ep")
      query += f" S{int(request.first('season').lstrip('S')):02d}" + (f"E{int(episode):02d}" if episode else "")
    request.reply(200, "application/rss+xml; charset=utf-8", self.feed(self.found(query)))

  def feed(self, releases):
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" '
            'xmlns:torznab="http://torznab.com/schemas/2015/feed"><channel><title>stand-in</title>'
            + "".join(map(self.item, releases)) + "</channel></rss>")

  def item(self, release):
    attributes = {"category": release.category, "seeders": release.seeders, "peers": release.seeders + release.leechers,
                  "infohash": release.hash_text(), "magneturl": release.magnet() if release.link == "magnet" else None,
                  **release.attributes}
    attrs = "".join(f"<torznab:attr name={quoteattr(name)} value={quoteattr(str(value))} />"
                    for name, value in attributes.items() if value is not None)
    link = escape(self.link_of(release))
    return (f"<item><title>{escape(release.title)}</title><guid>{escape(release.guid)}</guid>"
            f"<pubDate>{email.utils.format_datetime(release.published())}</pubDate><size>{release.size}</size>"
            f"<link>{link}</link><category>{release.category}</category>"
            f"<enclosure url={quoteattr(self.link_of(release))} length=\"{release.size}\" type=\"application/x-bittorrent\" />{attrs}</item>")


TORZNAB_CAPS = """<?xml version="1.0" encoding="UTF-8"?>
<caps><server title="stand-in" /><limits max="100" default="100" />
<searching><search available="yes" supportedParams="q" /><tv-search available="yes" supportedParams="q,season,ep" />
<movie-search available="yes" supportedParams="q,year" /></searching>
<categories><category id="2000" name="Movies"><subcat id="2040" name="Movies/HD" /></category>
<category id="5000" name="TV"><subcat id="5040" name="TV/HD" /></category></categories></caps>"""


class Torznab(Indexer):
  @property
  def url(self):
    return f"{self.base}/api?apikey={self.api_key}"

  def answer(self, request, path):
    if path.startswith("/dl/"):
      self.download(request, path)
    elif path == "/api":
      self.torznab(request)
    else:
      super().answer(request, path)


class Jackett(Indexer):
  def answer(self, request, path):
    if path.startswith("/dl/"):
      self.download(request, path)
    elif re.fullmatch(r"/api/v2.0/indexers/[^/]+/results/torznab(/api)?/?", path):
      self.torznab(request)
    else:
      super().answer(request, path)


class Prowlarr(Indexer):
  """Its own API: camelCase JSON, nulls left out, every link a proxy of its own, redirects to magnet with 301."""

  def answer(self, request, path):
    if path == "/ping":
      request.json({"status": "OK"})
      return
    key = request.headers.get("X-Api-Key") or request.first("apikey")
    if key != self.api_key:
      request.reply(401, "text/plain", "")
    elif path.startswith("/dl/"):
      self.download(request, path)
    elif path == "/api/v1/system/status":
      request.json({"appName": "Prowlarr", "version": "2.0.5.5160", "branch": "master", "urlBase": ""})
    elif path == "/api/v1/indexer":
      request.json([{"id": 1, "name": "Indexer A", "protocol": "torrent", "privacy": "public", "enable": True,
                     "supportsSearch": True, "priority": 25, "fields": []}])
    elif path == "/api/v1/search":
      query = re.sub(r"\{(\w+):([^}]*)\}", lambda m: self.token(m.group(1), m.group(2)), request.first("query"))
      request.json([self.row(release) for release in self.found(query)])
    else:
      super().answer(request, path)

  @staticmethod
  def token(name, value):
    return {"season": f"S{int(value):02d}" if value.isdigit() else "", "year": value}.get(name.lower(), "")

  def row(self, release):
    row = {"guid": release.guid, "age": release.age_days, "ageHours": release.age_days * 24.0, "ageMinutes": release.age_days * 1440.0,
           "size": release.size, "indexerId": 1, "indexer": "Indexer A", "title": release.title, "sortTitle": release.title.lower(),
           "imdbId": 0, "tmdbId": 0, "tvdbId": 0, "tvMazeId": 0, "publishDate": release.published().strftime("%Y-%m-%dT%H:%M:%SZ"),
           "downloadUrl": self.download_url(release), "indexerFlags": [], "categories": [{"id": release.category, "subCategories": []}],
           "infoHash": release.hash_text(), "seeders": release.seeders, "leechers": release.leechers, "protocol": "torrent",
           "fileName": release.title + ".torrent"}
    if release.link in ("magnet", "redirect"):
      row["magnetUrl"] = row.pop("downloadUrl")
    return {name: value for name, value in row.items() if value is not None}


class Tmdb(Standin):
  """`movies`: dicts with id, title, year, runtime?, imdb_id?; `shows`: id, name, year, seasons {number: [episode name...]}."""

  def __init__(self, movies=(), shows=(), fault=None, api_key="0123456789abcdef0123456789abcdef"):
    super().__init__(fault)
    self.movies, self.shows, self.api_key = list(movies), list(shows), api_key

  @property
  def url(self):
    return self.base + "/3"

  def answer(self, request, path):
    path = path.removeprefix("/3")
    authorized = request.first("api_key") == self.api_key or request.headers.get("Authorization") == f"Bearer {self.api_key}"
    if not authorized:
      request.json({"success": False, "status_code": 7, "status_message": "Invalid API key: You must be granted a valid key."}, 401)
    elif path == "/configuration":
      request.json({"images": {"base_url": "http://image.tmdb.org/t/p/", "secure_base_url": "https://image.tmdb.org/t/p/",
                               "poster_sizes": ["w92", "w342", "w500", "original"], "backdrop_sizes": ["w780", "w1280", "original"]}})
    elif path == "/authentication":
      request.json({"success": True, "status_code": 1, "status_message": "Success."})
    elif path == "/search/movie":
      self.list(request, [self.movie(row) for row in self.movies if self.fits(request, row["title"], row["year"])])
    elif path == "/search/tv":
      self.list(request, [self.show(row) for row in self.shows if self.fits(request, row["name"], row["year"])])
    elif path == "/search/multi":
      self.list(request, [{**self.movie(row), "media_type": "movie"} for row in self.movies if self.fits(request, row["title"], None)]
                + [{**self.show(row), "media_type": "tv"} for row in self.shows if self.fits(request, row["name"], None)])
    elif match := re.fullmatch(r"/movie/(\d+)", path):
      self.details(request, self.movies, int(match[1]), self.movie_details)
    elif match := re.fullmatch(r"/tv/(\d+)", path):
      self.details(request, self.shows, int(match[1]), self.show_details)
    elif match := re.fullmatch(r"/tv/(\d+)/season/(\d+)", path):
      self.details(request, self.shows, int(match[1]), lambda row: self.season(row, int(match[2])))
    elif path.startswith("/find/"):
      wanted = path.split("/")[2]
      request.json({"movie_results": [self.movie(row) for row in self.movies if row.get("imdb_id") == wanted], "tv_results": [],
                    "person_results": [], "tv_season_results": [], "tv_episode_results": []})
    else:
      self.missing(request)

  @staticmethod
  def missing(request):
    request.json({"success": False, "status_code": 34, "status_message": "The resource you requested could not be found."}, 404)

  @staticmethod
  def fits(request, title, year):
    asked_year = request.first("year") or request.first("primary_release_year") or request.first("first_air_date_year")
    words = re.findall(r"\w+", request.first("query").lower())
    return set(words) <= set(re.findall(r"\w+", title.lower())) and (not asked_year or year is None or int(asked_year) == year)

  @staticmethod
  def list(request, rows):
    request.json({"page": 1, "results": rows, "total_pages": 1, "total_results": len(rows)})

  def details(self, request, rows, wanted, shape):
    for row in rows:
      if row["id"] == wanted:
        value = shape(row)
        if value is not None:
          request.json(value)
          return
    self.missing(request)

  @staticmethod
  def movie(row):
    return {"adult": False, "backdrop_path": "/back.jpg", "genre_ids": [18], "id": row["id"], "original_language": "en",
            "original_title": row.get("original_title", row["title"]), "overview": row.get("overview", "A film made for a test."), "popularity": 5.1,
            "poster_path": "/poster.jpg", "release_date": f"{row['year']}-05-04", "title": row["title"], "video": False,
            "vote_average": 7.1, "vote_count": 120}

  def movie_details(self, row):
    basic = self.movie(row)
    del basic["genre_ids"]
    return {**basic, "genres": [{"id": 18, "name": "Drama"}], "runtime": row.get("runtime", 90), "imdb_id": row.get("imdb_id", ""),
            "status": "Released", "tagline": "", "external_ids": {"imdb_id": row.get("imdb_id")},
            "credits": {"cast": [], "crew": []}, "images": {"posters": [], "backdrops": []}}

  @staticmethod
  def show(row):
    return {"backdrop_path": None, "first_air_date": f"{row['year']}-09-24", "genre_ids": [35], "id": row["id"], "name": row["name"],
            "origin_country": ["US"], "original_language": "en", "original_name": row["name"], "overview": "A series made for a test.",
            "popularity": 3.2, "poster_path": "/poster.jpg", "vote_average": 8.0, "vote_count": 55}

  def show_details(self, row):
    basic = self.show(row)
    del basic["genre_ids"]
    seasons = [{"air_date": f"{row['year']}-09-24", "episode_count": len(names), "id": 100 + number, "name": f"Season {number}",
                "overview": "", "poster_path": None, "season_number": number} for number, names in row["seasons"].items()]
    return {**basic, "genres": [{"id": 35, "name": "Comedy"}], "episode_run_time": [], "number_of_seasons": len(seasons),
            "number_of_episodes": sum(len(names) for names in row["seasons"].values()), "seasons": seasons, "status": "Ended",
            "external_ids": {"imdb_id": row.get("imdb_id"), "tvdb_id": None}}

  @staticmethod
  def season(row, number):
    names = row["seasons"].get(number)
    if names is None:
      return None
    return {"_id": "x", "air_date": f"{row['year']}-09-24", "name": f"Season {number}", "overview": "", "id": 100 + number,
            "poster_path": None, "season_number": number,
            "episodes": [{"air_date": f"{row['year']}-10-{at:02d}", "episode_number": at, "id": 1000 * number + at, "name": name, "overview": "",
                          "runtime": row.get("runtime", 22), "season_number": number, "still_path": None, "vote_average": 7.5, "vote_count": 3,
                          "crew": [], "guest_stars": []} for at, name in enumerate(names, 1)]}


class Tvmaze(Standin):
  """`shows` as for Tmdb."""

  def __init__(self, shows=(), fault=None):
    super().__init__(fault)
    self.shows = list(shows)

  def answer(self, request, path):
    words = set(re.findall(r"\w+", request.first("q").lower()))
    fitting = [row for row in self.shows if words and words <= set(re.findall(r"\w+", row["name"].lower()))]
    if path == "/search/shows":
      request.json([{"score": 0.9, "show": self.show(row)} for row in fitting])
    elif path == "/singlesearch/shows" and fitting:
      request.json(self.with_episodes(fitting[0]))
    elif match := re.fullmatch(r"/shows/(\d+)(/episodes)?", path):
      row = next((row for row in self.shows if row["id"] == int(match[1])), None)
      if row is None:
        request.json({"name": "Not Found", "message": "", "code": 0, "status": 404}, 404)
      else:
        request.json(self.episodes(row) if match[2] else self.with_episodes(row))
    else:
      request.json({"name": "Not Found", "message": "", "code": 0, "status": 404}, 404)

  @staticmethod
  def show(row):
    return {"id": row["id"], "url": f"https://www.tvmaze.com/shows/{row['id']}/x", "name": row["name"], "type": "Scripted", "language": "English",
            "genres": ["Comedy"], "status": "Ended", "runtime": 30, "averageRuntime": 30, "premiered": f"{row['year']}-09-24", "ended": None,
            "officialSite": None, "schedule": {"time": "20:00", "days": ["Monday"]}, "rating": {"average": 8.1}, "weight": 50,
            "network": None, "webChannel": None, "externals": {"tvrage": None, "thetvdb": None, "imdb": row.get("imdb_id")}, "image": None,
            "summary": "<p>A series made for a test.</p>", "updated": 1573667713, "_links": {"self": {"href": "x"}}}

  @staticmethod
  def episodes(row):
    return [{"id": 1000 * number + at, "url": "x", "name": name, "season": number, "number": at, "airdate": f"{row['year']}-10-{at:02d}",
             "airtime": "20:00", "airstamp": f"{row['year']}-10-{at:02d}T00:00:00+00:00", "runtime": 30, "image": None, "summary": None}
            for number, names in row["seasons"].items() for at, name in enumerate(names, 1)]

  def with_episodes(self, row):
    return {**self.show(row), "_embedded": {"episodes": self.episodes(row)}}


class Archive(Standin):
  """The Internet Archive. `items`: dicts with identifier, title, year, torrent (a Torrent) and downloads?."""

  def __init__(self, items=(), fault=None):
    super().__init__(fault)
    self.items = list(items)

  def answer(self, request, path):
    if path == "/advancedsearch.php":
      words = set(re.findall(r"\w+", request.first("q").lower()))
      docs = [self.doc(item) for item in self.items if set(re.findall(r"\w+", item["title"].lower())) <= words]
      request.json({"responseHeader": {"status": 0, "QTime": 5, "params": {}}, "response": {"numFound": len(docs), "start": 0, "docs": docs}})
    elif match := re.fullmatch(r"/metadata/([^/]+)", path):
      item = next((item for item in self.items if item["identifier"] == match[1]), None)
      request.json(self.metadata(item) if item else {})
    elif match := re.fullmatch(r"/download/([^/]+)/(.+)_archive\.torrent", path):
      item = next(item for item in self.items if item["identifier"] == match[1])
      request.reply(200, "application/x-bittorrent", item["torrent"].bytes())
    else:
      super().answer(request, path)

  @staticmethod
  def doc(item):
    return {"identifier": item["identifier"], "title": item["title"], "year": str(item["year"]), "mediatype": "movies",
            "btih": item["torrent"].info_hash, "item_size": item["torrent"].size, "downloads": item.get("downloads", 1000),
            "format": ["Archive BitTorrent", "h.264"], "publicdate": "2015-08-04T12:00:00Z"}

  @staticmethod
  def metadata(item):
    torrent = item["torrent"]
    return {"created": 1, "d1": "127.0.0.1", "dir": "/1/items/x", "files_count": 2, "item_size": torrent.size,
            "files": [{"name": torrent.content.name, "source": "original", "format": "h.264", "size": str(torrent.size), "length": "4.0"},
                      {"name": f"{item['identifier']}_archive.torrent", "source": "metadata", "format": "Archive BitTorrent", "btih": torrent.info_hash}],
            "metadata": {"identifier": item["identifier"], "title": item["title"], "year": str(item["year"]), "mediatype": "movies"}}
