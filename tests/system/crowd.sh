#!/bin/bash
# A crowd at the peers' port that says nothing: staff are answered, and the members' mail goes on.
exec python3 "$(dirname "$0")/crowd.py"
