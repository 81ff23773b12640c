#!/bin/sh
# As root: what Debian has to bring, and a user who is not root.
set -eu
apt-get update -qq
apt-get install -y -qq --no-install-recommends \
  bubblewrap ca-certificates python3 python3-venv >/dev/null
rm -rf /var/lib/apt/lists/*
id learner >/dev/null 2>&1 || useradd --create-home --shell /bin/bash learner
