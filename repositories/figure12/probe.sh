#!/bin/sh
# The smallest agent: says who it is, every INTERVAL seconds.
while :; do
  echo "$NAME of $RAMIFY_PARENT is alive"
  sleep "$INTERVAL"
done
