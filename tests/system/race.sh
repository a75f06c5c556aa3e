#!/bin/bash
# race.sh [ROUNDS]: a stop against openings; in the order of commits no opening comes after the stop. RACE_SEED=N.
exec python3 "$(dirname "$0")/race.py" "${1:-1000}"
