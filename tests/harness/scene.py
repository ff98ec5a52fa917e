"""A small world for the tests: made-up films and a series, and what indexers and metadata providers say of them."""

from .standins import Jackett, Prowlarr, Release, Tmdb, Torznab, Tvmaze

LANTERN = {"id": 7001, "title": "Paper Lantern", "year": 2019, "runtime": 12, "imdb_id": "tt9900001"}
OLD_LANTERN = {"id": 7002, "title": "Paper Lantern", "year": 1987, "runtime": 95, "imdb_id": "tt9900002"}
RETURNS = {"id": 7003, "title": "Paper Lantern Returns", "year": 2021, "runtime": 101, "imdb_id": "tt9900003"}
HARBOUR = {"id": 7100, "name": "Harbour Lights", "year": 2016, "imdb_id": "tt9900100",
           "seasons": {1: ["The Pilot Boat", "Fog", "Low Water"], 2: ["Return of the Gulls", "Salt", "The Long Pier"]}}
MOVIES, SHOWS = [LANTERN, OLD_LANTERN, RETURNS], [HARBOUR]

GIB = 1 << 30


def made_up_hash(number):
  return f"{number:040x}"


def release(title, number, **options):
  """A release that exists in listings only."""
  return Release(title, info_hash=made_up_hash(number), **options)


def settings_for(torznab=(), prowlarr=None, jackett=None, tmdb=None, tvmaze=None, archive=None):
  """The program's settings for these stand-ins."""
  settings = {}
  if torznab:
    settings["torznab_urls"] = " ".join(indexer.url for indexer in torznab)
  if prowlarr:
    settings.update(prowlarr_url=prowlarr.base, prowlarr_api_key=prowlarr.api_key)
  if jackett:
    settings.update(jackett_url=jackett.base, jackett_api_key=jackett.api_key)
  if tmdb:
    settings.update(tmdb_url=tmdb.url, tmdb_api_key=tmdb.api_key)
  if tvmaze:
    settings.update(tvmaze_url=tvmaze.base)
  if archive:
    settings.update(archive_org_url=archive.base)
  return settings


def metadata(keep):
  return keep(Tmdb(MOVIES, SHOWS)), keep(Tvmaze(SHOWS))


__all__ = ["GIB", "HARBOUR", "Jackett", "LANTERN", "MOVIES", "OLD_LANTERN", "Prowlarr", "RETURNS", "Release", "SHOWS", "Tmdb", "Torznab", "Tvmaze",
           "made_up_hash", "metadata", "release", "settings_for"]
