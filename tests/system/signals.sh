#!/bin/bash
# How the daemon lives and ends: signals under load, reload, one daemon a folder, modes, versions, settings.
exec python3 "$(dirname "$0")/signals.py"
