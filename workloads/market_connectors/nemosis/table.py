"""One of AEMO's tables as CSV, by nemosis: a program of its own, in an environment of its own.

    table.py TABLE FIRST LAST DIRECTORY SILENCE PAUSE

TABLE is a table of nemosis's, FIRST and LAST are days of market time, both included. Into DIRECTORY come
`prices.csv` (region such as NSW1, the end of each interval in market time, AUD/MWh; no row where AEMO has
none) and `asked.json` (what the server answered each question). SILENCE is how many seconds the server may
say nothing, PAUSE how many lie between two questions.

nemosis is under the GPL-3.0. Nothing of the platform imports this file, and it imports nothing of the
platform: what passes between them are arguments and the two files.

nemosis takes every failure of a question for a file that does not exist. So a server that refuses, or gives
half a file, ends this program here, with what it said in `asked.json`.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
import tempfile
import time
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

_NOT_THERE = 404
_STOPPED = 3
"""Exit code after a question without an answer that can be taken for one."""


class _Stopped(BaseException):
    """Past nemosis, which catches every Exception."""


def _main(table: str, first: str, last: str, directory: str, silence: str, pause: str) -> int:
    nemosis: Any = importlib.import_module("nemosis")
    _one_host_by_https(importlib.import_module("nemosis.defaults"))
    into, asked = Path(directory), list[dict[str, Any]]()
    _watch(importlib.import_module("requests"), asked, float(silence), float(pause))
    start, over = date.fromisoformat(first), date.fromisoformat(last) + timedelta(days=1)
    rows: list[str] = []
    try:
        with tempfile.TemporaryDirectory() as raw:
            rows = _rows(nemosis, table, f"{start:%Y/%m/%d} 00:00:00", f"{over:%Y/%m/%d} 00:00:00", raw)
    except _Stopped:
        return _STOPPED
    finally:
        (into / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
        (into / "prices.csv").write_text("".join(["region,end,price\n", *rows]), encoding="utf-8")
    return 0


def _rows(nemosis: Any, table: str, start: str, over: str, raw: str) -> list[str]:
    try:
        frame = nemosis.dynamic_data_compiler(start, over, table, raw, fformat="csv", keep_csv=True)
    except importlib.import_module("nemosis.custom_errors").NoDataToReturn:
        return []
    if "INTERVENTION" in frame.columns:
        # Of an interval in which the operator intervened, the run that sets the price.
        frame = frame[frame["INTERVENTION"].astype(int) == 0]
    said = frame[["REGIONID", "SETTLEMENTDATE", "RRP"]].dropna()
    columns = (said["REGIONID"], said["SETTLEMENTDATE"], said["RRP"])
    return [f"{region},{end.isoformat()},{price}\n" for region, end, price in zip(*columns, strict=True)]


def _one_host_by_https(defaults: Any) -> None:
    """The library has archives by http and current reports by https of the same server."""
    old = "http://www.nemweb.com.au/"
    defaults.aemo_mms_url = defaults.aemo_mms_url.replace(old, defaults.nem_web_domain_url)


def _watch(requests: Any, asked: list[dict[str, Any]], silence: float, pause: float) -> None:
    send = requests.Session.send

    def watched(self: Any, request: Any, **kwargs: Any) -> Any:
        if asked:
            time.sleep(pause)
        said: dict[str, Any] = {"url": request.url, "status": None, "retry_after": None, "fault": ""}
        asked.append(said)
        try:
            answer = send(self, request, **{**kwargs, "timeout": silence})
        except requests.RequestException as error:
            said["fault"] = f"{type(error).__name__}: {error}"
            raise _Stopped from error
        said |= {"status": answer.status_code, "retry_after": answer.headers.get("Retry-After")}
        if answer.status_code == _NOT_THERE:
            return answer
        if not answer.ok:
            raise _Stopped
        if request.url.endswith(".zip") and not _whole(answer.content):
            said["fault"] = f"{len(answer.content)} bytes that are no whole archive"
            raise _Stopped
        return answer

    requests.Session.send = watched


def _whole(content: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.testzip() is None and _ends(archive)
    except zipfile.BadZipFile:
        return False


def _ends(archive: zipfile.ZipFile) -> bool:
    """Whether each file has AEMO's last line; nemosis drops the last one, whatever it is."""
    return all(
        archive.read(name).rstrip().rpartition(b"\n")[2].startswith(b"C,") for name in archive.namelist()
    )


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
