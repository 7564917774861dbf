"""`new`, `import-model` and `import-runs` at the shell."""

from pathlib import Path

import pytest

from tests.cli.test_bad_input import assert_refused

LOGS = Path(__file__).parents[1] / "logs" / "files"
CONFIGS = Path(__file__).parents[1] / "catalog" / "configs"


def test_new_writes_a_file_once(shell, folder):
    answer = shell("new", "Chip", "mine", "--out", "own/chips.yaml")
    assert (answer.code, answer.err) == (0, "written to own/chips.yaml\n")
    assert "base: h100_sxm" in (folder / "own" / "chips.yaml").read_text()
    again = shell("new", "chip", "mine", "--out", "own/chips.yaml")
    assert_refused(again, folder, ["exists already"], ("own", "study.yaml"))
    assert shell("new", "study").code == 0
    assert (folder / "my_study.yaml").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["new", "chp"], "must be a known kind, but is 'chp' (did you mean `chip`?)"),
        (["new", "chip", "a b"], "must be a name of letters, digits and `_`"),
        (["new", "chip", "--like", "h1000"], "unknown chip 'h1000'"),
        (["import-model", "none.json"], "there is no such file"),
        (["import-model", "study.yaml"], "has no `model_type`"),
        (
            ["import-model", CONFIGS / "gpt-oss-20b.json", "--parameters", "20.9"],
            "--parameters must be a count, such as 20.9B, but is 20.9",
        ),
        (["import-runs", "study.yaml"], "holds no steps that are known"),
        (["import-runs", "study.yaml", "--set", "tpp=3"], "(did you mean `tp`?)"),
        (["import-runs", "study.yaml", "--model", "llama"], "`llama3_8b`"),
        (["import-runs", "study.yaml", "--out", "study.yaml"], "exists already"),
    ],
)
def test_wrong_words_are_refused_in_one_line(words, said, shell, folder):
    assert_refused(shell(*words), folder, [said])


def test_a_config_is_counted_and_written(shell, folder):
    path = CONFIGS / "gpt-oss-20b.json"
    answer = shell("import-model", path, "--parameters", "21B")
    assert "gpt_oss_20b: 20.91 B parameters, 4.186 B of them active" in answer.err
    assert "warning" not in answer.err
    assert "\ngpt_oss_20b:\n" in answer.out
    answer = shell("import-model", path, "--parameters", "30B", "--out", "models.yaml")
    assert "30 % fewer than the 30 B stated" in answer.err
    assert "experts: 32" in (folder / "models.yaml").read_text()


def test_logs_become_a_table(shell, folder):
    files = [LOGS / name for name in ("torchtitan.log", "megatron.log")]
    answer = shell("import-runs", *files, "--platform", "h100", "--out", "runs.csv")
    assert answer.code == 0
    assert answer.out == ""
    assert answer.err.count("  assumed: ") == 2
    assert "now: supernode-opt validate --runs runs.csv" in answer.err
    assert len((folder / "runs.csv").read_text().splitlines()) == 3
