"""Servers that speak S3 on loopback, and settings with which boto3 knows nothing else of AWS."""

import os

from benchmarks.support import servers

SETTINGS = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


def start(program):
    """Start a server that speaks S3; return its process and its address."""
    return servers.start(program, **SETTINGS)


def only_this_server(address):
    """Let boto3, here and in metaflow's workers, know this server and nothing else of AWS."""
    # One of a person's settings would send requests elsewhere: it makes boto3 ignore addresses.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(SETTINGS, AWS_ENDPOINT_URL_S3=address)
