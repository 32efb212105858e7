# The service: measures the load of its host, for ever. Ramify gives it a folder for its data, and keeps what
# it prints in a log.
file="$RAMIFY_DATA/load"
echo "$RAMIFY_PATH measures every $INTERVAL s into $file"
while :; do
    if [ -r /proc/loadavg ]; then
        read -r load _ </proc/loadavg
    else
        load=$(uptime | sed 's/.*average[s]*: *//; s/[, ].*//')
    fi
    echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $LABEL $load" >>"$file"
    # A sensor runs for years: keep the last thousand.
    tail -n 1000 "$file" >"$file.new" && mv "$file.new" "$file"
    sleep "$INTERVAL"
done
