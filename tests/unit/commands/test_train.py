"""`acnet train` by the command itself: the status by which a scheduler knows that it has to be called again."""

RUN = "results/mini/fcn_s16/seed0"


def test_out_of_time_is_status_75_and_the_same_command_goes_on(here, acnet):
    (here / RUN / "checkpoint.pt").unlink()
    done = acnet(f"train --params {RUN}/params.yaml --time-limit 0")
    assert done.status == 75
    assert done.lines[-1] == "acnet: stopped before its time limit at step 0 of 4; the same command goes on from there"
    assert not (here / RUN / "checkpoint.pt").exists()
    done = acnet(f"train --params {RUN}/params.yaml")
    assert done.status == 0 and any("resuming at step 0" in line for line in done.lines)
    assert (here / RUN / "checkpoint.pt").exists()
