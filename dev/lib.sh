# What run, test, bench and .ci/run share: the packages and the build. Sourced by them, from the tree's root.

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

# need_packages LIST...: installs the packages of the named lists that are missing. Runs no apt when none is.
need_packages() {
  local wanted installed missing
  wanted=$(sed 's/#.*//' "$@" | tr -s ' \n' '\n' | sort -u)
  # dpkg-query fails when it does not know one of the names, which is the very case to be found out.
  installed=$({ dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null || true; } | sed -n 's/^installed //p' | sort -u)
  missing=$(comm -23 <(printf '%s\n' $wanted) <(printf '%s\n' $installed))
  [ -n "$missing" ] || return 0
  local root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "these packages are missing, and without sudo only root can install them:" $missing
    root=(sudo)
  fi
  say "installing packages:" $missing
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q update >&2 ||
    say "warning: the package lists could not all be read anew"
  # The daemons among them are started by the tests, with folders of their own; none is to run for the whole machine.
  local policy=/usr/sbin/policy-rc.d ours= status=0
  if [ ! -e "$policy" ]; then
    ours=yes
    "${root[@]}" sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy"
  fi
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $missing >&2 || status=$?
  [ -z "$ours" ] || "${root[@]}" rm -f "$policy"
  [ $status = 0 ] || fail "the packages could not be installed"
}

# build_binary: builds build/sokoul, in release where build/ has not been set up otherwise.
build_binary() {
  local log=build/build.log
  if [ ! -f build/build.ninja ]; then
    mkdir -p build
    say "configuring the build"
    meson setup build -Dtests=false --buildtype=release >build/setup.log 2>&1 ||
      { tail -30 build/setup.log >&2; fail "meson could not set up the build (all of it: build/setup.log)"; }
  fi
  case "$(ninja -C build -n sokoul sokoul-probe 2>/dev/null | tail -1)" in
  *"no work to do"*) return 0 ;;
  esac
  say "building (a few minutes the first time)"
  ninja -C build sokoul sokoul-probe >"$log" 2>&1 || { tail -40 "$log" >&2; fail "the build failed (all of it: $log)"; }
}
