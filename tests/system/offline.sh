#!/bin/bash
# The recipient is switched off for a while: what was sent meanwhile waits, is shown as waiting, and arrives exactly once.
exec python3 "$(dirname "$0")/offline.py"
