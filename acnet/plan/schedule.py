"""How long jobs take together on so many GPUs: it simulates starting ready jobs, longest remaining path first."""

import bisect
import collections
import heapq
from collections.abc import Iterable, Mapping

from acnet.plan.jobs import Job


def critical_path(jobs: Mapping[str, Job]) -> list[Job]:
    """The longest chain of dependent jobs: with any number of GPUs the campaign takes at least as long."""
    remaining, path = _remaining(jobs), []
    ready = [job for job in jobs.values() if not job.after]
    while ready:
        path.append(max(ready, key=lambda job: remaining[job.name]))
        ready = [job for job in jobs.values() if path[-1].name in job.after]
    return path


def wall_time(jobs: Mapping[str, Job], gpus: int, at_once: int) -> float:
    """Seconds until the last of `jobs` has ended, on `gpus` GPUs and with `at_once` jobs at a time.

    A job that asks for more GPUs than there are gets all of them, as Snakemake would have it, and takes as much longer.
    """
    remaining, missing = _remaining(jobs), {job.name: len(job.after) for job in jobs.values()}
    waiting = collections.defaultdict(list)
    for job in jobs.values():
        for name in job.after:
            waiting[name].append(job.name)
    ready = sorted((-remaining[name], name) for name, count in missing.items() if not count)
    running: list[tuple[float, str, int]] = []
    now, free, places = 0.0, gpus, at_once
    while ready or running:
        held_back = []
        for entry in ready:
            job = jobs[entry[1]]
            taken = min(job.gpus, gpus)
            if not places or taken > free:
                held_back.append(entry)
                continue
            free, places = free - taken, places - 1
            slower = job.gpus / taken if taken else 1.0
            heapq.heappush(running, (now + job.seconds * slower, job.name, taken))
        ready = held_back
        now, name, taken = heapq.heappop(running)
        free, places = free + taken, places + 1
        for after in waiting[name]:
            missing[after] -= 1
            if not missing[after]:
                bisect.insort(ready, (-remaining[after], after))
    return now


def gpu_seconds(jobs: Iterable[Job]) -> float:
    """GPUs times seconds, of all jobs together."""
    return sum(job.gpus * job.seconds for job in jobs)


def _remaining(jobs: Mapping[str, Job]) -> dict[str, float]:
    """By a job's name, the seconds from its start to the end of all that waits for it."""
    remaining = {name: job.seconds for name, job in jobs.items()}
    for name in reversed(list(jobs)):  # each stands after those it waits for
        for before in jobs[name].after:
            remaining[before] = max(remaining[before], jobs[before].seconds + remaining[name])
    return remaining
