"""The JavaScript client of TOS, unmodified, in its three ways to address the local cloud.

It needs node and npm; the client is installed from its lock file into a cache outside the repository.
"""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
import pytest

pytestmark = pytest.mark.system

SOURCES = Path(__file__).parent / "js"
STEPS = [
    *("buckets", "putAndGet", "putAStream", "putAndGetFiles", "headAndMetadata", "rangesAndConditions", "copies"),
    *("listings", "multipart", "wholeFiles", "signedUrls", "deletions", "errors"),
]


@pytest.fixture(scope="session")
def modules():
    """Install the client, once for each state of the lock file, and return its folder."""
    names = ("package.json", "package-lock.json", ".npmrc")
    state = hashlib.sha256(b"".join((SOURCES / name).read_bytes() for name in names)).hexdigest()[:16]
    folder = platformdirs.user_cache_path("arkdeck") / f"conformance-js-{state}"
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy(SOURCES / name, folder)
        subprocess.run(["npm", "ci"], cwd=folder, check=True, timeout=300)
        (folder / "installed").touch()
    return folder / "node_modules"


@pytest.mark.parametrize("mode", ["proxy", "path", "custom"])
def test_every_operation(cloud, modules, tmp_path, mode):
    info, endpoint = cloud.info, urlsplit(cloud.info.tos_endpoint)
    settings = {
        "mode": mode,
        "host": endpoint.hostname,
        "port": endpoint.port,
        "region": info.region,
        "accessKey": info.access_key,
        "secretKey": info.secret_key,
        "bucket": info.bucket,
        "folder": str(tmp_path),
    }
    done = subprocess.run(
        ["node", SOURCES / "conform.cjs"],
        input=json.dumps(settings),
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(modules)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout.split(), done.returncode) == (STEPS, 0), done.stderr
