#!/bin/sh
# run.sh DIR SECONDS NAME - runs the fuzz target DIR/NAME that long from its seeds; one line if all is well, its log and
# the finding's path (DIR/found/) if not.
set -u
dir=$1 seconds=$2 name=$3
corpus=$dir/corpus/$name
mkdir -p "$corpus" "$dir/found"
UBSAN_OPTIONS=print_stacktrace=1 "$dir/$name" -max_total_time="$seconds" -max_len=65536 -len_control=0 -timeout=10 \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$dir/found/$name-" "$corpus" "$dir/seeds/$name" \
    >"$dir/$name.log" 2>&1
status=$?
execs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$name.log")
if [ $status -ne 0 ] || [ -z "$execs" ]; then
    echo "fuzz $name: FOUND (exit $status), see $dir/$name.log and $dir/found/"
    tail -n 30 "$dir/$name.log"
    exit 1
fi
echo "fuzz $name: $execs execs, ok"
