#!/usr/bin/env python3
"""test_web: the unit tests of the page's scripts, src/web/test.

Needs node and the packages of src/web (npm ci there); without them this is skipped, and
tests/integration/bundle runs the same tests."""

import os
import shutil
import subprocess
import sys

WEB = os.path.join(os.environ["SONDE_SOURCE_ROOT"], "src/web")
node = shutil.which("node")
if not node:
    print("SKIP: no node")
    sys.exit(77)
if not os.path.isdir(os.path.join(WEB, "node_modules", "esbuild")):
    print("SKIP: no packages in src/web: npm ci there")
    sys.exit(77)
sys.exit(subprocess.call([node, "test/run.mjs"], cwd=WEB))
