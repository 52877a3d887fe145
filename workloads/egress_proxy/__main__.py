"""`python -m workloads.egress_proxy`: squid, until SIGTERM.

Exit codes: 0 told to end, 1 squid ended or a stand-in was not found, 2 bad settings or a bad list of hosts.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

import structlog
from pydantic import ValidationError

from workloads.egress_proxy import credentials
from workloads.egress_proxy.config import Place, squid_conf
from workloads.egress_proxy.record import Recorder
from workloads.egress_proxy.settings import ProxySettings
from workloads.kit import health, log
from workloads.kit.contracts.declared.egress_proxy import EGRESS_PROXY
from workloads.kit.contracts.egress import Egress
from workloads.kit.settings import load

_RESOLVE_SECONDS = 60
_ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    log.configure(EGRESS_PROXY.name)
    settings = load(ProxySettings)
    try:
        egress = Egress.model_validate_json(settings.egress_file.read_bytes())
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            place = ".".join(map(str, problem["loc"]))
            print(f"{settings.egress_file}: {place}: {problem['msg']}", file=sys.stderr)
        return 2
    recorder = Recorder(egress.clients)
    # As a file: squid starts it in a directory of its own choice, where no package of ours is found.
    authenticate = (sys.executable, "-I", credentials.__file__, str(settings.egress_secrets_dir))
    place = Place(
        hosts=settings.scratch_dir / "hosts",
        authenticate=authenticate,
        log_port=recorder.port,
        scratch=settings.scratch_dir,
        port=settings.egress_port,
        connects_to=settings.egress_connects_to,
    )
    try:
        place.hosts.write_text("".join(f"{_address(at)} {name}\n" for name, at in egress.resolve.items()))
    except OSError as error:
        structlog.get_logger(__name__).error("failed", error=str(error))
        return 1
    file = settings.scratch_dir / "squid.conf"
    file.write_text(squid_conf(egress, place), encoding="utf-8")
    return _run(settings, file)


def _run(settings: ProxySettings, file: Path) -> int:
    stopping = threading.Event()
    squid = subprocess.Popen(
        # In the foreground; level 0 of its own log is what goes wrong.
        [settings.squid, "-N", "-d", "0", "-f", file],
        cwd=_ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert squid.stderr is not None, "it is a pipe"
    threading.Thread(target=_relay, args=(squid.stderr,), name="squid", daemon=True).start()

    def stop(*_: object) -> None:
        stopping.set()
        squid.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)

    def alive() -> tuple[bool, str]:
        return squid.poll() is None, f"squid: {squid.poll() or 'runs'}"

    def ready() -> tuple[bool, str]:
        with socket.socket() as probe:
            probe.settimeout(2)
            open_ = probe.connect_ex(("127.0.0.1", settings.egress_port)) == 0
        return open_, "ok" if open_ else "squid does not answer yet"

    with health.serve(settings.metrics_port, ready, alive):
        code = squid.wait()
    if stopping.is_set():
        return 0
    structlog.get_logger(__name__).error("squid ended by itself", code=code)
    return 1


def _relay(lines: IO[str]) -> None:
    logger = structlog.get_logger("squid")
    for line in lines:
        # Pages for people, which the image has and nobody sees.
        if "ERR_" not in line and line.strip():
            logger.info("squid", line=line.strip())


def _address(at: str) -> str:
    """An address, also of a service that is being made."""
    deadline = time.monotonic() + _RESOLVE_SECONDS
    while True:
        try:
            found = socket.getaddrinfo(at, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
            return str(found[0][4][0])
        except socket.gaierror as error:
            if time.monotonic() > deadline:
                said = f"egress_proxy.resolve: {at} is not found within {_RESOLVE_SECONDS} s: {error}"
                raise OSError(said) from None
            time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
