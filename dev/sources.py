"""What the checks share: the tree's own files and the text of C without comments and strings."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"


def tracked(*patterns):
  """The files git tracks, or would with `git add`, as paths from the root; all, or those of the patterns."""
  listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
                          cwd=ROOT, capture_output=True, text=True, check=True).stdout
  return [pathlib.Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


def c_files():
  return sorted(path for path in tracked("src") if path.suffix in (".c", ".h", ".cpp", ".hpp"))


def code_only(text, keep_strings=False):
  """The code with comments (and what stands in strings) blanked; lines keep their numbers."""
  def blank(match):
    piece = match.group(0)
    if piece.startswith("/"):
      return re.sub(r"[^\n]", " ", piece)
    return piece if keep_strings else piece[0] + piece[-1]
  return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def report(problems):
  """Prints the problems; the exit code for them."""
  for problem in problems:
    print(problem)
  return 1 if problems else 0
