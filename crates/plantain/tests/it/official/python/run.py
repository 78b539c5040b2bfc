"""Runs groups of cases with fal's official client and prints one JSON report: what passed, what failed, which webhooks
are owed.

    python run.py GROUP…

The environment says how the client reaches the queue. Nothing of the client's package is replaced.

    WAY       constants: the client's module constants are set, for plain HTTP; plain: the names lead here
    QUEUE     where the queue listens, without a slash at its end
    FAL_KEY   credentials, as the client reads them itself
    HOOK      a receiver's address; absent where none can be reached
"""

import asyncio
import importlib
import inspect
import json
import os
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import fal_client
import fal_client.client as constants

WAY = os.environ["WAY"]
BASE = os.environ["QUEUE"]


def configure():
    """The client has no option for plain HTTP, only these names."""
    if WAY == "constants":
        constants.QUEUE_URL_FORMAT = f"{BASE}/queue/"
        constants.RUN_URL_FORMAT = f"{BASE}/run/"
        constants.REST_URL = f"{BASE}/rest"
        constants.CDN_URL = f"{BASE}/cdn"


class Report:
    def __init__(self):
        self.passed, self.failed, self.millis = [], {}, {}

    def judge(self, title, began, error):
        self.millis[title] = round((time.monotonic() - began) * 1000)
        if error is None:
            self.passed.append(title)
        else:
            self.failed[title] = "".join(traceback.format_exception(type(error), error, error.__traceback__))


def run_blocking(report, title, case):
    began = time.monotonic()
    try:
        case()
        report.judge(title, began, None)
    except Exception as error:
        report.judge(title, began, error)


async def run_async(report, title, case):
    began = time.monotonic()
    try:
        await case()
        report.judge(title, began, None)
    except Exception as error:
        report.judge(title, began, error)


async def run_beside_each_other(report, cases):
    await asyncio.gather(*(run_async(report, title, case) for title, case in cases))


def run_group(report, name):
    """Cases of a group run beside each other, but for those of a group that says IN_ORDER."""
    group = importlib.import_module(name)
    cases = [(f"{name}: {key[5:].replace('_', ' ')}", case) for key, case in vars(group).items() if key.startswith("case_")]
    if inspect.iscoroutinefunction(cases[0][1]):
        asyncio.run(run_beside_each_other(report, cases))
        return
    with ThreadPoolExecutor(1 if getattr(group, "IN_ORDER", False) else 16) as pool:
        for title, case in cases:
            pool.submit(run_blocking, report, title, case)


def main():
    configure()
    import support

    report = Report()
    for name in sys.argv[1:]:
        run_group(report, name)
    said = {"client": fal_client.__version__, "way": WAY, "webhooks": support.WEBHOOKS}
    print(json.dumps({**said, "passed": report.passed, "failed": report.failed, "millis": report.millis}))


main()
