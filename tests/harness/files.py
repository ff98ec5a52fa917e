"""Folders that somebody else is changing meanwhile."""

import os
import pathlib


def files_under(folder, least_bytes=0):
  """Every file of at least that size; what goes while we look is not there."""
  found = []
  for root, _, names in os.walk(folder):
    for name in names:
      path = pathlib.Path(root) / name
      try:
        if path.is_file() and path.stat().st_size >= least_bytes:
          found.append(path)
      except FileNotFoundError:
        pass
  return found
