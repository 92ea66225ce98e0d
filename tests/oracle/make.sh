#!/bin/sh
# Makes every fixture again and checks it: tests/oracle/make.sh
# Needs Python 3.11 or later with venv, and a few gigabytes of room for torch, in .cache/ at the repository's root.
set -eu
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
venv=${ORACLE_VENV:-$root/.cache/oracle}
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install -r requirements.txt
fi
for program in models check checkpoints adapters quant tokenizer sentence_piece pre_tokenizer chat families expressions; do
    echo "== $program"
    "$venv/bin/python" "$program.py"
done
