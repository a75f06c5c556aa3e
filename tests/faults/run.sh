#!/bin/bash
# run.sh [PART...]: the fault tests, one after the other. TOOLS names the folder of disk.sh and nets.sh; without it the
# parts that need a disk or a network of their own are skipped, and it is said. BUILD names the folder of both programs.
cd "$(dirname "$0")" || exit 2
[ "$(id -u)" = 0 ] || { echo "faults: mounts, namespaces and strace need root" >&2; exit 2; }
: "${BUILD:?the folder with tasuki and tasukid}"
export BUILD TOOLS PYTHONDONTWRITEBYTECODE=1
declare -A NEEDS=([powerloss]=disk.sh [eio]= [full]= [thin]=disk.sh [partition]=nets.sh [parcels]= [flips]=)
passed=0 failed=0 skipped=0

skip() { echo "faults $1: SKIPPED - $2" | tee /dev/stderr; skipped=$((skipped + 1)); }

for part in ${*:-powerloss eio full thin partition parcels flips}; do
    [ -n "${NEEDS[$part]+known}" ] || { echo "faults: there is no part '$part'" >&2; exit 2; }
    need=${NEEDS[$part]}
    [ -z "$need" ] || [ -x "${TOOLS:-}/$need" ] || { skip "$part" "there is no $need in '${TOOLS:-}'; make faults TOOLS=DIR"; continue; }
    python3 "$part.py" >"$BUILD/faults-$part.log" 2>&1
    case $? in
    0) passed=$((passed + 1)); grep -E "^(LIMIT|faults)" "$BUILD/faults-$part.log" ;;
    77) skip "$part" "$(tail -n 1 "$BUILD/faults-$part.log" | sed 's/.*SKIPPED - //')" ;;
    *) failed=$((failed + 1)); echo "faults $part: FAILED"; tail -n 40 "$BUILD/faults-$part.log" ;;
    esac
done
[ $skipped = 0 ] || echo "faults: $skipped parts were SKIPPED"
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
