#!/bin/sh
# What became of a PBS job: running (or waiting), success or failed.
if ! facts=$(qstat -x -f "$1" 2>&1); then
    case "$facts" in
    *"Unknown Job"*) echo failed ;; # forgotten: what it made would have been noticed
    *) echo running ;;              # the server does not answer; asked again later
    esac
    exit 0
fi
case "$facts" in
*"job_state = F"*"Exit_status = 0"*) echo success ;;
*"job_state = F"*) echo failed ;;
*) echo running ;;
esac
