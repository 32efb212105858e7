#!/bin/sh
# Start the repository server: `serve.sh PYTHON`. The parameters of component.yml are environment variables.
if [ -n "$PROJECT" ]; then
    if [ -z "$RAMIFY_INTERPRETER" ]; then
        echo "PROJECT needs RAMIFY_INTERPRETER: an interpreter on this host that has Ramify" >&2
        exit 1
    fi
    exec "$RAMIFY_INTERPRETER" -m ramify -v -C "$PROJECT" repo serve --host "$ADDRESS" --port "$PORT"
fi
if [ -n "$RAMIFY_INTERPRETER" ]; then
    exec "$RAMIFY_INTERPRETER" -I serve.py "$SNAPSHOT" "$ADDRESS" "$PORT"
fi
# Without site packages: the snapshot has all that is needed.
exec "$1" -I -S serve.py "$SNAPSHOT" "$ADDRESS" "$PORT" lib
