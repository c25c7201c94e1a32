"""A Ray of its own with Serve applications in it, for one test module; run as a script.

The plan is JSON on the command line: ``temp_dir``, ``http_port``, ``metrics_port``, ``num_cpus`` and ``apps``
(name, route_prefix, import_path, args; handed over as Serve does it). Prints READY, serves
until its standard input ends, and takes all of Ray with it.
"""

from __future__ import annotations

import importlib
import json
import sys

import ray
from ray import serve
from ray.serve._private.api import call_user_app_builder_with_args_if_necessary as build_app
from ray.serve.config import HTTPOptions


def main() -> None:
    plan = json.loads(sys.argv[1])
    ray.init(
        num_cpus=plan["num_cpus"],
        object_store_memory=100 * 1024 * 1024,
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
        _node_ip_address="127.0.0.1",
        _temp_dir=plan["temp_dir"],
        _metrics_export_port=plan["metrics_port"],
        _system_config={"worker_niceness": 0},  # not 15: the machine may be busy
    )
    try:
        serve.start(http_options=HTTPOptions(host="127.0.0.1", port=plan["http_port"]))
        for app in plan["apps"]:
            module, _, name = app["import_path"].partition(":")
            builder = getattr(importlib.import_module(module), name)
            serve.run(build_app(builder, app["args"]), name=app["name"], route_prefix=app["route_prefix"])
        print("READY", flush=True)
        sys.stdin.read()
    finally:
        serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    main()
