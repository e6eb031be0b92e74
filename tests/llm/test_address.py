"""Addresses that cannot be used are told in one sentence, which never repeats a secret."""

from pathlib import Path

import pytest

from synth.check import check
from synth.errors import ConfigError, without_secrets
from synth.llm.address import fault_of, fault_of_variable
from synth.settings import build, load

SECRET = "sk-0123456789"
NO_VARIABLES = (
    SECRET,
    "AKIA0123456789EXAMPLE",
    "hf_abcdEFGH01234567ijkl",
    "AIzaSy0123456789_abcdefghij",
    "my key",
    "",
)


@pytest.mark.parametrize(
    "base_url",
    [
        "http://127.0.0.1:8000/v1",
        "https://api.example.com/v1/",
        "http://[::1]:80/v1",
        "fake:?empty=0.1",
        "embedded:",
    ],
)
def test_usable_addresses(base_url: str) -> None:
    assert fault_of(base_url) is None


@pytest.mark.parametrize(
    ("base_url", "fault"),
    [
        ("http://[::1", "host"),
        ("http://127.0.0.1:99999/v1", "port"),
        ("http://127.0.0.1:abc/v1", "port"),
        ("http://127.0.0.1:0/v1", "port"),
        ("http:///v1", "host"),
        ("http://one two/v1", "white space"),
        ("http://a..b/v1", "host"),
        (f"https://127.0.0.1/v1?key={SECRET}", "api_key_env"),
        (f"https://user:{SECRET}@127.0.0.1/v1", "api_key_env"),
        (f"https://user:{SECRET}/x@127.0.0.1/v1", "port"),
        (f"//user:{SECRET}@127.0.0.1/v1", "must begin with"),
        (f"ftp://user:{SECRET}@127.0.0.1/v1", "must begin with"),
        ("127.0.0.1:8000", "must begin with"),
        ("", "must begin with"),
    ],
)
def test_a_faulty_address_is_one_sentence_of_the_check(
    base_url: str, fault: str, documents: Path, tmp_path: Path
) -> None:
    entry = {"big": {"base_url": base_url, "model": "m"}}
    tree = {"models": entry, "roles": {"generator": "big"}, "documents": {"paths": [str(documents)]}}
    with pytest.raises(ConfigError) as caught:
        check(build(tree), tmp_path)
    (told,) = caught.value.faults
    assert told.startswith("models.big: base_url ")
    assert fault in told
    assert SECRET not in told


@pytest.mark.parametrize(
    "overrides",
    [
        [f'models.big.base_url="//user:{SECRET}@host"'],
        [f'models.big="http://user:{SECRET}@host/v1"'],
        [f"models.big.base_url.deep=http://user:{SECRET}@host/v1", "models.big.base_url.deep.er=1"],
        [f"http://user:{SECRET}@host/v1"],
        [f"http://host/v1?key={SECRET}"],
        [f'models.big={{url="x", api_key="{SECRET}"}}'],
        [f'models="https://host/v1?key={SECRET}"'],
    ],
)
def test_no_fault_of_a_configuration_repeats_a_secret(overrides: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load("demo", overrides=overrides)
    assert SECRET not in str(caught.value)


def test_text_without_a_secret_stays_as_it_is() -> None:
    text = "fake:?empty=2 is none; notes//a?.txt and http://127.0.0.1:8000/v1 are not there."
    assert without_secrets(text) == text


@pytest.mark.parametrize("variable", NO_VARIABLES[:-1])
def test_a_key_in_the_place_of_its_variable_is_never_repeated(
    variable: str, documents: Path, tmp_path: Path
) -> None:
    entry = {"big": {"base_url": "http://127.0.0.1:9/v1", "model": "m", "api_key_env": variable}}
    tree = {"models": entry, "roles": {"generator": "big"}, "documents": {"paths": [str(documents)]}}
    with pytest.raises(ConfigError, match=r"models\.big: api_key_env is no name of a variable") as caught:
        check(build(tree), tmp_path)
    assert variable not in str(caught.value)


def test_names_of_variables_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(fault_of_variable(name) for name in NO_VARIABLES)
    usual = ("OPENAI_API_KEY", "KEY_2024", "MISTRAL_AI_TOKEN_V2", "AZURE_OPENAI_API_KEY_WEST1", "key")
    assert not any(map(fault_of_variable, usual))
    monkeypatch.setenv("abcdefghijklmnop1", "k")
    assert fault_of_variable("abcdefghijklmnop1") is None
