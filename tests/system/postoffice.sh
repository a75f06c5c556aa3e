#!/bin/bash
# Recipients that only dial out, behind one post office or two: offices that are gone, that lost their store, that cannot
# be reached for more than a quarter of an hour.
exec python3 "$(dirname "$0")/postoffice.py"
