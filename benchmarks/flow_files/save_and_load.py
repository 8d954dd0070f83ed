"""Save and load artifacts with a mark before, between and after: callgrind counts between marks.

Arguments: the folder that holds `benchmarks/`, then the payloads.
"""

import os
import sys

sys.path.insert(0, sys.argv[1])

from benchmarks.artifacts import load, save
from benchmarks.common import make_payload

payloads = {name: make_payload(name) for name in sys.argv[2:]}
save([("warm_up", {"warm": "up"})], "warm_up")
load(["warm_up"], "warm_up")

for name, payload in payloads.items():
    os.getppid()
    save([("artifact", payload)], name)
    os.getppid()
    load(["artifact"], name)
os.getppid()
