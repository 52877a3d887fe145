#!/bin/bash
# Succeed if the server at PORT takes queries: it answers while it starts, too.
set -eu
exec 3<>"/dev/tcp/127.0.0.1/${1:?port}"
printf 'GET /v1/info HTTP/1.0\r\n\r\n' >&3
grep -q '"starting":false' <&3
