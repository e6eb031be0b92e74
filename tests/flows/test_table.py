"""The table of deployments: faults all at once, prefect.yaml made of it, and what each flow is called with."""

import json
from pathlib import Path

import pytest
import yaml
from prefect.client.schemas.schedules import CronSchedule

from flows.table import dedup_of, faults_of, flow_path, parameters, read_table
from flows.yaml_table import as_yaml
from synth.errors import ConfigError
from synth.settings import build

ROOT = Path(__file__).parents[2]
MINE = """
timezone = "Europe/Berlin"

[feed]
recipe = "synthllm-recommended"
model = "fake"
documents = ["notes/"]
store = "feed"
every_minutes = 30
set = {publish.keep = 3, documents.near_duplicates = "keep"}

[again]
flow = "run"
recipe = "sws-recommended"
model = "fake"
rollouts = ["logs/"]
name = "again"
cron = "15 * * * *"
timezone = "UTC"
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "deployments.toml"
    path.write_text(text)
    return path


def test_prefect_yaml_is_what_the_table_gives() -> None:
    assert (ROOT / "prefect.yaml").read_text("utf-8") == as_yaml(read_table().entries)


def test_every_deployment_of_prefect_yaml_can_be_run() -> None:
    for one in yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]:
        if one["name"] == "dedup":
            assert dedup_of(one["parameters"]["config"]).inputs == ("tables/",)
        else:
            assert build(one["parameters"]["config"]).roles.generator == "big"
        assert one["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
        assert one["description"]
        assert one["tags"][0] == "synth"
        assert all(CronSchedule(**schedule) for schedule in one.get("schedules", []))


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    feed, again = read_table(write(tmp_path, MINE)).entries
    config = feed.of.config()
    assert (config.store.name, config.publish.keep) == ("feed", 3)
    assert config.documents.paths == (str(tmp_path / "notes"),)
    assert (feed.of.when, feed.of.late_minutes) == ("every 30 min", 15.0)
    assert (again.of.when, again.of.late_minutes) == ("15 * * * * UTC", 60.0)
    assert flow_path(feed) == ("flows.incremental", "incremental")
    assert flow_path(again) == ("flows.sws", "sws")
    assert parameters(again, {}, "runs") == {"config": {}, "runs": "runs", "name": "again"}
    assert parameters(feed, {}, "runs") == {"config": {}, "runs": "runs", "skip_after_minutes": 15.0}


def test_a_folder_that_is_deduplicated(tmp_path: Path) -> None:
    text = """
[clean]
flow = "dedup"
set = {inputs = ["in/"], out = "out/", index = "seen/"}
every_minutes = 60
"""
    (clean,) = read_table(write(tmp_path, text)).entries
    config = clean.of.config()
    assert (config.inputs, config.index) == ((str(tmp_path / "in"),), str(tmp_path / "seen"))
    assert flow_path(clean) == ("flows.dedup", "dedup")
    assert parameters(clean, {}, "runs") == {"config": {}, "skip_after_minutes": 30.0}
    assert faults_of(clean, tmp_path) == [
        f"clean: There is no file {tmp_path / 'in'}; give Parquet, JSON Lines (also .gz) or CSV."
    ]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text('{"question": "Why?"}')
    assert faults_of(clean, tmp_path) == []
    wrong = text.replace('index = "seen/"', "bands = 99, indx = 1")
    with pytest.raises(ConfigError) as fault:
        read_table(write(tmp_path, wrong))
    assert fault.value.faults[0].startswith("clean: ")
    assert "there is no such key, only inputs, out" in str(fault.value)


def test_all_faults_are_found_at_once(tmp_path: Path) -> None:
    text = """
no_progress_minutes = 0
[a]
recipe = "nothing"
store = "s"
[b]
recipe = "synthllm-recommended"
store = "s"
cron = "99 * * * *"
timezone = "Nowhere/X"
[c]
recipe = "synthllm-recommended"
store = "s"
cron = "0 * * * *"
every_minutes = 5
[d]
recipe = "synthllm-recommended"
store = "s"
set = {combinations.epochs = -1}
[e]
recipe = "synthllm-recommended"
[f]
recipe = "synthllm-recommended"
stor = "s"
"""
    with pytest.raises(ConfigError) as fault:
        read_table(write(tmp_path, text))
    said = [line.split(":")[0] for line in fault.value.faults]
    assert said[:4] == ["no_progress_minutes", "a", "b.cron", "b.timezone"]
    assert said[4].startswith("c.cron and every_minutes are both given")
    assert said[5:] == ["d", "e.store", "f.stor"]
    assert all("\n" not in line for line in fault.value.faults)


def test_a_wrong_key_or_recipe_hides_no_other_fault(tmp_path: Path) -> None:
    text = """
[a]
recipe = "nothing"
store = "s"
colour = "red"
cron = "99 * * * *"
timezone = "Nowhere/X"
"""
    with pytest.raises(ConfigError) as fault:
        read_table(write(tmp_path, text))
    said = [line.split(":")[0] for line in fault.value.faults]
    assert said == ["a.colour", "a", "a.cron", "a.timezone"]


def test_the_folder_of_runs_of_a_worker_can_be_named(tmp_path: Path) -> None:
    entries = read_table(write(tmp_path, MINE)).entries
    for folder in ("data/runs", "/far/runs"):
        made = yaml.safe_load(as_yaml(entries, folder))["deployments"]
        assert [one["parameters"]["runs"] for one in made] == [folder, folder]


def test_inputs_are_looked_at_before_anything_is_served(tmp_path: Path) -> None:
    feed, again = read_table(write(tmp_path, MINE)).entries
    assert [f"feed: {tmp_path / 'notes'} does not exist: correct documents.paths."] == faults_of(
        feed, tmp_path
    )
    assert "again: rollouts.paths: There is no log" in faults_of(again, tmp_path)[0]
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").write_text("# A\n\nSome text.")
    assert faults_of(feed, tmp_path) == []


@pytest.mark.parametrize("text", ["", "x = 1", "[a", "\xff"])
def test_what_is_no_table_is_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "deployments.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError) as fault:
        read_table(path)
    assert len(fault.value.faults) == 1


@pytest.mark.parametrize(
    "entry",
    [
        'base_url = "https://user:SECRET@llm.example.org/v1", model = "m"',
        'base_url = "https://llm.example.org/v1?key=SECRET", model = "m"',
        'base_url = "https://llm.example.org/v1", model = "m", api_key_env = "sk-SECRET-0123456789"',
    ],
)
def test_a_secret_in_the_table_is_told_and_printed_nowhere(entry: str, tmp_path: Path) -> None:
    """It would stand in prefect.yaml, and in the database of the server."""
    text = f'[a]\nrecipe = "synthllm-recommended"\nstore = "x"\nset.models.big = {{{entry}}}\n'
    with pytest.raises(ConfigError, match=r"a: models\.big: (base_url|api_key_env) ") as caught:
        read_table(write(tmp_path, text))
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("every_minutes = inf", "every_minutes: .* less than or equal to"),
        ("every_minutes = 1e300", "every_minutes: .* less than or equal to"),
        ("every_minutes = 1e-9", "every_minutes: .* greater than or equal to"),
        ("every_minutes = nan", "every_minutes: "),
        ("skip_after_minutes = 1e308", "skip_after_minutes: .* less than or equal to"),
        ('cron = "0 0 31 2 *"', "a.cron: '0 0 31 2 \\*' never comes"),
        ('cron = "0 0 30 2 1"\ntimezone = "Europe/Berlin"', "a.cron: .* never comes"),
        ('set.mirror = "s3://KEY:SECRET@bucket/runs"', r"a: mirror: s3://\[hidden\]@bucket/runs holds cred"),
        ('set.mirror = "s3://bucket/runs?token=SECRET"', "a: mirror: s3://bucket/runs holds credentials"),
        ("set.seed = 2020-01-01", "set: dates and times are no settings"),
        (f"set.seed = {'[' * 5000}", "its brackets lie too deep"),
    ],
)
def test_what_no_calendar_and_no_setting_can_hold_is_told(line: str, said: str, tmp_path: Path) -> None:
    text = f'[a]\nrecipe = "synthllm-recommended"\nstore = "x"\nmodel = "fake"\n{line}\n'
    with pytest.raises(ConfigError, match=said):
        read_table(write(tmp_path, text))


@pytest.mark.parametrize("name", ["a/b", "100%", "<script>", "two\nlines", "", " ", "\x1b[31mred"])
def test_a_name_that_prefect_would_refuse_is_told_before_it_is_served(name: str, tmp_path: Path) -> None:
    text = f'[{json.dumps(name)}]\nrecipe = "synthllm-recommended"\nstore = "x"\nmodel = "fake"\n'
    with pytest.raises(ConfigError, match="no name of a deployment") as caught:
        read_table(write(tmp_path, text))
    (said,) = caught.value.faults
    assert said.isprintable()
