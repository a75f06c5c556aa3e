#!/bin/bash
# A transport that has got stuck: the node notices, starts itself anew in the same process, and the mail goes on.
exec python3 "$(dirname "$0")/stuck.py"
