#!/bin/sh
# Submit a job to the server at ADGLOT_SERVER, whose first job root is /jobs, and wait for its end.
set -e
name=${1:-lotka-volterra}
here=$(dirname "$0")
python "$here/lotka_volterra.py" "/jobs/$name.npy" "${2:-100000}"
exec adglot job submit "$here/lotka_volterra.py:rates" --trace-at "/jobs/$name.npy" \
    --points "$name.npy" --out "$name.zarr" --watch
