"""Output that is cut short, as by `| head`, ends a command quietly."""

import signal
import subprocess
import sys


def test_a_reader_that_stops_reading_is_no_traceback(here):
    command = [sys.executable, "-m", "acnet", "status", "--scale", "mini"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=here)
    process.stdout.close()
    said = process.stderr.read().decode()
    assert process.wait(60) == 128 + signal.SIGPIPE
    assert said == ""
