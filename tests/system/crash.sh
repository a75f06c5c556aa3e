#!/bin/bash
# crash.sh [ROUNDS]: the sender, the recipient or the post office dies of kill -9 at its n-th fdatasync or send in the
# middle of a step, and comes back. CRASH_SEED=N plays a run again.
command -v strace >/dev/null || { echo "there is no strace" >&2; exit 1; }
exec python3 "$(dirname "$0")/crash.py" "${1:-200}"
