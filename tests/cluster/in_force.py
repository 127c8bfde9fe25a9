"""Run snakemake with the arguments given, and print as JSON what it worked with: not what a profile's file says.

Nothing of the run is changed; what Snakemake's own objects hold after it is written behind a line `IN FORCE`.
"""

import json
import sys
from typing import Any

from snakemake import cli
from snakemake.api import DAGApi

_execute = DAGApi.execute_workflow


def _plain(settings: Any) -> dict[str, str]:
    return {name: str(value) for name, value in vars(settings).items()} if settings else {}


def _execute_and_tell(self: DAGApi, **given: Any) -> Any:
    result = _execute(self, **given)
    workflow = self.workflow_api._workflow
    jobs = {
        job.rule.name: {
            "threads": job.threads,
            "retries": job.restart_times,
            # A dry run itself is local, whatever it stands for.
            "local": job.rule.name in workflow._localrules,
            **{name: value for name, value in job.resources.items() if not name.startswith("_")},
        }
        for job in workflow.dag.jobs
    }
    facts = {
        "executor": given["executor"],
        "settings": _plain(given.get("executor_settings")),
        "limits": {name: limit.value for name, limit in workflow.global_resources.items() if name[0] != "_"},
        "jobs_at_once": workflow.nodes,
        "cores": workflow.cores,
        "storage": _plain(workflow.storage_settings),
        "remote": _plain(workflow.remote_execution_settings),
        "latency_wait": workflow.execution_settings.latency_wait,
        "keep_going": workflow.execution_settings.keep_going,
        "rerun_triggers": sorted(map(str, workflow.dag_settings.rerun_triggers)),
        "config": workflow.config,
        "jobs": jobs,
    }
    print("IN FORCE\n" + json.dumps(facts, default=str))
    return result


if __name__ == "__main__":
    DAGApi.execute_workflow = _execute_and_tell
    cli.main(sys.argv[1:])
