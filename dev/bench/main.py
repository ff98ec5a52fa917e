#!/usr/bin/python3
"""Runs the measurements named on the command line, or all of them; called by ./bench.

Every figure stands beside its peer's of the same run: alone it means nothing, as the same machine gives others at another hour.
"""

import os
import signal
import sys
import time

from common import Place
import backups
import cluster
import floods
import program
import swarms
import titles
import web

MEASUREMENTS = {"http": web.http, "login": floods.login, "stream": web.stream, "play": swarms.play, "download": swarms.download, "parser": program.parser,
                "memory": program.memory, "start": program.start, "titles": titles.titles,
                "backup": backups.backups, "cluster": cluster.cluster}
LIMIT_SECONDS = 390
HEAD = ("what", "ours", "peer", "ratio", "n")


def stop(number, _frame):
  raise KeyboardInterrupt("the run took too long" if number == signal.SIGALRM else "ended from outside")


def figure(value):
  return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def cells(row):
  return (row.what, f"{figure(row.ours)} {row.unit}", f"{figure(row.peer)} {row.unit} ({row.peer_name})",
          f"{row.ratio:.2f}" if row.ratio else "-", str(row.n))


def table(rows):
  lines = [HEAD, *map(cells, rows)]
  widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
  rule = ["-" * width for width in widths]
  for line in (lines[0], rule, *lines[1:]):
    print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")


def measure(name):
  """(rows, whether all went well); what it started is ended in any case."""
  print(f"measuring {name}", file=sys.stderr, flush=True)
  place = Place()
  try:
    return MEASUREMENTS[name](place), True
  except Exception as problem:  # one that fails must not hide the others
    print(f"  {name} failed: {type(problem).__name__}: {problem}", file=sys.stderr)
    return [], False
  finally:
    place.end()


def main(arguments):
  if arguments == ["--list"]:
    print("\n".join(MEASUREMENTS))
    return 0
  unknown = [name for name in arguments if name not in MEASUREMENTS]
  if unknown:
    print(f"bench: there is no {unknown[0]}; there are: {' '.join(MEASUREMENTS)}", file=sys.stderr)
    return 2
  for number in (signal.SIGALRM, signal.SIGTERM):
    signal.signal(number, stop)
  signal.alarm(LIMIT_SECONDS)
  began, rows, well = time.monotonic(), [], True
  try:
    for name in arguments or MEASUREMENTS:
      more, good = measure(name)
      rows += more
      well = well and good
  except KeyboardInterrupt as reason:
    print(f"bench: {reason or 'interrupted'}", file=sys.stderr)
    well = False
  table(rows)
  print(f"\nratio: how many times better ours is than the peer in this run (1.00: equal; more is better). The best of n rounds counts.\n"
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {time.monotonic() - began:.0f} s in all.")
  return 0 if well else 1


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
