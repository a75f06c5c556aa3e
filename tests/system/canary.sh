#!/bin/bash
# What the family said, planted as canaries, is nowhere but in sealed bytes: not in logs, stores, files, on the wire, in
# the environment or the words of a process; and before consent nothing tells how much there is.
exec python3 "$(dirname "$0")/canary.py"
