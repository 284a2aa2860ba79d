# shellcheck shell=bash
# Builds programs from the Go module proxy. Sourced after cache.sh.

# go_program NAME PACKAGE VERSION VERSION_VARIABLE: sets PROGRAM to the path of the executable.
#
# Each program gets a module of its own: `go install` would refuse those whose go.mod holds
# replace lines. VERSION_VARIABLE is the Go variable in which the program keeps its own version.
go_program() {
  local name=$1 package=$2 version=$3 variable=$4
  local log=$CACHE/log/go-$name.log
  PROGRAM=$CACHE/$name/$version/$name
  [[ -x $PROGRAM ]] || lock "$name"
  if [[ ! -x $PROGRAM ]]; then
    need go "install Go $GO_LANGUAGE or newer"
    scratch_dir
    say "building $version with $(go env GOVERSION), up to 2 min with a cold Go cache"
    (
      cd "$SCRATCH"
      printf 'module catalyst.test/%s\n\ngo %s\n' "$name" "$GO_LANGUAGE" >go.mod
      export GOWORK=off GOTOOLCHAIN=local CGO_ENABLED=0
      nice go get -tool "$package@$version"
      nice go build -buildvcs=false -trimpath -ldflags "-s -w -X $variable=$version" \
        -o "$name" "$package"
    ) >"$log" 2>&1 9>&- || fail_with_log "$log" "$name $version could not be built"
    mkdir -p "$(dirname "$PROGRAM")"
    mv -f "$SCRATCH/$name" "$PROGRAM"
  fi
  ln -sfn "$PROGRAM" "$CACHE/bin/$name"
}
