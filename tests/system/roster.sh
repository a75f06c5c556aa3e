#!/bin/bash
# The roster lives: it grows while referrals are on their way, never goes back, never forks, and can expire.
exec python3 "$(dirname "$0")/roster.py"
