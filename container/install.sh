#!/bin/sh
# As an ordinary user: the course of the checkout SOURCE, in an environment in HOME.
#   container/install.sh SOURCE
set -eu
source=$1
${PYTHON:-python3} -m venv "$HOME/.venv"
"$HOME/.venv/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check \
  --constraint "$source/constraints.txt" "$source[course]"
# A volume that is put here belongs to the user; JupyterLab answers from outside, with a token.
mkdir -p "$HOME/tlkeras-course" "$HOME/.jupyter"
printf '{"ServerApp": {"ip": "0.0.0.0", "open_browser": false}}\n' \
  >"$HOME/.jupyter/jupyter_server_config.json"
