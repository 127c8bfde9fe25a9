import pytest

from acnet.errors import AcnetError
from acnet.params.measures import load_measures, load_rule


def test_the_projects_measures_are_those_of_the_deviations(root):
    measures = load_measures(root / "params")
    assert (measures.bands, measures.resamples, measures.level) == ([1, 3, 5], 1000, 0.95)
    assert (measures.small, measures.large) == pytest.approx((32 * 32 / (640 * 480), 96 * 96 / (640 * 480)), abs=1e-4)


def test_the_rule_for_verdicts_is_no_part_of_what_is_measured(root, tmp_path):
    text = (root / "params/measures.yaml").read_text()
    (tmp_path / "measures.yaml").write_text(text.replace("margin: {value: 0.5", "margin: {value: 1.5"))
    assert (load_rule(root / "params").margin, load_rule(tmp_path).margin) == (0.5, 1.5)
    assert load_measures(tmp_path) == load_measures(root / "params")  # else every run would be evaluated again


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[1, 3, 5]", "[3, 1]", r"bands: \[3, 1\] falls"),
        ("value: 0.03\n", "value: 0.001\n", "small: 0.0033 is above large, 0.001"),
        ("resamples:", "resample:", "unknown key 'resample'; did you mean 'resamples'"),
        ("value: 0.95", "value: 95", r"level: 95.0 is out of range"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key(root, tmp_path, old, new, message):
    text = (root / "params/measures.yaml").read_text()
    assert old in text
    (tmp_path / "measures.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(AcnetError, match=rf"measures.yaml\W+{message}"):
        load_measures(tmp_path)
