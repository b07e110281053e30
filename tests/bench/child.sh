#!/bin/sh
# The benchmarks' child: says that it runs on the FIFO $1, gets "ready" after $2 seconds, stays until it is killed.
echo up >"$1"
[ "$2" = 0 ] || sleep "$2"
echo ready
read -r _ <"$3"
